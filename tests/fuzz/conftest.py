"""One process that runs all cases, and good files to spoil."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ccc.core.images import write_png

LINES = 5  # of an error at most: a warning or two may stand before it


class Worker:
    """Runs commands in a process of `worker.py`; `checks` is what must hold whatever a command is given."""

    def __init__(self):
        command = [sys.executable, str(Path(__file__).with_name("worker.py"))]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, **pipes)

    def ask(self, line: str) -> dict:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        reply = self.process.stdout.readline()
        assert reply, f"the process crashed, status {self.process.wait()}, at: {line}"
        return json.loads(reply)

    def __call__(self, *words, out: Path | None = None) -> dict:
        """Run a command: no crash, no traceback, no hang, nothing half-written in `out`; its error is one line."""
        found = self.ask(json.dumps(list(map(str, words))))
        assert found["status"] in (0, 1, 2, 3), (
            f"{words}\n{found['status']} after {found['seconds']:.1f} s\n{found['error']}"
        )
        lines = found["error"].strip().splitlines()
        errors = [line for line in lines if line.startswith("ccc ") and ": error: " in line]
        assert len(lines) <= LINES and len(errors) == (found["status"] in (1, 2)), found["error"]
        if out is not None and out.is_dir():
            left = [path for path in out.rglob("*") if path.name.startswith(".")]
            assert not left, left
        return found

    def refuses(self, *words, out: Path | None = None) -> str:
        """Run a command that must be refused, and leave nothing in `out`; its line."""
        found = self(*words, out=out)
        assert found["status"] == 2, f"{words} was taken"
        assert out is None or not out.exists() or not list(out.rglob("*")), list(out.rglob("*"))
        return found["error"]


@pytest.fixture(scope="session")
def good(tmp_path_factory):
    """A folder of files as the stages write them."""
    import small_training
    import stored_cells
    from skimage import data

    folder = tmp_path_factory.mktemp("good")
    write_png(folder / "gray/photo.png", np.arange(48, dtype=np.uint8).reshape(6, 8) * 5)
    write_png(folder / "picture.png", data.astronaut()[:64, :64])
    small_training.write_data(folder / "shards")
    stored_cells.write_cell(folder / "metrics", "ccc", "plain", "ade20k", made=[])
    stored_cells.write_cell(folder / "metrics", "gray", "plain", "ade20k")
    return folder


@pytest.fixture(scope="session")
def worker(good, tmp_path_factory):
    from ccc.assets import PUBLISHED

    running, out = Worker(), tmp_path_factory.mktemp("warm")
    shards = [good / "shards/0.tar", good / "shards/1.tar"]
    for words in (  # all that is imported and compiled, so that the limit is on what a case takes
        ["segment", good / "gray", "-o", good / "masks", "--coco", good / "masks.json"],
        ["colorize", good / "picture.png", "-o", out / "colored.png", "--method", "ccc", "--weights", PUBLISHED],
        ["stream", *shards],
        ["codebook", *shards, "--threshold", 1, "-o", good / "codebook.json"],
        ["index", good / "shards/photographs", "-o", good / "index.parquet"],
        ["shard", good / "shards/photographs", "--index", good / "index.parquet", "-o", out / "0.tar"],
        ["prepare", good / "shards/photographs", "-o", good / "benchmark"],
        ["leakage", good / "benchmark/manifest.csv", *shards, "-o", good / "leakage.json"],
        ["tables", good / "metrics", "-o", good / "tables"],
    ):
        found = running(*words)
        assert found["status"] == 0, (words, found["error"])
    running.ask("limit")
    yield running
    running.process.stdin.close()
    running.process.wait()


@pytest.fixture
def spoiled(good, tmp_path):
    """A copy of the good files, to spoil."""
    return Path(shutil.copytree(good, tmp_path / "spoiled"))
