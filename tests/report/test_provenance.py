"""What a run was made of is written down."""

import hashlib
import json
import tomllib
from importlib import metadata
from pathlib import Path

import numpy

from ccc.cli import main
from ccc.report.provenance import commit, provenance

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
# Of the libraries required, those that change no number: they read settings, draw pages, fetch and show progress.
SILENT = set(
    """braceexpand filelock jinja2 lazy-loader matplotlib pandas psutil pyarrow pycocotools pydantic pyyaml requests
    safetensors tensorboard tqdm urllib3""".split()
)


def test_versions_seeds_configuration_and_checksums(tmp_path):
    (tmp_path / "manifest.csv").write_text("name\n")
    configuration = {"run": "x", "train": {"seed": 3, "steps": 5}, "benchmarks": {"ade": {"seed": 7}}}
    out = tmp_path / "provenance.json"
    assert main(["provenance", str(tmp_path / "manifest.csv"), "-o", str(out), "--configuration",
                 json.dumps(configuration)]) == 0  # fmt: skip
    found = json.loads(out.read_text())
    assert found["packages"]["numpy"] == numpy.__version__ and {"torch", "scikit-image"} <= set(found["packages"])
    assert found["versions"]["revision"] == commit()
    assert found["seeds"] == {"train.seed": 3, "benchmarks.ade.seed": 7}
    assert found["configuration"] == configuration
    assert found["checksums"] == {str(tmp_path / "manifest.csv"): hashlib.sha256(b"name\n").hexdigest()}


def test_a_configuration_that_is_none(tmp_path, capsys):
    assert main(["provenance", "-o", str(tmp_path / "x.json"), "--configuration", "{run"]) == 2
    assert "--configuration is not JSON" in capsys.readouterr().err


def test_the_report_names_the_version_of_every_library_that_makes_numbers():
    required = tomllib.loads(PROJECT.read_text())["project"]["dependencies"]
    names = {line.split(">")[0] for line in required} - SILENT
    versions = provenance()["Versions"].split(", ")
    assert {"opencv-python-headless", "pyiqa", "numba"} <= names
    assert {f"{name} {metadata.version(name)}" for name in names} <= set(versions)
