"""`ccc harmonize` on a person's own pictures."""

import numpy as np
import pytest

from ccc import colorizers
from ccc.cli import main
from ccc.color import gray_of, read_gray, with_ab
from ccc.core.errors import CCCError
from ccc.core.images import ab_file, read_ab, read_rgb, software, write_png
from ccc.harmonize import harmonize


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


def test_pictures_without_a_segment_and_coloured_ones_without_a_gray_one_are_counted(own, capsys):
    for folder, name in (("gray", "a"), ("gray", "b"), ("color", "a"), ("color", "b"), ("color", "c")):
        write_png(own / folder / f"{name}.png", read_rgb(own / "by somebody.png"))
    (own / "masks").mkdir()
    np.save(own / "masks/a.npy", np.load(own / "left.npy"))
    np.save(own / "masks/b.npy", np.zeros((100, 150), bool))
    folders = "gray", "color", "--masks", "masks", "-o", own / "out"
    assert run(own, *folders) == 3
    said = capsys.readouterr().out
    assert "1 of the pictures have no mask of more than Psi pixels and keep their colours" in said
    assert "1 of the coloured pictures left out: " in said
    assert run(own, *folders, "--allow-skipped") == 0


def test_a_smaller_coloured_picture(own, capsys):
    write_png(own / "small.png", read_rgb(own / "by somebody.png")[::2, ::2])
    pictures = "old photo.png", "small.png", "--masks", "left.npy", "-o", own / "new.png"
    assert "set upsample to bilinear or nearest" in failed(capsys, own, *pictures)
    assert run(own, *pictures, "--upsample", "bilinear") == 0
    assert read_rgb(own / "new.png").shape == (100, 150, 3)


def test_one_picture_of_another_size_is_skipped_with_the_status_of_that(own, capsys):
    for folder, picture in (("gray", "old photo.png"), ("color", "by somebody.png")):
        for name in ("a", "b"):
            write_png(own / folder / f"{name}.png", read_rgb(own / picture))
    write_png(own / "color/b.png", read_rgb(own / "by somebody.png")[::2])
    assert run(own, "gray", "color", "-o", own / "out") == 3
    said = capsys.readouterr().out
    assert "out: 1 pictures, " in said and f"  skipped {own}/color/b.png: " in said and "150x100" in said
    assert [path.name for path in (own / "out").iterdir()] == ["a.png"]
    assert run(own, "gray", "color", "-o", own / "out", "--allow-skipped") == 0
    (own / "gray/a.png").unlink()
    (own / "color/a.png").unlink()
    error = failed(capsys, own, "gray", "color", "-o", own / "none", "--allow-skipped")
    assert "1 of 1 pictures cannot be harmonized: " in error and not (own / "none").exists()


def test_a_picture_without_masks_is_skipped_and_no_masks_at_all_are_one_error(own, capsys):
    for name in "abcde":
        write_png(own / f"gray/{name}.png", read_rgb(own / "old photo.png"))
        write_png(own / f"color/{name}.png", read_rgb(own / "by somebody.png"))
    (own / "masks").mkdir()
    words = ("gray", "color", "--masks", own / "masks", "-o", own / "out")
    assert "no masks for a, b, c and 2 more (" in failed(capsys, own, *words) and not (own / "out").exists()
    (own / "left.npy").rename(own / "masks/c.npy")
    assert run(own, *words) == 3 and run(own, *words, "--allow-skipped") == 0
    said = capsys.readouterr().out
    assert "out: 1 pictures, " in said and ", 4 skipped\n" in said and f"  skipped {own}/masks: no masks for e " in said
    assert [path.name for path in (own / "out").iterdir()] == ["c.png"]


