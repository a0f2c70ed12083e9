"""What harmonization changed, as figures, as a table over its parameters, and as a page."""

import json

import numpy as np
import pytest

from ccc.cli import main
from ccc.color import gray_of, lab_to_rgb, rgb_to_lab, to_uint8
from ccc.colorizers import oracle
from ccc.errors import CCCError
from ccc.harmonize import harmonize_picture
from ccc.images import read_gray, read_rgb, write_png
from ccc.report.ablation import ablate, read_ablation, write_ablation
from ccc.report.comparison import comparison, write_comparisons
from ccc.report.harmonization import write_page
from ccc.segment import load
from ccc.segment.rle import encode, record


@pytest.fixture
def bleeding():
    """A red square on green of the same lightness, its red 4 pixels too wide; the mask of the square, and the truth."""
    lab = np.full((128, 128, 3), 50, np.float32)
    lab[..., 1:] = -40, 30
    inside = np.zeros((128, 128), bool)
    inside[40:90, 30:100] = True
    truth = lab.copy()
    truth[inside, 1:] = 50, 30
    lab[36:94, 26:104, 1:] = 50, 30
    masks = [record(encode(mask)) for mask in (inside, ~inside)]
    return to_uint8(lab_to_rgb(lab)), to_uint8(lab_to_rgb(truth)), masks, inside


def test_bleeding_goes_and_the_figure_magnifies_where(bleeding):
    before, truth, masks, inside = bleeding
    after, numbers = harmonize_picture(gray_of(before), before, masks)
    assert (
        np.abs(rgb_to_lab(after) - rgb_to_lab(truth)).mean()
        < 0.2
        < np.abs(rgb_to_lab(before) - rgb_to_lab(truth)).mean()
    )
    assert numbers["changed_share"] == pytest.approx((58 * 78 - 50 * 70) / 128**2)
    sheet = comparison(before, after, masks, truth, windows=2)
    assert sheet.shape == (20 + 3 * (384 + 6), 6 + 3 * (384 + 6), 3)
    assert comparison(before, before, masks).shape[0] == 20 + 384 + 6  # nothing changed: nothing to magnify
    left, right = sheet[420:790, 20:380].astype(int), sheet[420:790, 410:770].astype(int)
    assert (np.abs(left - right).max(axis=-1) > 50).mean() > 0.2  # the first window shows the bled strip, and it gone
    with pytest.raises(CCCError, match="of one size"):
        comparison(before, after[1:], masks)


def test_outlines_are_drawn_on_whole_pictures_of_any_shape(astronaut):
    flat = np.full((1, 9, 3), 90, np.uint8)
    assert comparison(flat, flat, []).shape[1] == 6 + 2 * 390
    wide = astronaut[:60, :200]
    mask = np.zeros((60, 200), bool)
    mask[:, :100] = True
    drawn = comparison(wide, wide, [record(encode(mask))])
    plain = comparison(wide, wide, [])
    assert drawn.shape == plain.shape and 100 < (drawn != plain).any(axis=-1).sum() < 400


@pytest.fixture
def folders(tmp_path, astronaut, bleeding):
    for name, truth in (
        ("a", astronaut[:128, 100:228]),
        ("b", bleeding[1]),
        ("flat", np.full((64, 64, 3), 120, np.uint8)),
    ):
        write_png(tmp_path / "truth" / f"{name}.png", truth)
        write_png(tmp_path / "gray" / f"{name}.png", gray_of(truth))
        for upsample in ("nearest", "bilinear"):
            write_png(tmp_path / upsample / f"{name}.png", oracle.load(upsample=upsample, map_size=14).colorize(truth))
    gray, masks = tmp_path / "gray", tmp_path / "masks.json"
    assert main(["segment", str(gray), "-o", str(tmp_path / "masks"), "--coco", str(masks)]) == 0
    words = [str(gray), str(tmp_path / "bilinear"), "--masks", str(masks), "-o", str(tmp_path / "sam")]
    assert main(["harmonize", *words]) == 0
    return tmp_path


def test_ablation(folders):
    colors = {name: folders / name for name in ("bilinear", "nearest")}
    masks = load("masks", folders / "masks.json")
    rows = ablate(folders / "gray", folders / "truth", colors, masks, deltas=(8, 40), min_pixels=(100, 500))
    write_ablation(folders / "ablation.csv", rows)
    assert read_ablation(folders / "ablation.csv") == rows
    value = {(row["colors"], row["delta"], row["min_pixels"]): row for row in rows}
    assert len(value) == 2 * 5 and {row["segmenter"] for row in rows} == {"felzenszwalb"}
    for name in colors:
        assert value[name, None, None]["changed_share"] == 0
        for least in (100, 500):
            assert value[name, 8, least]["changed_share"] > value[name, 40, least]["changed_share"]
            assert value[name, 8, least]["cnr"] < value[name, None, None]["cnr"]
        assert value[name, 8, 100]["changed_share"] >= value[name, 8, 500]["changed_share"] > 0
        changed = []
        for picture in ("a", "b", "flat"):
            gray, color = read_gray(folders / f"gray/{picture}.png"), read_rgb(folders / name / f"{picture}.png")
            changed.append(harmonize_picture(gray, color, masks.segment(gray, picture))[1]["changed_share"])
        assert value[name, 8, 500]["changed_share"] == pytest.approx(np.mean(changed))
    # bin centres are 10 apart: after nearest upsampling hardly more than one class of a segment is left
    assert value["nearest", 8, 500]["classes_per_segment"] < value["bilinear", 8, 500]["classes_per_segment"]


def test_ablation_of_folders_that_do_not_match(folders):
    (folders / "nearest/a.png").unlink()
    masks = load("masks", folders / "masks.json")
    with pytest.raises(CCCError, match="nearest: lacks a, which .*gray holds"):
        ablate(folders / "gray", folders / "truth", {"nearest": folders / "nearest"}, masks)


def test_figures_and_page(folders):
    report = folders / "report"
    words = [str(folders / part) for part in ("gray", "bilinear", "sam")]
    options = ["--masks", str(folders / "masks.json"), "--truth", str(folders / "truth"), "--count", "5"]
    figures = report / "harmonization/mine/set"
    assert main(["compare", *words, *options, "-o", str(figures)]) == 0
    lines = json.loads((figures / "comparisons.json").read_text())
    assert {line["name"] for line in lines} == {"a", "b"}  # nothing changed in the third
    shifts = [line["mean_ab_shift"] for line in lines]
    assert shifts == sorted(shifts, reverse=True) and all(read_rgb(figures / line["file"]).size for line in lines)
    colors = ["--color", f"nearest={folders / 'nearest'}"]
    table = str(folders / "set.csv")
    assert main(["ablate", words[0], str(folders / "truth"), *colors, *options[:2], "--count", "2", "-o", table]) == 0
    write_page(report / "harmonization.html", [figures], [table])
    page = (report / "harmonization.html").read_text()
    assert 'src="harmonization/mine/set/000.jpg"' in page and "mine/set" in page and "set: 2 pictures" in page
    with pytest.raises(CCCError, match="no figures of `ccc compare`"):
        write_page(report / "harmonization.html", [folders / "gray"])
    nothing = write_comparisons(folders / "gray", words[1], words[1], load("slic"), folders / "none")
    assert nothing == []
