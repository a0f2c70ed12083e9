"""The command line: the right picture or one clear line, and nothing half-written."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

import ccc
from ccc.cli import VERBS, main
from ccc.core.images import read_rgb, write_png


def failed(capsys, *arguments) -> str:
    assert main([str(argument) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert len(error.strip().splitlines()) == 1 and error.startswith(f"ccc {arguments[0]}: error: ")
    return error


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as done:
        main([verb, "--help"])
    assert done.value.code == 0 and VERBS[verb].split()[-1] in " ".join(capsys.readouterr().out.split())


def test_without_words_it_shows_what_there_is(capsys):
    assert main([]) == 2
    said = capsys.readouterr().err
    assert all(verb in said for verb in VERBS)


def test_a_method_explains_its_options(capsys):
    assert main(["methods", "deoldify"]) == 0
    said = capsys.readouterr().out
    assert "options     model=artistic, render_factor\n" in said and '"stable"' in said
    assert main(["methods"]) == 0
    assert "model=artistic" in (said := capsys.readouterr().out) and '"stable"' not in said


def version(package, *, path=os.environ["PATH"]) -> str:
    """What `ccc --version` prints of the package in that folder."""
    run = [sys.executable, "-m", "ccc", "--version"]
    environment = os.environ | {"PYTHONPATH": str(package), "PATH": path}
    return subprocess.run(run, cwd=package, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed: apt-get install git")
def test_the_version_of_a_checkout_names_its_commit(tmp_path):
    shutil.copytree(Path(ccc.__file__).parent, tmp_path / "ccc", ignore=shutil.ignore_patterns("__pycache__", "*.saf*"))
    plain = version(tmp_path)
    assert plain == f"ccc {ccc.__version__}"
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "ccc/__init__.py"], ["commit", "-qm", "first"], ["tag", "-m", "x", "v9"]):
        subprocess.run(git + words, check=True)
    commit = subprocess.check_output([*git, "rev-parse", "HEAD"], text=True)[:10]
    assert version(tmp_path) == f"{plain} ({commit})"
    (tmp_path / "ccc/__init__.py").open("a").write("# changed\n")
    assert version(tmp_path) == f"{plain} ({commit}-dirty)"
    assert version(tmp_path, path="") == plain  # no git
    (tmp_path / ".git/HEAD").write_text("damaged")
    assert version(tmp_path) == plain


QUICK = {"numpy", "PIL", "psutil", "filelock"}  # what a list of a second's third has no time to import


@pytest.mark.parametrize(
    ("words", "without"), [(["--help"], QUICK | {"pydantic"}), (["methods"], QUICK), (["methods", "ccc", "su"], QUICK)]
)
def test_help_and_lists_import_little(words, without):
    code = f"import sys; from ccc.cli import main\ntry: main({words})\nexcept SystemExit: pass\n"
    code += "assert not {'torch', 'numba', 'scipy', 'skimage', 'cv2', *%s} & set(sys.modules), sorted(sys.modules)"
    run = subprocess.run([sys.executable, "-c", code % sorted(without)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@pytest.fixture
def pictures(tmp_path):
    """A folder of every awkward picture, by name, with the size that it must have when coloured, or None."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    photograph = Image.fromarray(data.astronaut()[:60, 200:290])
    photograph.save(folder / "plain.jpg")
    photograph.convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(np.linspace(0, 65535, 400).astype(np.uint16).reshape(20, 20)).save(folder / "sixteen.png")
    palette = photograph.convert("P")
    palette.save(folder / "palette.png", transparency=0)
    Image.new("RGB", (1, 1), "red").save(folder / "dot.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    photograph.save(folder / "rotated.jpg", exif=exif)
    (folder / "text.jpg").write_text("I am no picture")
    (folder / "half.jpg").write_bytes((folder / "plain.jpg").read_bytes()[:700])
    (folder / "empty.png").write_bytes(b"")
    sizes = {
        "plain": (60, 90),
        "cmyk": (60, 90),
        "sixteen": (20, 20),
        "palette": (60, 90),
        "dot": (1, 1),
        "rotated": (90, 60),
    }
    return folder, sizes, {"text.jpg", "half.jpg", "empty.png"}


def test_colorize_takes_what_it_can_and_names_the_rest(pictures, tmp_path, capsys):
    folder, sizes, bad = pictures
    for method in ("gray", "oracle"):
        out = tmp_path / method
        assert main(["colorize", str(folder), "--method", method, "-o", str(out)]) == 3
        said = capsys.readouterr().out
        assert "6 coloured" in said and "3 skipped" in said and all(name in said for name in bad)
        assert {path.stem: read_rgb(path).shape[:2] for path in out.iterdir()} == sizes


def test_colorize_goes_on_where_it_stopped(pictures, tmp_path, capsys):
    folder, _, _ = pictures
    command = ["colorize", str(folder), "--method", "gray", "-o", str(tmp_path / "out")]
    main(command)
    (tmp_path / "out" / "dot.png").unlink()
    capsys.readouterr()
    assert main([*command, "--allow-skipped"]) == 0
    assert "1 coloured" in capsys.readouterr().out


def test_prepare_shard_and_segment_take_the_same_pictures(pictures, tmp_path, capsys):
    folder, sizes, bad = pictures
    assert main(["prepare", str(folder), "-o", str(tmp_path / "set"), "-n", "all", "--side", "keep"]) == 3
    said = capsys.readouterr().out
    assert "6 pictures, 3 skipped" in said and all(name in said for name in bad)
    assert {path.stem: read_rgb(path).shape[:2] for path in (tmp_path / "set/gray").iterdir()} == sizes
    rows = (tmp_path / "set/manifest.csv").read_text().splitlines()
    assert rows[0] == "name,source,source_sha256,perceptual_hash,sha256,width,height" and len(rows) == 7
    assert main(["shard", str(folder), "-o", str(tmp_path / "0.tar"), "--size", "64", "--map-size", "16"]) == 3
    assert "6 samples" in capsys.readouterr().out
    assert main(["segment", str(tmp_path / "set/gray"), "-o", str(tmp_path / "masks")]) == 0
    assert len(list((tmp_path / "masks").glob("*.json"))) == 6
    gray, masks = str(tmp_path / "set/gray"), str(tmp_path / "masks")
    truth, out = str(tmp_path / "set/truth"), str(tmp_path / "harmonized")
    assert main(["harmonize", gray, truth, "--masks", masks, "-o", out]) == 0
    assert {path.stem: read_rgb(path).shape[:2] for path in (tmp_path / "harmonized").glob("*.png")} == sizes


def test_the_seed_decides_which_pictures_are_picked(tmp_path):
    for number in range(12):
        write_png(tmp_path / "photos" / f"{number}.png", data.astronaut()[20 * number :][:20, :30])
    picked = []
    for run, seed in enumerate(("0", "0", "1")):
        out = tmp_path / str(run)
        main(["prepare", str(tmp_path / "photos"), "-o", str(out), "-n", "4", "--seed", seed, "--side", "16"])
        picked.append((out / "manifest.csv").read_text())
    assert picked[0] == picked[1] != picked[2]


def test_missing_and_empty_folders(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    out = tmp_path / "out"
    for verb in (["colorize", "--method", "gray"], ["shard"], ["prepare"], ["segment"]):
        for folder, words in (("nowhere", "nowhere"), ("empty", "no ")):
            error = failed(capsys, verb[0], tmp_path / folder, *verb[1:], "-o", out)
            assert words in error
    assert not out.exists() or list(out.rglob("*")) == []


def test_wrong_words(tmp_path, capsys):
    write_png(tmp_path / "a.png", data.astronaut()[:20, :20])
    assert "did you mean 'gray'?" in failed(capsys, "colorize", tmp_path, "--method", "grey", "-o", tmp_path / "out")
    assert "did you mean 'felzenszwalb'?" in failed(
        capsys, "segment", tmp_path, "--segmenter", "felzenswalb", "-o", tmp_path / "out"
    )
    assert "train a model with `ccc train`" in failed(
        capsys,
        "colorize",
        tmp_path,
        "--method",
        "ccc",
        "--weights",
        tmp_path / "no.safetensors",
        "-o",
        tmp_path / "out",
    )
    assert "would be overwritten" in failed(capsys, "colorize", tmp_path, "--method", "gray", "-o", tmp_path)
    assert "did you mean 'psnr'?" in failed(capsys, "evaluate", tmp_path, tmp_path, "--metrics", "psrn")
    for words in ("ablate a b --color x=c --masks m -o x --count", "compare a b c --masks m -o x --windows"):
        assert "must be" in failed(capsys, *words.split(), "-1")
        assert "invalid int" in failed(capsys, *words.split(), "x")
    assert "--color: x is given twice" in failed(capsys, "ablate", "a", "b", "--color", "x=c", "--color", "x=d")
    assert "--shard must be from 0 to 1" in failed(
        capsys, "shard", tmp_path, "-o", tmp_path / "x.tar", "--shard", "2", "--of", "2"
    )


def test_prepare_flattens_subfolders_as_its_help_says(tmp_path, capsys):
    for name in ("1.jpg", "a/1.jpg"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(data.astronaut()[:20, :20]).save(tmp_path / "in" / name)
    assert main(["prepare", str(tmp_path / "in"), "-o", str(tmp_path / "set"), "-n", "all", "--side", "keep"]) == 0
    assert sorted(path.name for path in (tmp_path / "set/gray").iterdir()) == ["1.png", "a__1.png"]
    with pytest.raises(SystemExit):
        main(["prepare", "--help"])
    assert "a/1.jpg becomes 1.png, or a__1.png if that name is taken" in " ".join(capsys.readouterr().out.split())


def test_two_pictures_of_one_name_are_not_written_over_each_other(tmp_path, capsys):
    write_png(tmp_path / "in/a.png", data.astronaut()[:20, :20])
    Image.fromarray(data.astronaut()[:20, :20]).save(tmp_path / "in/a.jpg")
    assert main(["colorize", str(tmp_path / "in"), "--method", "gray", "-o", str(tmp_path / "out")]) == 0
    assert "a.jpg: becomes a.jpg.png" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.jpg.png", "a.png.png"]


def test_evaluate_prints_what_it_cannot_compute(tmp_path, capsys, monkeypatch):
    for name in ("CCC_WEIGHTS", "XDG_CACHE_HOME", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    write_png(tmp_path / "truth/a.png", data.astronaut()[:64, :64])
    assert main(["evaluate", str(tmp_path / "truth"), str(tmp_path / "truth")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("LPIPS (alex) ") and "n/a" in line for line in lines)
    (line,) = (line for line in lines if line.startswith("LPIPS (alex): no weights: alexnet"))
    assert "trunk alone" in line and "`--weights alexnet=FILE`" in line and "`weights: {alexnet: FILE}`" in line
    assert sum("no weights: pt_inception" in line for line in lines) == 1, "one line for all that wait for one file"
    assert any(line.startswith("MSE ") and "0.0000" in line for line in lines)
    assert any(line.startswith("PSNR: infinite for 1 pictures") for line in lines)


def test_metrics_say_that_the_trunk_of_lpips_is_enough(capsys):
    assert main(["metrics", "lpips_alex", "lpips_vgg"]) == 0
    alex, vgg = (part for part in capsys.readouterr().out.split("\n\n"))
    assert "needs     alexnet; its trunk alone" in alex and "`--weights alexnet=FILE`" in alex and "trunk" not in vgg


def test_a_family_is_measured_alone_and_wrong_words_are_told(tmp_path, capsys):
    truth = tmp_path / "truth"
    write_png(truth / "a.png", data.astronaut()[:64, :64])
    command = ["evaluate", str(truth), str(truth), "--family", "perceptual"]
    assert main([*command, "--metrics", "fsimc,vsi", "--json", str(tmp_path / "m.json")]) == 0
    assert set(json.loads((tmp_path / "m.json").read_text())["directions"]) == {"fsimc", "vsi"}
    capsys.readouterr()
    assert "no family of metrics 'pixl': did you mean 'pixel'?" in failed(capsys, *command[:-1], "pixl")
    weights = ["--weights", f"alexnet={truth / 'a.png'}"]
    assert "no metric needs weights 'alexnet': there are none" in failed(capsys, *command[:-1], "pixel", *weights)
    assert "none of the metrics takes features" in failed(capsys, *command, "--features", tmp_path / "f.npz")
    assert "no weights: " in failed(
        capsys, "features", truth, "-o", tmp_path / "f.npz", "--weights", tmp_path / "w.pth"
    )
    assert not (tmp_path / "f.npz").exists()


def test_previews_of_several_folders_need_as_many_truths_and_outputs(tmp_path, capsys):
    for name in ("a", "b"):
        write_png(tmp_path / name / "1.png", data.astronaut()[:32, :32])
    a, b = (str(tmp_path / name) for name in ("a", "b"))
    assert "as many folders" in failed(capsys, "previews", a, b, "--truth", a, "-o", str(tmp_path / "c"))
    outputs = [str(tmp_path / "c"), str(tmp_path / "d")]
    assert main(["previews", a, b, "--truth", a, a, "-o", *outputs]) == 0
    assert all((tmp_path / name / "thumbnail/1.webp").is_file() for name in ("c", "d"))


def test_a_weight_file_that_is_named_must_be_there(tmp_path, astronaut, capsys):
    write_png(tmp_path / "a/one.png", astronaut[:32, :32])
    weights = f"alexnet={tmp_path / 'none.pth'}"
    assert main(["evaluate", str(tmp_path / "a"), str(tmp_path / "a"), "--weights", weights]) == 2
    assert "none.pth: no such file, given as the weights alexnet" in capsys.readouterr().err


def test_names_may_follow_an_option(tmp_path, capsys):
    assert main(["data", "check", "--data", str(tmp_path), "nothing"]) == 2
    assert "wrong: nothing: no such file or folder" in "".join(capsys.readouterr())
    assert "--options: no such option" in failed(capsys, "data", "check", "--options", "nothing")


def test_an_option_that_is_no_yaml_is_one_line(tmp_path, capsys):
    assert "--option: not a YAML value" in failed(
        capsys, "colorize", tmp_path, "-o", tmp_path / "o", "--option", "a=[1"
    )


def test_two_evaluations_by_hand_make_a_table(tmp_path, astronaut, capsys):
    for name, picture in {"shots/truth": astronaut, "mine": astronaut // 2, "gray": astronaut // 3}.items():
        write_png(tmp_path / name / "one.png", picture[:64, :64])
    for name in ("mine", "gray"):
        files = [f"--{suffix}={tmp_path / name}.{suffix}" for suffix in ("json", "csv")]
        assert main(["evaluate", f"{tmp_path / name}", f"{tmp_path}/shots/truth", "--metrics", "psnr", *files]) == 0
    assert main(["tables", f"{tmp_path}/mine.json", f"{tmp_path}/gray.json", "-o", f"{tmp_path}/tables"]) == 0
    assert "every metric: all_shots.md" in capsys.readouterr().out
    table = (tmp_path / "tables/all_shots.md").read_text()
    assert "mine" in table and "Reference: gray" in table