def test_earlier_results_are_replaced_but_pictures_of_others_only_with_overwrite(own, capsys):
    pictures, out = ("old photo.png", "by somebody.png", "--masks", "left.npy", "-o"), own / "mine/a.png"
    write_png(out, read_rgb(own / "by somebody.png")[::2])
    before = out.read_bytes()
    assert "a.png: is there, not from `ccc harmonize`; give another name" in failed(capsys, own, *pictures, out)
    assert out.read_bytes() == before
    assert run(own, *pictures, out, "--overwrite") == 0 and read_rgb(out).shape == (100, 150, 3)
    assert run(own, *pictures, out) == 0


def test_what_is_wrong_is_said_in_a_line(own, capsys):
    pictures = "old photo.png", "by somebody.png"
    assert "no such picture" in failed(capsys, own, "lost.png", "by somebody.png", "-o", own / "out")
    assert "as PNG" in failed(capsys, own, *pictures, "-o", own / "new.jpg")
    assert "would be overwritten" in failed(capsys, own, *pictures, "-o", own / "by somebody.png")
    assert "not both" in failed(capsys, own, *pictures, "-o", "x", "--masks", "left.npy", "--segmenter", "slic")
    assert "not both" in failed(capsys, own, *pictures, "-o", "x", "--masks", "left.npy", "--checkpoint", "left.npy")
    assert "did you mean 'slic'?" in failed(capsys, own, *pictures, "-o", "x", "--segmenter", "slick")
    write_png(own / "gray/a.png", np.zeros((9, 9), np.uint8))
    assert "two folders" in failed(capsys, own, "gray", "by somebody.png", "-o", own / "out")
    write_png(own / "gray/b.png", np.zeros((9, 9), np.uint8))
    assert "masks of one picture, but there are 2" in failed(
        capsys, own, "gray", "gray", "--masks", "left.npy", "-o", own / "out"
    )
    np.save(own / "other.npy", np.ones((5, 5), bool))
    assert "other.npy: is 5 x 5, the picture 100 x 150" in failed(
        capsys, own, *pictures, "--masks", "other.npy", "-o", own / "out"
    )


def test_options_reach_existing_masks(own):
    """A label map of 0 around few pixels of 1 has no mask that counts, until background=none makes 0 one."""
    labels = np.zeros((100, 150), np.uint8)
    labels[40:50, 60:70] = 1
    np.save(own / "labels.npy", labels)
    masks, option = ("--masks", "labels.npy"), ("--option", "background=none")
    for name, more in (
        ("none", masks),
        ("one", masks + option),
        ("same", ("--segmenter", "masks", "--checkpoint", "labels.npy", *option)),
    ):
        assert run(own, "old photo.png", "by somebody.png", *more, "-o", own / f"{name}.png") == 0
    none, one, same, before = (read_rgb(own / f"{name}.png") for name in ("none", "one", "same", "by somebody"))
    assert (none == before).all() and (one != before).any() and (one == same).all()
    for folder, picture in (("gray", "old photo"), ("color", "by somebody"), ("new", "one")):
        write_png(own / folder / "a.png", read_rgb(own / f"{picture}.png"))
    gray, color, new, labels = (str(own / name) for name in ("gray", "color", "new", "labels.npy"))
    for verb in (["ablate", gray, color, "--color", f"x={color}", "--delta", "8"], ["compare", gray, color, new]):
        told = []
        for number, more in enumerate(((), option)):
            assert main([*verb, "--masks", labels, *more, "-o", out := str(own / f"{verb[0]}{number}")]) == 0
            told.append([path.read_bytes() for path in (own / out, *sorted((own / out).glob("*"))) if path.is_file()])
        assert told[0] != told[1], verb


