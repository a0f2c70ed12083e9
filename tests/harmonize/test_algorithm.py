"""Algorithm 1: the fast path is bit-identical to the loops of the paper, and keeps the paper's laws."""

import csv
import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ccc.codebook import ColorGrid, class_map
from ccc.color import gray_of, resize_ab
from ccc.colorizers import oracle
from ccc.core.errors import CCCError
from ccc.core.images import read_rgb, write_png
from ccc.harmonize import harmonize, harmonize_picture, harmonize_pictures, pair_up
from ccc.segment import load, segment_folder
from ccc.segment.rle import encode, record

literal = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "harmonize.py"))["literal"]

# Where the fast path could part from the loops: bin edges, distances of exactly delta, one float32 step beside them.
EDGES = [x + d for x in (-128, -8.5, -8, -0.5, 0, 0.5, 7.5, 8, 8.5, 16, 94.5, 128) for d in (0, 1e-6, -1e-6)]
EDGES += [float(np.nextafter(np.float32(x), np.float32(y))) for x in (8, -8, 0.5, -0.5, 0) for y in (-99, 99)]
values = st.one_of(st.sampled_from(EDGES), st.integers(-20, 20).map(float), st.floats(-128, 128, width=32))


@st.composite
def scenes(draw):
    """ab `(H, W, 2)`, masks `(n, H, W)` among them empty, full and repeated ones, and parameters."""
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    ab = draw(arrays(np.float32, (height, width, 2), elements=values, fill=st.sampled_from([0.0, 3.5, -8.0])))
    random = arrays(bool, (height, width))
    kinds = st.one_of(random, st.just(np.ones((height, width), bool)), st.just(np.zeros((height, width), bool)))
    masks = draw(st.lists(kinds, max_size=5))
    masks += [masks[i] for i in draw(st.lists(st.integers(0, len(masks) - 1), max_size=2))] if masks else []
    parameters = {
        "min_pixels": draw(st.integers(0, height * width)),
        "delta_a": draw(st.sampled_from([0, 0.1, 1, 7.5, 8, 300])),
        "delta_b": draw(st.sampled_from([0, 2.3, 8])),
        "mode_bin": draw(st.sampled_from([1, 10, 0.5, 0.1, 0.3])),
        "order": draw(st.sampled_from(["area", "given"])),
        "mode": draw(st.sampled_from(["marginal", "joint"])),
    }
    return ab, masks, parameters


@settings(max_examples=500, deadline=None)
@given(scenes())
def test_bit_identical_to_the_loops(scene):
    ab, masks, parameters = scene
    before = ab.copy()
    expected = literal(ab, masks, **parameters)
    for given_masks in (masks, [encode(mask) for mask in masks], [record(encode(mask)) for mask in masks]):
        result = harmonize(ab, given_masks, **parameters)
        assert result.dtype == np.float32 and result.tobytes() == expected.tobytes()
    assert ab.tobytes() == before.tobytes()


@pytest.mark.parametrize("mode", ["marginal", "joint"])
def test_bit_identical_on_large_overlapping_masks(mode):
    scene = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "harmonize.py"))["scene"]
    ab, masks = scene(120, 160, 20, seed=3)
    assert harmonize(ab, masks, mode=mode).tobytes() == literal(ab, masks, mode=mode).tobytes()


@pytest.mark.parametrize("delta", [0, 0.1, 0.7, 8, 8.3])
@pytest.mark.parametrize(("center", "mode_bin"), [(0, 1), (8, 1), (-7, 1), (0.3, 0.1), (-12.6, 0.7)])
def test_every_float_beside_the_limit_is_decided_as_in_the_loops(delta, center, mode_bin):
    beside = [np.float32(center + sign * delta) for sign in (-1, 1)]
    for _ in range(4):
        beside += [np.nextafter(value, np.float32(way)) for value in beside for way in (-999, 999)]
    ab = np.full((1, 2 * len(beside), 2), center, np.float32)
    ab[0, : len(beside)] = np.array(beside)[:, None]
    parameters = {"min_pixels": 0, "delta_a": delta, "delta_b": delta, "mode_bin": mode_bin}
    mask = [np.ones(ab.shape[:2], bool)]
    assert harmonize(ab, mask, **parameters).tobytes() == literal(ab, mask, **parameters).tobytes()


