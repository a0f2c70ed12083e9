"""Benchmark sets: which pictures are taken, and how they come to their size."""

import csv

import numpy as np
import pytest

from ccc.cli import main
from ccc.core.errors import CCCError
from ccc.core.images import read_rgb, square, write_png
from ccc.data import benchmark
from ccc.data.benchmark import picture_names, prepare
from ccc.data.sources import Source


@pytest.fixture
def photographs(tmp_path, astronaut):
    for number in (3, 1, 2):
        write_png(tmp_path / f"in/val_{number:08d}.png", astronaut[: 100 + number, :160])
    return tmp_path


def manifest(folder):
    with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
        return [row["name"] for row in csv.DictReader(file)]


def test_the_first_pictures_are_those_of_the_first_names(photographs):
    assert prepare(photographs / "in", photographs / "out", 2, side=32, pick="first") == (2, [])
    assert manifest(photographs / "out") == ["val_00000001", "val_00000002"]
    drawn = {
        tuple(manifest(photographs / f"{seed}"))
        for seed in range(6)
        if prepare(photographs / "in", photographs / f"{seed}", 2, seed, 32)
    }
    assert len(drawn) > 1


def test_the_first_names_are_the_same_in_folders_of_classes(tmp_path, astronaut):
    for path in ("n02/val_00000001", "n01/val_00000003", "n03/val_00000002"):
        write_png(tmp_path / f"in/{path}.png", astronaut[:40, :50])
    prepare(tmp_path / "in", tmp_path / "out", 2, side=32, pick="first")
    assert manifest(tmp_path / "out") == ["val_00000001", "val_00000002"]


@pytest.mark.parametrize(
    ("protocol", "shape", "fit"),
    [("keep_aspect", (32, 51, 3), None), ("center_crop", (32, 32, 3), "crop"), ("squash", (32, 32, 3), "stretch")],
)
def test_protocols_scale_crop_or_squash(photographs, astronaut, protocol, shape, fit):
    prepare(photographs / "in", photographs / "out", 1, side=32, pick="first", protocol=protocol)
    truth = read_rgb(photographs / "out/truth/val_00000001.png")
    assert truth.shape == shape
    if fit:
        np.testing.assert_array_equal(truth, square(astronaut[:101, :160], 32, fit))


def test_a_smaller_choice_leaves_none_of_the_one_before(photographs):
    for count in (3, 2):
        prepare(photographs / "in", photographs / "out", count, side=32, pick="first")
    (photographs / "out/truth/mine.png").write_bytes(b"of somebody else")
    prepare(photographs / "in", photographs / "out", 1, side=32, pick="first")
    for part in ("truth", "gray"):
        names = {path.name for path in (photographs / "out" / part).iterdir()}
        assert names - {"mine.png"} == {"val_00000001.png"}
    assert (photographs / "out/truth/mine.png").is_file()


def test_names_differ_by_more_than_case():
    assert picture_names(["x/A.jpg", "x/a.jpg", "y/a.png"]) == ["A", "x__a", "y__a"]


def test_files_are_read_one_by_one(photographs, monkeypatch):
    held, most = [0], [0]
    original = Source.read

    def counting(self, entries):
        for entry, data in original(self, entries):
            held[0] += 1
            most[0] = max(most[0], held[0])
            yield entry, data

    monkeypatch.setattr(Source, "read", counting)
    monkeypatch.setattr(benchmark, "read_rgb", lambda *words: held.__setitem__(0, held[0] - 1) or read_rgb(*words))
    assert prepare(photographs / "in", photographs / "out", None, side=32)[0] == 3
    assert most == [1]


@pytest.mark.parametrize("output", ["in", "in/deep/out"])
def test_results_do_not_lie_among_the_photographs(photographs, output, capsys):
    assert main(["prepare", str(photographs / "in"), "-o", str(photographs / output), "-n", "all"]) == 2
    assert "give another folder with -o" in capsys.readouterr().err
    assert len(list((photographs / "in").rglob("*"))) == 3


def test_photographs_are_not_overwritten_through_a_list_or_a_link(photographs, tmp_path, capsys):
    source = (photographs / "in").rename(photographs / "truth")
    before = {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}
    (photographs / "list.txt").write_text("".join(f"{path.relative_to(photographs)}\n" for path in before))
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/truth").symlink_to(source)
    for given, output in ((photographs / "list.txt", photographs), (tmp_path / "linked/truth", tmp_path / "linked")):
        assert main(["prepare", str(given), "-o", str(output), "-n", "all", "--side", "16"]) == 2
        assert f"{given}: would be overwritten by the results" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("part", ["truth", "gray"])
def test_photographs_are_not_overwritten_by_their_own_truth(photographs, part, capsys):
    source = (photographs / "in").rename(photographs / part)
    write_png(source / "deep/4.png", np.zeros((20, 20, 3), np.uint8))
    before = {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}
    for given in (source, source / "deep"):
        assert main(["prepare", str(given), "-o", str(photographs), "-n", "all", "--side", "16"]) == 2
        assert f"{given}: would be overwritten by the results" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in photographs.rglob("*") if path.is_file()} == before


def test_a_protocol_needs_a_side(photographs):
    with pytest.raises(CCCError, match="squash needs a side in pixels"):
        prepare(photographs / "in", photographs / "out", side=None, protocol="squash")
