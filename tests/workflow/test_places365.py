"""The paper's full configuration can be planned, and says what the paper says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ccc.assets import photographs
from ccc.assets import weights as weight_files

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CONFIG = yaml.safe_load((ROOT / "config/places365.yaml").read_text())


def test_the_codebook_counts_as_many_cells_as_the_paper():
    pictures = CONFIG["data"]["validation_limit"]
    assert CONFIG["codebook"] == {"split": "validation", "threshold": 500}
    assert pictures == 35_040 == 96 * 365
    assert pictures * 56 * 56 == 109_885_440
    assert 500 / (pictures * 56 * 56) == pytest.approx(4.55e-6, rel=1e-3)


def test_the_archives_have_their_official_names():
    sources = (CONFIG["data"]["source"], CONFIG["data"]["validation"], CONFIG["benchmarks"]["places365"]["source"])
    archives = [photographs.known()[source].archive for source in sources]
    assert archives == ["train_256_places365standard.tar", "val_256.tar", "test_256.tar"]


def test_places365_is_planned_with_every_method_in_less_than_a_thousand_jobs(tmp_path):
    """Empty files stand for the archives and for all weights: a plan looks at their names alone."""
    data, weights = tmp_path / "data", tmp_path / "weights"
    sources = [CONFIG["data"]["source"], CONFIG["data"]["validation"]]
    sources += [entry["source"] for entry in CONFIG["benchmarks"].values()]
    for folder, files in (
        (data, [file for source in sources for file in photographs.known()[source].files]),
        (weights, [facts["file"] for facts in weight_files.known().values()]),
        (tmp_path / "run/gain", ["picture.png"]),
    ):
        folder.mkdir(parents=True)
        for file in files:
            (folder / file).touch()
    command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules"]
    command += ["--snakefile", str(ROOT / "Snakefile"), "--configfile", str(ROOT / "config/places365.yaml")]
    command += ["--directory", str(tmp_path / "run")]
    change = [f"photographs={data}", "baselines={gain: {folder: gain}}"]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path), "CCC_WEIGHTS": str(weights)}
    run = subprocess.run([*command, "--config", *change], capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stdout + run.stderr
    table = dict(line.split() for line in run.stdout.splitlines() if len(line.split()) == 2 and line[-1].isdigit())
    assert (table["index"], table["shard"], table["codebook"], table["train"]) == ("2", "184", "1", "1")
    methods = {path.stem for path in (ROOT / "workflow/methods").glob("*.smk")} - {"ccc_photo"}  # it would be ccc again
    assert methods == {rule.removeprefix("colorize_") for rule in table if rule.startswith("colorize_")}
    assert table["colorize_gain"] == "7", "six benchmarks and the pictures of Table III"
    assert int(table["total"]) < 1000