def plane(a):
    """ab with the given a and b = 0."""
    a = np.asarray(a, dtype=np.float32)
    return np.stack([a, np.zeros_like(a)], axis=-1)


def strip(pixels, start=0, width=1000):
    mask = np.zeros((1, width), bool)
    mask[0, start : start + pixels] = True
    return mask


@pytest.mark.parametrize(("pixels", "harmonized"), [(500, False), (501, True)])
def test_a_segment_needs_more_than_500_pixels(pixels, harmonized):
    ab = plane(np.zeros((1, 1000)))
    ab[0, 3] = 50
    assert (harmonize(ab, [strip(pixels)])[0, 3, 0] == 0) == harmonized


def test_the_distance_must_exceed_delta():
    a = np.zeros((1, 1000))
    a[0, :4] = 8, np.nextafter(np.float32(8), np.float32(9)), -8, -8.5
    assert harmonize(plane(a), [strip(1000)])[0, :4, 0].tolist() == [8, 0, -8, 0]


def test_modes_round_half_up_and_ties_go_to_the_smallest():
    a = np.full((1, 1000), 20.0)
    a[0, :300], a[0, 300:600] = -0.5, 0.49  # both bin 0: together they outnumber the 400 of bin 20
    assert harmonize(plane(a), [strip(1000)])[0, 999, 0] == 0
    a[0, :500], a[0, 500:] = 30, -30
    assert (harmonize(plane(a), [strip(1000)])[..., 0] == -30).all()


def test_a_bin_centre_map_becomes_one_colour_per_segment():
    generator = np.random.default_rng(0)
    ab = (generator.integers(-5, 5, (30, 30, 2)) * 10 + 5).astype(np.float32)  # delta 8 < alpha 10
    assert len(np.unique(harmonize(ab, np.ones((1, 30, 30), bool)).reshape(-1, 2), axis=0)) == 1


def test_masks_act_in_turn_by_falling_area():
    a = np.zeros((1, 1000))
    a[0, 600:] = 40  # the small mask alone would see a majority of 40; after the large one all is 0
    masks = [strip(700, 300), strip(1000)]
    assert (harmonize(plane(a), masks)[..., 0] == 0).all()
    assert (harmonize(plane(a), masks, order="given")[..., 0] == 40).all()


def test_equal_areas_go_by_bounding_box_whatever_the_order_given():
    generator = np.random.default_rng(1)
    ab = (generator.integers(-3, 3, (1, 1000, 2)) * 20).astype(np.float32)
    masks = [strip(600, start) for start in (300, 0, 150, 400)]
    first = harmonize(ab, masks)
    for _ in range(5):
        assert (harmonize(ab, [masks[i] for i in generator.permutation(4)]) == first).all()


def test_joint_mode_is_a_colour_of_the_segment():
    ab = np.zeros((1, 1000, 2), np.float32)
    ab[0, :400], ab[0, 400:700], ab[0, 700:] = (0, 50), (20, 20), (40, 20)  # marginal: (0, 20), which no pixel has
    mask = [strip(1000)]
    assert np.unique(harmonize(ab, mask)[0], axis=0).tolist() == [[0, 20]]
    assert np.unique(harmonize(ab, mask, mode="joint")[0], axis=0).tolist() == [[0, 50]]


def test_no_masks_and_one_pixel():
    ab = np.full((1, 1, 2), 7.25, np.float32)
    assert (harmonize(ab, []) == ab).all()
    assert (harmonize(ab, [np.ones((1, 1), bool)], min_pixels=0, delta_a=0.1)[0, 0] == (7, 7.25)).all()


