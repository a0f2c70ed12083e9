"""The laws of the grid and the codebook (Eq. 9-12, Fig. 4)."""

import json

import numpy as np
import pytest
import torch

from ccc.codebook import Codebook, ColorGrid, area_mean, class_map
from ccc.color import rgb_to_lab
from ccc.core.errors import CCCError

GRID = ColorGrid()
GRAYS = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)


def test_every_centre_encodes_to_its_own_class():
    assert GRID.size == 400
    assert (GRID.encode(GRID.centers) == np.arange(400)).all()
    assert (GRID.encode(torch.from_numpy(GRID.centers)) == torch.arange(400)).all()
    assert GRID.decode(np.array([0, 19, 20, 399])).tolist() == [[-95, -95], [95, -95], [-95, -85], [95, 95]]


@pytest.mark.parametrize("kind", ["uint16", "int16", "int64"])
def test_classes_of_every_integer_type_decode_to_the_same_centres(kind):
    classes = np.arange(400).astype(kind)  # class maps and shards hold uint16
    assert (GRID.decode(classes) == GRID.centers).all() and GRID.decode(classes).dtype == np.float32
    assert (GRID.decode(torch.from_numpy(classes.astype(np.int32))).numpy() == GRID.centers).all()


def test_figure_4():
    # Rows of b, columns of a; printed class numbers at some corners.
    for a, b, printed in [(-100, -100, 0), (99, -100, 19), (-100, -90, 20), (0, 0, 210), (-1, -1, 189), (99, 99, 399)]:
        assert GRID.encode(np.array([a, b], dtype=np.float32)) == printed


def test_265_classes_are_reachable_from_8_bit_srgb():
    reached = set()
    for red in range(256):
        plane = np.stack(np.meshgrid([red], range(256), range(256), indexing="ij"), axis=-1).astype(np.uint8)
        reached |= set(np.unique(GRID.encode(rgb_to_lab(plane)[..., 1:])).tolist())
    assert len(reached) == 265


def test_pure_blue_is_clamped():
    blue = rgb_to_lab(np.array([0, 0, 255], dtype=np.uint8))[1:]
    assert blue[1] < -100
    assert GRID.encode(blue) // 20 == 0


@pytest.mark.parametrize("kind", ["uint8", "float32", "float64", "torch uint8", "torch float"])
def test_all_grays_are_class_210(kind):
    grays = {
        "uint8": GRAYS,
        "float32": GRAYS.astype(np.float32) / 255,
        "float64": GRAYS / 255,
        "torch uint8": torch.from_numpy(GRAYS),
        "torch float": torch.from_numpy(GRAYS) / 255,
    }[kind]
    assert set(GRID.encode(rgb_to_lab(grays)[..., 1:]).tolist()) == {210}


def test_numbers_of_the_paper():
    samples = 35_040 * 56 * 56
    assert samples == 109_885_440
    # The paper prints 0.000455 %: 500 of them, cut after three digits.
    assert f"{500 / samples * 100:.6f}" == "0.000455"


def test_class_map_is_the_area_mean_of_ab(astronaut):
    ab = rgb_to_lab(astronaut[:448, :448])[..., 1:].astype(np.float64)
    expected = GRID.encode(ab.reshape(56, 8, 56, 8, 2).mean(axis=(1, 3)))
    found = class_map(astronaut[:448, :448])
    assert found.dtype == np.uint16 and found.shape == (56, 56)
    assert (found == expected).mean() >= 0.999


@pytest.mark.parametrize("shape", [(1, 1), (57, 100), (224, 224), (300, 451)])
def test_area_mean_keeps_the_mean_and_fits_any_size(shape):
    planes = np.random.default_rng(0).normal(size=(*shape, 2)).astype(np.float32)
    small = area_mean(planes, 56)
    assert small.shape == (56, 56, 2)
    np.testing.assert_allclose(small.mean(axis=(0, 1)), planes.mean(axis=(0, 1)), atol=1e-4)


def counts_of(**classes):
    counts = np.zeros(400, np.int64)
    for name, count in classes.items():
        counts[int(name[1:])] = count
    return counts


def test_kept_where_the_count_reaches_the_threshold():
    book = Codebook.fit(counts_of(c210=10_000, c211=500, c212=499))
    assert book.active.tolist() == [210, 211] and book.size == 2
    assert book.lookup[212] == 1
    assert book.kept_counts.tolist() == [10_000, 999]


def test_the_others_go_to_the_nearest_in_ab_not_in_index():
    counts = counts_of(c209=1000, c191=900, c189=1)
    # 189 lies one row below 209; by class number 191 is nearer, though it is two columns away in the plane.
    assert Codebook.fit(counts, 500).lookup[189] == 1
    assert Codebook.fit(counts, 500, mapping="index").lookup[189] == 0


def test_ties_go_to_the_more_frequent_then_to_the_lower_index():
    assert Codebook.fit(counts_of(c209=600, c211=700, c210=1)).lookup[210] == 1
    assert Codebook.fit(counts_of(c209=700, c211=700, c210=1)).lookup[210] == 0


def test_ties_of_bins_with_an_odd_side_are_ties_too():
    grid = ColorGrid(alpha=5, delta=40)
    counts = np.zeros(grid.size, np.int64)
    counts[[19, 21]] = 1000, 5000  # centres -2.5 and 7.5; that of 20 is 2.5
    assert Codebook.fit(counts, 500, grid=grid).lookup[20] == 1


def test_round_trip_through_json(tmp_path):
    counts = np.random.default_rng(1).integers(0, 2000, 400)
    book = Codebook.fit(counts, clamped=7)
    book.save(tmp_path / "codebook.json")
    again = Codebook.load(tmp_path / "codebook.json")
    assert (again.lookup == book.lookup).all() and (again.active == book.active).all() and again.clamped == 7
    again.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "codebook.json").read_bytes()
    indices = np.arange(book.size)
    assert (book.encode(book.decode(indices)) == indices).all()
    assert (book.encode(book.decode(torch.arange(book.size))) == torch.arange(book.size)).all()


def test_a_codebook_that_was_edited_by_hand_is_refused(tmp_path):
    path = tmp_path / "codebook.json"
    Codebook.fit(np.full(400, 600)).save(path)
    value = json.loads(path.read_text())
    value["lookup"][0] = 5
    path.write_text(json.dumps(value))
    with pytest.raises(CCCError, match="codebook.json.*fit it again"):
        Codebook.load(path)


def test_no_class_reaches_the_threshold():
    with pytest.raises(CCCError, match="lower the threshold"):
        Codebook.fit(np.ones(400, np.int64))
