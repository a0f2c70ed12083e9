"""The paper's full configuration can be planned, and says what the paper says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ccc.assets.photographs import known

ROOT = Path(__file__).resolve().parents[2]
CONFIG = yaml.safe_load((ROOT / "config/places365.yaml").read_text())


def test_the_codebook_counts_as_many_cells_as_the_paper():
    pictures = CONFIG["data"]["validation_limit"]
    assert CONFIG["codebook"] == {"split": "validation", "threshold": 500}
    assert pictures == 35_040 == 96 * 365
    assert pictures * 56 * 56 == 109_885_440
    assert 500 / (pictures * 56 * 56) == pytest.approx(4.55e-6, rel=1e-3)


def test_the_archives_have_their_official_names():
    photographs = CONFIG["data"]
    sources = (photographs["source"], photographs["validation"], CONFIG["benchmarks"]["places365"]["source"])
    archives = [known()[source].archive for source in sources]
    assert archives == ["train_256_places365standard.tar", "val_256.tar", "test_256.tar"]


def test_places365_is_planned_with_the_methods_that_need_no_weights(tmp_path):
    """Empty files stand for the archives: a plan looks at their names alone. All methods: benchmarks/plan.py."""
    data = tmp_path / "data"
    sources = [CONFIG["data"]["source"], CONFIG["data"]["validation"]]
    sources += [entry["source"] for entry in CONFIG["benchmarks"].values()]
    data.mkdir()
    for source in sources:
        for file in known()[source].files:
            (data / file).touch()
    command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--configfile", str(ROOT / "config/places365.yaml"), "--directory", str(tmp_path / "run")]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    run = subprocess.run([*command, "--config", f"photographs={data}"], capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stdout + run.stderr
    table = dict(line.split() for line in run.stdout.splitlines() if len(line.split()) == 2 and line[-1].isdigit())
    assert (table["index"], table["shard"], table["codebook"], table["train"]) == ("2", "184", "1", "1")
    assert int(table["total"]) < 1000