def test_algorithm_1_takes_the_methods_own_ab_where_it_lies_beside_the_picture(own, capsys):
    gray, color = own / "old photo.png", own / "colored.png"
    assert main(["colorize", str(gray), "-o", str(color), "--keep-ab", "--device", "cpu"]) == 0
    assert main(["colorize", str(gray), "-o", str(color), "--keep-ab", "--device", "cpu"]) == 0
    assert "0 coloured by ccc, 1 there already" in capsys.readouterr().out
    colorizer = colorizers.load("ccc", device="cpu")
    ab, kept = colorizer.own_ab(read_rgb(gray)), read_ab(color, 100, 150)
    assert np.abs(kept - ab).max() < 0.05 and (read_rgb(color) == colorizer.colorize(read_rgb(gray))).all()
    words = ("old photo.png", "colored.png", "--masks", "left.npy", "--delta-a", "2", "--delta-b", "2")
    assert run(own, *words, "-o", own / "with.png", "--changes", own / "with.csv") == 0
    mask = np.load(own / "left.npy")
    wanted = harmonize(kept, [mask], delta_a=2, delta_b=2)
    changed = (wanted != kept).any(axis=-1)
    assert changed.any() and (read_rgb(own / "with.png")[changed] == with_ab(read_gray(gray), wanted)[changed]).all()
    assert software(own / "with.png") == "ccc harmonize --ab own" and "own" in (own / "with.csv").read_text()
    assert main(["colorize", str(gray), "-o", str(color), "--device", "cpu", "--overwrite"]) == 0
    assert not ab_file(color).exists(), "of another picture now"
    assert run(own, *words, "-o", own / "without.png") == 0
    assert software(own / "without.png") == "ccc harmonize --ab picture"


def _is_read(picture, content: bytes) -> bool:
    """Whether a damaged file is read all the same; anything but CCCError is a fault."""
    ab_file(picture).write_bytes(content)
    try:
        return read_ab(picture, 100, 150) is not None
    except CCCError:
        return False


def test_an_ab_that_does_not_fit_is_named(own, capsys):
    beside = own / "by somebody.ab.npz"
    wrong = [
        np.zeros(shape, kind) for shape, kind in (((4, 4, 2), "f2"), ((100, 150, 2), "i8"), ((3000, 3000, 2), "f2"))
    ]
    for content in [{"x": np.zeros(3)}, *({"ab": ab} for ab in (*wrong, np.full((100, 150, 2), np.nan)))]:
        np.savez(beside, **content)
        assert "by somebody" in failed(
            capsys, own, "old photo.png", "by somebody.png", "--masks", "left.npy", "-o", own / "o.png"
        )
    np.savez_compressed(beside, ab=np.random.default_rng(0).normal(size=(100, 150, 2)).astype(np.float16))
    whole = beside.read_bytes()
    flipped = [whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :] for place in range(0, 400, 7)]
    flipped = [content for content in flipped if not _is_read(own / "by somebody.png", content)]
    assert len(flipped) > 20
    for content in (b"PK", whole[:900], *flipped[:5]):
        beside.write_bytes(content)
        assert "holds no array `ab`" in failed(
            capsys, own, "old photo.png", "by somebody.png", "--masks", "left.npy", "-o", own / "o.png"
        )
    assert not (own / "o.png").exists()


def test_a_method_that_gives_pictures_alone_has_no_ab_to_keep(own, capsys):
    words = ["colorize", str(own / "old photo.png"), "-o", str(own / "o.png"), "--keep-ab"]
    assert main([*words, "--method", "gray"]) == 2 and "gives no a and b of its own" in capsys.readouterr().err
    assert main([*words, "--max-size", "64"]) == 2 and not (own / "o.png").exists()


def test_masks_and_boxes_beside_a_picture_are_left_alone(own):
    """`NAME.npz` is what they are called, so that a and b have another name."""
    masks = own / "colored.npz"
    np.savez(masks, masks=np.load(own / "left.npy"))
    before = masks.read_bytes()
    for option in ([], ["--keep-ab"], ["--overwrite"]):
        words = ["colorize", str(own / "old photo.png"), "-o", str(own / "colored.png"), "--device", "cpu", *option]
        assert main(words) == 0 and masks.read_bytes() == before
    assert run(own, "old photo.png", "colored.png", "--masks", "colored.npz", "-o", own / "o.png") == 0
