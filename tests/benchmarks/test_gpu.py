"""What is ready for a GPU runs on the CPU at toy size, and its page is made of what was measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.gpu import page
from benchmarks.gpu.steps import bounded

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def test_a_rehearsal_goes_through_every_step(tmp_path):
    command = [sys.executable, "-m", "benchmarks.gpu", "--out", str(tmp_path), "--device", "cpu", "--rehearse"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    states = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert list(states) == ["facts", *page.TITLES], done.stderr
    assert states.pop("memory").startswith("skipped: no CUDA")
    assert all(state.startswith("ok (") for state in states.values()), done.stdout
    assert done.returncode == 0
    text = page.render(tmp_path)
    assert "Not run." not in text and "**beyond**" not in text and "Failed" not in text
    assert (tmp_path / "mobilenet_v2.safetensors").stat().st_size > 1e6
    assert "stopped by SIGTERM at step" in (tmp_path / "mobilenet_v2.probe.log").read_text()


def test_a_step_without_time_is_skipped_and_one_that_fails_stops_no_other(tmp_path):
    command = [sys.executable, "-m", "benchmarks.gpu", "--out", str(tmp_path), "--device", "cpu", "--rehearse"]
    command += ["--steps", "facts", "memory", "--minutes", "0.1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.count("skipped: the 0.1 minutes were over")) == (0, 2)
    command[command.index("cpu")] = "cuda"
    import torch

    if torch.cuda.is_available():
        pytest.skip("the device that must be missing is here")
    done = subprocess.run([*command[:-1], "2"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "\nmemory: failed: 1" in done.stdout
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["failed"] == 1 and facts["torch"] == torch.__version__, "what was measured before stays"
    assert "**Failed**: 1." in page.render(tmp_path)


def test_what_is_beyond_its_bound_is_a_fault():
    found = {
        "a": bounded(1.0, 2.0),
        "b": bounded(float("nan"), 2.0),
        "c: failed": "see c.log",
        "failed": "no end in 3 s",
    }
    assert "| `--a` | **failed**: no end |" in "\n".join(page._speeds({"--a: failed": "no\nend"}))
    assert page.faults(found) == ["c: failed: see c.log", "failed: no end in 3 s", "b beyond its bound"]


def test_the_page_is_that_of_the_stored_figures():
    (results,) = (ROOT / "benchmarks/gpu/results").iterdir()
    assert (ROOT / "benchmarks/gpu.md").read_text() == page.render(results), (
        f"write it again: python -m benchmarks.gpu --page {results.relative_to(ROOT)} > benchmarks/gpu.md"
    )