@pytest.mark.parametrize(
    ("ab", "parameters"),
    [
        (np.zeros((4, 4, 3), np.float32), {}),
        (np.zeros((4, 4, 2), np.uint8), {}),
        (np.full((4, 4, 2), np.nan, np.float32), {}),
        (np.zeros((4, 4, 2), np.float32), {"mode_bin": 0}),
        (np.zeros((4, 4, 2), np.float32), {"delta_a": -1}),
        (np.zeros((4, 4, 2), np.float32), {"order": "size"}),
        (np.zeros((4, 4, 2), np.float32), {"mode": "both"}),
    ],
)
def test_refusals(ab, parameters):
    with pytest.raises(ValueError):
        harmonize(ab, [], **parameters)


def test_a_mask_of_another_size_or_kind_is_named():
    ab = np.zeros((4, 5, 2), np.float32)
    with pytest.raises(CCCError, match="mask 1: is 5 x 4, the picture 4 x 5"):
        harmonize(ab, [np.ones((4, 5), bool), np.ones((5, 4), bool)])
    with pytest.raises(CCCError, match="mask 0: must be bool"):
        harmonize(ab, [np.ones((4, 5), np.uint8)])
    with pytest.raises(CCCError, match="must cover its 4 x 5"):
        harmonize(ab, [{"size": [4, 5], "counts": [3, 4]}])


def test_untouched_pixels_keep_their_colour_to_the_bit(astronaut):
    color = astronaut[:200, :200]
    masks = np.zeros((2, 200, 200), bool)
    masks[0, 20:120, 30:160] = masks[1, :5, :5] = True
    picture, numbers = harmonize_picture(gray_of(color), color, masks)
    changed = (picture != color).any(axis=-1)
    assert 0 < changed.sum() and not changed[~masks[0]].any()
    assert changed.mean() <= numbers["changed_share"] <= masks[0].mean()
    assert numbers["segments_used"] == 1
    assert numbers["mean_ab_shift"] > 8 * numbers["changed_share"]  # what is replaced was further than 8 away
    same, numbers = harmonize_picture(gray_of(color), color, [])
    assert (same == color).all() and numbers == {"changed_share": 0, "mean_ab_shift": 0, "segments_used": 0}


@pytest.fixture
def folders(tmp_path, astronaut):
    for name, color in (("one", astronaut[:100, :120]), ("in/two", astronaut[200:290, 200:270])):
        write_png(tmp_path / "gray" / f"{name}.png", gray_of(color))
        write_png(tmp_path / "color" / f"{name}.png", color)
    segment_folder(tmp_path / "gray", tmp_path / "masks", load("felzenszwalb"), coco=tmp_path / "masks.json")
    return [tmp_path / part for part in ("gray", "color", "masks", "out")]


def over(folders, **parameters):
    gray, color, masks, out = folders
    return harmonize_pictures(pair_up(gray, color, out), load("masks", masks), **parameters)


def test_folder(folders, tmp_path):
    rows = over(folders, changes=tmp_path / "changes.csv", min_pixels=100)
    assert [row["name"] for row in rows] == ["in/two", "one"]
    assert read_rgb(folders[3] / "in/two.png").shape == (90, 70, 3)
    with open(tmp_path / "changes.csv") as file:
        stored = list(csv.DictReader(file))
    assert list(stored[0]) == ["name", "changed_share", "mean_ab_shift", "segments_used", "segmenter", "ab"]
    assert float(stored[0]["changed_share"]) == rows[0]["changed_share"] > 0
    assert stored[0]["segmenter"] == "felzenszwalb"  # not "masks": the file says who made them


def test_masks_from_a_folder_a_coco_file_or_the_segmenter_are_one(folders, tmp_path):
    gray, color, masks, _ = folders
    rows = [over(folders, min_pixels=100)]
    for number, segmenter in enumerate((load("masks", tmp_path / "masks.json"), load("felzenszwalb"))):
        pairs = pair_up(gray, color, tmp_path / str(number))
        rows.append(harmonize_pictures(pairs, segmenter, min_pixels=100))
        for name, (*_, target) in pairs.items():
            assert target.read_bytes() == (folders[3] / f"{name}.png").read_bytes()
    assert rows[0] == rows[1] == rows[2]


