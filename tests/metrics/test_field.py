"""The field's protocol: an author's outputs become a row in one command."""

import shutil

import numpy as np
import pytest

from ccc.cli import main
from ccc.core.images import write_png
from ccc.data.benchmark import prepare
from ccc.metrics import colorfulness
from ccc.metrics.field import METRICS
from ccc.metrics.registry import find


@pytest.fixture
def outputs(tmp_path, astronaut):
    for number in range(3):
        truth = astronaut[number * 50 : number * 50 + 256, :256]
        write_png(tmp_path / f"truth/{number}.png", truth)
        write_png(
            tmp_path / f"mine/{number}.png", (truth * 0.5 + truth.mean(axis=2, keepdims=True) * 0.5).astype(np.uint8)
        )
    return tmp_path


def test_a_folder_of_outputs_becomes_a_row_of_latex(outputs, capsys):
    words = [
        "evaluate",
        str(outputs / "mine"),
        str(outputs / "truth"),
        "--protocol",
        "squash",
        "--title",
        r"Mine_2 & co\1^~",
    ]
    assert main(words) == 0
    pictures, head, row = capsys.readouterr().out.rstrip().splitlines()[-3:]
    assert pictures == "% 3 pictures, squash: each picture scaled to 256x256, whatever its aspect"
    titles, values = head.removesuffix(r" \\").split(" & "), row.removesuffix(r" \\").split(" & ")
    assert (
        values[:2] == [r"Mine\_2 \& co\textbackslash{}1\textasciicircum{}\textasciitilde{}", "n/a"]
        and len(titles) == len(values) == len(METRICS) + 1
    )
    assert titles[1].startswith(find("fid_2048").title) and titles[-1].startswith("LPIPS (vgg)")
    assert 20 < float(values[1 + METRICS.index("psnr")]) < 40


def test_the_difference_is_that_of_the_means(outputs):
    from ccc.metrics.evaluate import evaluate

    found = evaluate(
        outputs / "mine", outputs / "truth", ["delta_colorfulness_abs_of_means", "colorfulness_abs"]
    ).summary
    means = [
        np.mean([colorfulness(_read(path), variant="absolute") for path in sorted((outputs / side).glob("*.png"))])
        for side in ("mine", "truth")
    ]
    assert found["mean"]["colorfulness_abs"] == pytest.approx(means[0])
    assert found["set"]["delta_colorfulness_abs_of_means"] == pytest.approx(means[1] - means[0])


def _read(path):
    from ccc.core.images import read_rgb

    return read_rgb(path)


def test_pictures_of_another_size_are_refused_before_anything_is_measured(outputs, capsys):
    for side in ("mine", "truth"):
        write_png(outputs / side / "wide.png", np.zeros((256, 300, 3), np.uint8))
    assert main(["evaluate", str(outputs / "mine"), str(outputs / "truth"), "--protocol", "squash"]) == 2
    assert "1 of 4 pictures are not 256x256, wide for one: `ccc prepare" in capsys.readouterr().err
    assert (
        main(["evaluate", str(outputs / "mine"), str(outputs / "truth"), "--protocol", "squash", "--metrics", "psnr"])
        == 2
    )


def test_pictures_of_another_protocol_are_refused(tmp_path, astronaut, capsys):
    write_png(tmp_path / "in/a.png", astronaut[:300, :400])
    prepare(tmp_path / "in", tmp_path / "set", protocol="squash")
    words = ["evaluate", str(tmp_path / "set/gray"), str(tmp_path / "set/truth"), "--protocol"]
    assert main([*words, "center_crop"]) == 2
    assert "manifest.csv: the pictures were made by squash, not by center_crop" in capsys.readouterr().err
    assert main([*words, "squash"]) == 0
    whole = (tmp_path / "set/manifest.csv").read_text()
    (tmp_path / "set/manifest.csv").write_text(whole + "x" * 200_000)
    assert main([*words, "squash"]) == 2
    assert "manifest.csv: not the list of `ccc prepare` (field larger" in capsys.readouterr().err
    (tmp_path / "set/manifest.csv").write_text(whole)
    (tmp_path / "links").mkdir()
    shutil.copy(tmp_path / "set/manifest.csv", tmp_path / "links")
    (tmp_path / "links/truth").symlink_to(tmp_path / "elsewhere")
    shutil.move(tmp_path / "set/truth", tmp_path / "elsewhere")
    words[2] = str(tmp_path / "links/truth")
    assert main([*words, "center_crop"]) == 2, "the manifest beside the link counts"
