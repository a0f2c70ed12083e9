"""What a codebook tells, in words and drawn."""

import json
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from skimage import data

from ccc.cli import main
from ccc.codebook import PAPER_SHARE, Codebook, ColorGrid, class_map
from ccc.color import rgb_to_lab
from ccc.core.images import write_png
from ccc.report.codebook import class_colors, describe, draw, runs


@pytest.fixture
def book() -> Codebook:
    """Two classes kept; 3 cells move by 10, 1 cell by 20 * sqrt(2)."""
    counts = np.zeros(400, np.int64)
    counts[[210, 211]] = 9000, 996
    counts[212] = 3
    counts[211 + 2 * 20 + 2] = 1
    return Codebook.fit(counts, 500, clamped=5)


def test_how_far_dropped_cells_are_moved(book):
    facts = dict(describe(book))
    assert book.dropped.tolist() == [212, 253]
    assert facts["dropped"].startswith(
        "2 classes that occur: 4 cells (0.0004 of all), moved by 14.6 on average and 28.3"
    )
    assert facts["kept"].startswith(
        "2 of 400 classes; the paper kept 215, and 8-bit sRGB reaches 265, of which 4 occur"
    )
    assert facts["threshold"].startswith("500 of 10,000 cells, a share of 0.05; the paper's is 4.55e-06")
    assert facts["clamped"].startswith("5 cells (0.0005 of all)")
    assert facts["classes"] == "210-211"
    assert np.isclose(PAPER_SHARE, 4.55e-6, rtol=1e-3)


def test_nothing_dropped_and_nothing_counted_is_said():
    facts = dict(describe(Codebook.fit(np.full(400, 600))))
    assert facts["dropped"] == "0 classes that occur: no cell is moved" and facts["clamped"] == "not counted"


def test_runs_name_every_number_once():
    numbers = np.flatnonzero(np.random.default_rng(0).integers(0, 2, 400))
    found = []
    for part in runs(numbers).split():
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    assert found == numbers.tolist()


def test_a_class_is_drawn_in_a_colour_of_that_class_wherever_srgb_has_one():
    grid = ColorGrid()
    lab = rgb_to_lab(class_colors(grid))
    same = grid.encode(lab[..., 1:]) == np.arange(400)
    # 221 bins have their very centre in the sRGB gamut for some lightness, and 265 any colour at all.
    assert 221 <= same.sum() <= 265
    assert same[[210, 189, 190, 209, 211]].all()


def test_the_drawing_shows_each_kept_class_and_is_the_same_every_time(book, tmp_path):
    draw(book, tmp_path / "one.svg")
    draw(book, tmp_path / "two.svg")
    text = (tmp_path / "one.svg").read_text()
    assert text == (tmp_path / "two.svg").read_text() and "<dc:date>" not in text
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg") and len(root.findall(".//{*}image")) >= 2
    # Every dropped class is crossed out by two strokes.
    assert len(re.findall("stroke: #dc143c", text)) == 2 * len(book.dropped)


def test_one_class_alone_can_be_drawn(tmp_path):
    counts = np.zeros(400, np.int64)
    counts[210] = 700
    draw(Codebook.fit(counts), tmp_path / "one.svg")
    assert (tmp_path / "one.svg").stat().st_size > 1000


def test_ccc_codebook_prints_and_draws_what_the_photographs_hold(tmp_path, capsys):
    write_png(tmp_path / "in/coffee.png", data.coffee()[:224, :224])
    main(["shard", str(tmp_path / "in"), "-o", str(tmp_path / "0.tar")])
    capsys.readouterr()
    assert main(["codebook", str(tmp_path / "0.tar"), "-o", str(tmp_path / "book.json"), "--threshold", "20"]) == 0
    counts = np.bincount(class_map(data.coffee()[:224, :224]).ravel(), minlength=400)
    said = capsys.readouterr().out
    assert f"kept: {(counts >= 20).sum()} of 400 classes; the paper kept 215" in said
    moved = counts[(counts > 0) & (counts < 20)].sum()
    assert moved and f"{moved:,} cells (" in said
    assert (tmp_path / "book.svg").read_text().startswith("<?xml")
    facts = (tmp_path / "0.json").read_text()
    for name, words in (
        ("near_gray", "0.json: it counts more than its 1 photographs have"),
        ("samples", "0.histogram"),
    ):
        (tmp_path / "0.json").write_text(json.dumps(json.loads(facts) | {name: 7}))
        assert main(["codebook", str(tmp_path / "0.tar"), "-o", str(tmp_path / "no.json")]) == 2
        assert words in capsys.readouterr().err and not (tmp_path / "no.json").exists()
