"""The rules of the methods: which run, which do not and why, and that each colours what its colorizer colours."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from skimage import data

from ccc.images import write_png

ROOT = Path(__file__).resolve().parents[2]
BASELINES = ("cic", "ddcolor", "deoldify", "gain", "iizuka", "larsson", "su", "zhang")


class Checkout:
    """A checkout with one small benchmark, three photographs of different sizes, and no weights."""

    def __init__(self, folder: Path):
        self.folder, self.weights = folder, folder / "weights"
        for name in ("workflow", "config", "profiles"):
            shutil.copytree(ROOT / name, folder / name)
        shutil.copy(ROOT / "Snakefile", folder)
        (folder / "ccc").symlink_to(ROOT / "ccc")
        self.weights.mkdir()
        for name, picture in (("a", data.astronaut()), ("b", data.coffee()), ("c", data.chelsea())):
            write_png(folder / "photos" / f"{name}.png", picture[:80, : 60 + 40 * "abc".index(name)])
        self.write({})

    def write(self, config: dict) -> None:
        """Write the configuration, the small one with these keys."""
        small = {
            "run": "small",
            "training": {"source": "photos", "validation": "photos"},
            "benchmarks": {"set": {"source": "photos", "n": "all"}},
            "side": "keep",
            "showcase": {"enabled": False},
        }
        (self.folder / "config/small.yaml").write_text(yaml.safe_dump(small | config))

    def snakemake(self, *arguments: str, status: int = 0) -> str:
        """Run Snakemake; what it and its jobs said."""
        names = ("CCC_WEIGHTS", "XDG_CACHE_HOME", "TORCH_HOME")
        environment = os.environ | dict.fromkeys(names, str(self.weights)) | {"PYTHONPATH": str(self.folder)}
        environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        command = [sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", "config/small.yaml", *arguments]
        run = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=600)
        assert run.returncode == status, run.stdout + run.stderr
        return run.stdout + run.stderr


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def test_auto_takes_what_is_there_and_names_the_others_with_the_reason(checkout):
    (checkout.weights / "siggraph17-df00044c.pth").touch()
    (checkout.weights / "ddcolor_paper_tiny.pth").touch()
    checkout.write({"baselines": {"ddcolor": {"model": "tiny"}}})
    output = checkout.snakemake("-n", "-p")
    assert (
        "not run: cic: colorization_release_v2-9b330a0b.pth is missing, get it with `ccc weights fetch cic`" in output
    )
    assert "not run: gain: nothing of it is public" in output
    assert "not run: zhang" not in output and "not run: ddcolor" not in output
    for name in BASELINES:
        assert (f"rule colorize_{name}:" in output) == (name in ("zhang", "ddcolor")), name
    tables = output.split("ccc tables ")[1].split("\n")[0]
    assert "--not-run 'cic=colorization_release" in tables and "zhang=" not in tables
    assert "--title 'DDColor (tiny)'" in output and "--option model=tiny" in output


def test_a_method_named_outright_whose_weights_are_missing_stops_the_run(checkout):
    checkout.write({"methods": ["gray", "cic", "deoldify"], "baselines": {"deoldify": {"model": "video"}}})
    output = checkout.snakemake(status=1)
    assert "cic: colorization_release_v2-9b330a0b.pth is missing, get it with `ccc weights fetch cic`" in output
    assert "`ccc weights fetch deoldify_video`" in output and "Traceback" not in output
    assert not (checkout.folder / "results").exists()


def test_folders_of_boxes_and_pictures_must_be_there(checkout):
    checkout.write({"baselines": {"gain": {"folder": "nowhere"}, "su": {"boxes": "no boxes"}}})
    output = checkout.snakemake("-n", status=1)
    assert "baselines.gain.folder: nowhere is not there" in output
    assert "baselines.su.boxes: no boxes is not there" in output


def test_no_torch_is_loaded_to_find_the_methods(checkout):
    (checkout.folder / "torch.py").write_text("raise SystemExit('torch was imported')")
    checkout.snakemake("-n", "results/colorized/gray/plain/set")