def test_wrong_parameters_are_an_error_of_use(folders):
    with pytest.raises(CCCError, match="order must be"):
        over(folders, order="size")
    with pytest.raises(CCCError, match="upsample must be"):
        over(folders, upsample="cubic")


def test_what_is_missing_is_named_before_anything_is_written(folders):
    gray, color, masks, out = folders
    (masks / "one.json").rename(masks / "other.json")
    with pytest.raises(CCCError, match="no masks for one "):
        over(folders)
    (masks / "other.json").rename(masks / "one.json")
    (color / "in/two.png").unlink()
    with pytest.raises(CCCError, match="color: lacks in/two, which .*gray holds"):
        over(folders)
    assert not out.exists()
    with pytest.raises(CCCError, match="another folder"):
        over([gray, gray, masks, gray])
    with pytest.raises(CCCError, match="two pictures, or two folders"):
        over([gray, color / "one.png", masks, out])


def test_a_picture_that_does_not_fit_is_named_and_the_others_are_done(folders, astronaut):
    gray, color, masks, out = folders
    write_png(color / "one.png", astronaut[:99, :120])
    with pytest.raises(CCCError, match="1 of 2 pictures .* the others are done: .*one.png: .* 120x100, .* one 120x99"):
        over(folders)
    assert [path.name for path in out.rglob("*.png")] == ["two.png"]
    write_png(color / "one.png", astronaut[:100, :120])
    stored = json.loads((masks / "in/two.json").read_text())
    (masks / "one.json").write_text(json.dumps(stored))
    with pytest.raises(CCCError, match="one.json: is 90 x 70, the picture 100 x 120"):
        over(folders)
    (gray / "one.png").write_bytes(b"no picture")
    with pytest.raises(CCCError, match="gray/one.png: not a picture"):
        over(folders)


@pytest.mark.parametrize("upsample", ["nearest", "bilinear"])
def test_a_smaller_coloured_picture_is_brought_to_size(astronaut, upsample):
    gray = gray_of(astronaut)
    small = oracle.load(map_size=56).colorize(astronaut)[::4, ::4]
    masks = [record(encode(np.ones(gray.shape, bool)))]
    untouched, numbers = harmonize_picture(gray, small, [], upsample)
    assert numbers["changed_share"] == 0
    assert np.abs(gray_of(untouched).astype(int) - gray).mean() < 1  # L is the gray picture's, but for the gamut
    colors = len(np.unique(untouched.reshape(-1, 3), axis=0))
    _, other = harmonize_picture(gray, small, masks, upsample)
    assert other["changed_share"] > 0.1
    flipped = {"nearest": "bilinear", "bilinear": "nearest"}[upsample]
    colors_flipped = len(np.unique(harmonize_picture(gray, small, [], flipped)[0].reshape(-1, 3), axis=0))
    assert (colors > colors_flipped) == (upsample == "bilinear")  # bilinear makes colours in between
    with pytest.raises(CCCError, match="set upsample to bilinear or nearest"):
        harmonize_picture(gray, small, masks)


def test_nearest_and_bilinear_upsampling_decide_what_is_left_of_a_segment(astronaut):
    """Bin centres are 10 apart and delta is 8: after nearest upsampling one colour is left of a segment."""
    classes = class_map(astronaut)
    bin_centres = ColorGrid().decode(classes.astype(np.int64))
    whole = [np.ones((512, 512), bool)]
    left = {
        upsample: len(np.unique(harmonize(resize_ab(bin_centres, 512, 512, upsample), whole).reshape(-1, 2), axis=0))
        for upsample in ("nearest", "bilinear")
    }
    assert left["nearest"] == 1 and left["bilinear"] > 1000
