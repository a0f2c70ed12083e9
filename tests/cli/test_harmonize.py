"""`ccc harmonize` on a person's own pictures."""

import numpy as np
import pytest

from ccc.cli import main
from ccc.color import gray_of
from ccc.core.images import read_rgb, write_png


@pytest.fixture
def own(tmp_path, astronaut):
    """A gray picture, the same coloured, and a mask of its left half in which everything is to have one colour."""
    color = astronaut[100:200, 100:250]
    write_png(tmp_path / "old photo.png", gray_of(color))
    write_png(tmp_path / "by somebody.png", color)
    mask = np.zeros(color.shape[:2], bool)
    mask[:, :75] = True
    np.save(tmp_path / "left.npy", mask)
    return tmp_path


def run(own, *arguments) -> int:
    words = [str(own / word) if (own / str(word)).exists() else str(word) for word in arguments]
    return main(["harmonize", *words])


def failed(capsys, own, *arguments) -> str:
    assert run(own, *arguments) == 2
    error = capsys.readouterr().err
    assert len(error.strip().splitlines()) == 1
    return error


def test_two_pictures_and_a_mask(own, capsys):
    out = own / "new/harmonized.png"
    assert (
        run(own, "old photo.png", "by somebody.png", "--masks", "left.npy", "-o", out, "--changes", own / "c.csv") == 0
    )
    assert "1 pictures, " in (said := capsys.readouterr().out) and "masks: masks\n" in said
    before, after = read_rgb(own / "by somebody.png"), read_rgb(out)
    assert (after[:, 75:] == before[:, 75:]).all() and (after[:, :75] != before[:, :75]).any()
    assert (own / "c.csv").read_text().splitlines()[1].startswith("old photo,0.")


def test_the_segmenter_runs_where_no_masks_are_given_and_is_named(own, capsys):
    assert run(own, "old photo.png", "by somebody.png", "-o", own / "out", "--min-pixels", "50") == 0
    assert "felzenszwalb, a stand-in for Segment Anything" in capsys.readouterr().out
    first = read_rgb(own / "out/old photo.png")
    slic = ("--segmenter", "slic", "--option", "n_segments=4", "--min-pixels", "50")
    assert run(own, "old photo.png", "by somebody.png", "-o", own / "out", *slic) == 0
    assert (first != read_rgb(own / "out/old photo.png")).any()


@pytest.mark.parametrize(
    "option",
    [("--delta-a", "1"), ("--delta-b", "1"), ("--mode-bin", "40"), ("--mode", "joint"), ("--min-pixels", "9000")],
)
def test_every_parameter_of_algorithm_1_is_heard(own, option):
    pictures = "old photo.png", "by somebody.png", "--masks", "left.npy"
    assert run(own, *pictures, "-o", own / "a.png") == 0 and run(own, *pictures, "-o", own / "b.png", *option) == 0
    assert (read_rgb(own / "a.png") != read_rgb(own / "b.png")).any()


def test_a_smaller_coloured_picture(own, capsys):
    write_png(own / "small.png", read_rgb(own / "by somebody.png")[::2, ::2])
    pictures = "old photo.png", "small.png", "--masks", "left.npy", "-o", own / "new.png"
    assert "set upsample to bilinear or nearest" in failed(capsys, own, *pictures)
    assert run(own, *pictures, "--upsample", "bilinear") == 0
    assert read_rgb(own / "new.png").shape == (100, 150, 3)


def test_what_is_wrong_is_said_in_a_line(own, capsys):
    pictures = "old photo.png", "by somebody.png"
    assert "no such picture" in failed(capsys, own, "lost.png", "by somebody.png", "-o", own / "out")
    assert "as PNG" in failed(capsys, own, *pictures, "-o", own / "new.jpg")
    assert "would be overwritten" in failed(capsys, own, *pictures, "-o", own / "by somebody.png")
    assert "not both" in failed(capsys, own, *pictures, "-o", "x", "--masks", "left.npy", "--segmenter", "slic")
    assert "did you mean 'slic'?" in failed(capsys, own, *pictures, "-o", "x", "--segmenter", "slick")
    write_png(own / "gray/a.png", np.zeros((9, 9), np.uint8))
    assert "two folders" in failed(capsys, own, "gray", "by somebody.png", "-o", own / "out")
    write_png(own / "gray/b.png", np.zeros((9, 9), np.uint8))
    assert "masks of one picture, and there are 2" in failed(
        capsys, own, "gray", "gray", "--masks", "left.npy", "-o", own / "out"
    )
    np.save(own / "other.npy", np.ones((5, 5), bool))
    assert "other.npy: is 5 x 5, the picture 100 x 150" in failed(
        capsys, own, *pictures, "--masks", "other.npy", "-o", own / "out"
    )
