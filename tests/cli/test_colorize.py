"""`ccc colorize` on files of one's own: what is done is kept, what would be coloured otherwise is done again."""

import shutil

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from ccc import colorizers
from ccc.assets import PUBLISHED
from ccc.cli import main
from ccc.core.files import safetensors_metadata
from ccc.core.images import read_rgb, write_png
from ccc.data.files import pictures


@pytest.fixture
def photos(tmp_path, astronaut):
    folder = tmp_path / "photos"
    small = np.ascontiguousarray(astronaut[:64, 200:296])
    write_png(folder / "deep/one.png", small)
    Image.fromarray(np.dstack([small, np.full(small.shape[:2], 255, np.uint8)])).save(folder / "two.png")
    return folder


def color(capsys, *arguments, status=0) -> str:
    assert main(["colorize", *map(str, arguments), "--device", "cpu"]) == status
    return capsys.readouterr().out


def test_names_folders_and_transparency_are_kept_and_a_second_run_does_nothing(photos, tmp_path, capsys):
    out = tmp_path / "out"
    assert "2 coloured by ccc, 0 there already" in color(capsys, photos, "-o", out)
    assert Image.open(out / "deep/one.png").mode == "RGB" and Image.open(out / "two.png").mode == "RGBA"
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    assert "0 coloured by ccc, 2 there already" in color(capsys, photos, "-o", out)
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    assert "1 coloured by ccc, 0 there already" in color(capsys, f"{photos}/**/one.png", "-o", tmp_path / "some")


def test_other_options_and_other_weights_of_the_same_name_replace_results_only_when_asked(photos, tmp_path, capsys):
    out, model = tmp_path / "out", tmp_path / "a/ccc.safetensors"
    color(capsys, photos, "-o", out, "--option", "decode=argmax")
    first = (out / "two.png").read_bytes()
    other = (photos, "-o", out, "--option", "decode=annealed")
    said = color(capsys, *other, status=3)
    assert "0 coloured by ccc, 0 there already, 0 skipped, 2 kept that are other results" in said
    assert "out/two.png: made with other options, weights or method" in said and "--overwrite" in said
    assert (out / "two.png").read_bytes() == first
    assert "2 coloured" in color(capsys, *other, "--overwrite") and (out / "two.png").read_bytes() != first
    model.parent.mkdir()
    shutil.copyfile(PUBLISHED, model)
    color(capsys, photos, "-o", out, "--weights", model, "--overwrite")
    state = {key: value * 0.5 if value.ndim > 1 else value for key, value in load_file(PUBLISHED).items()}
    save_file(state, model, safetensors_metadata(PUBLISHED))
    assert "2 kept that are other results" in color(capsys, photos, "-o", out, "--weights", model, status=3)


def test_a_picture_that_cannot_be_read_is_named_and_the_others_are_coloured(photos, tmp_path, capsys):
    (photos / "broken.jpg").write_bytes(b"\xff\xd8 no more")
    said = color(capsys, photos, "-o", tmp_path / "out", status=3)
    assert "2 coloured by ccc, 0 there already, 1 skipped" in said and "broken.jpg" in said
    color(capsys, photos / "broken.jpg", "-o", tmp_path / "out", status=1)


def test_sheets_beside_results_are_no_pictures(photos, tmp_path, capsys):
    color(capsys, photos, "-o", tmp_path / "out", "--compare", "--method", "gray")
    sheets = list((tmp_path / "out").rglob("*.compare.jpg"))
    found, others = pictures(tmp_path / "out")
    assert sheets and found and not others and not set(sheets) & set(found.values())
    told = color(capsys, tmp_path / "out", "-o", tmp_path / "again", "--method", "gray")
    assert "2 coloured by gray" in told and "2 other files ignored" in told


def test_vividness_is_an_option_of_its_own(tmp_path, astronaut, capsys):
    write_png(tmp_path / "gray.png", astronaut[:64, :64])
    results = {"a": ["--vividness", "0.9"], "b": ["--option", "vividness=0.9"], "c": ["--vividness", "0"]}
    for name, options in results.items():
        color(capsys, tmp_path / "gray.png", "--device", "cpu", *options, "-o", tmp_path / f"{name}.png")
    vivid, same, pale = (read_rgb(tmp_path / f"{name}.png") for name in results)
    assert np.array_equal(vivid, same) and not np.array_equal(vivid, pale)
    for wrong in (["--vividness", "2"], ["--vividness", "0.5", "--method", "gray"]):
        color(capsys, tmp_path / "gray.png", *wrong, "-o", tmp_path / "no.png", status=2)
        assert not (tmp_path / "no.png").exists()


@pytest.mark.parametrize(
    ("method", "option", "wrong"),
    [
        ("oracle", "upsample=foo", """oracle.upsample: Input should be 'bilinear' or 'nearest', got "foo\""""),
        ("oracle", "map_size=x", "oracle.map_size: Input should be a valid integer"),
        ("oracle", "map_size=0", "oracle.map_size: Input should be greater than or equal to 1, got 0"),
        ("oracle", "map_size=[1]", "oracle.map_size: Input should be a valid integer, got [1]"),
        ("su", "most_boxes=many", "su.most_boxes: Input should be a valid integer"),
        ("su", "most_boxes=-2", "su.most_boxes: Input should be greater than or equal to -1, got -2"),
    ],
)
def test_a_wrong_value_of_an_option_is_told_in_a_line(method, option, wrong, tmp_path, astronaut, capsys):
    write_png(tmp_path / "gray.png", astronaut[:16, :16])
    command = ["colorize", str(tmp_path / "gray.png"), "--method", method, "--option", option]
    assert main([*command, "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert wrong in said and len(said.splitlines()) == 1 and not (tmp_path / "out").exists()


def test_an_option_of_the_release_before_is_taken_with_a_warning(tmp_path, astronaut, capsys):
    write_png(tmp_path / "gray.png", astronaut[:64, :64])
    for name in ("unbalance", "logit_adjustment"):
        options = ["--device", "cpu", "--option", f"{name}=0.5", "-o", str(tmp_path / f"{name}.png")]
        assert main(["colorize", str(tmp_path / "gray.png"), *options]) == 0
        assert ("unbalance is logit_adjustment now" in capsys.readouterr().err) == (name == "unbalance")
    assert np.array_equal(read_rgb(tmp_path / "unbalance.png"), read_rgb(tmp_path / "logit_adjustment.png"))
    assert colorizers.load("ccc", device="cpu", unbalance=0.5).logit_adjustment == 0.5
    assert "unbalance is logit_adjustment now" in capsys.readouterr().err
