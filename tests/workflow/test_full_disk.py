"""Every stage on a full disk and on one that cannot be written to: one line that says so, and nothing half-written."""

import subprocess
from pathlib import Path

import pytest

from ccc.cli import main
from ccc.core.files import ASIDE

pytestmark = pytest.mark.slow


@pytest.fixture
def disk(tmp_path):
    """Mount a file system of 4 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(folder)]
    try:
        run = subprocess.run(mount, capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"cannot mount a small disk here: {error}")
    if run.returncode:
        pytest.skip(f"cannot mount a small disk here: {run.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def command(stage: str, done: Path, out: Path) -> list[str]:
    """The command line of a stage that reads what a finished run left and writes beneath `out`."""
    results = done / "results"
    people = results / "benchmarks/people"
    masks = next((results / "segments").glob("*/people"))
    plain = results / "colorized/ccc/plain/people"
    metrics = sorted((results / "metrics").rglob("*.json"))
    shards = [str(path) for path in sorted((results / "shards/train").glob("*.tar"))]
    small = ["--encoder", "mobilenet_v2", "--batch-size", "2", "--crop", "32", "--steps", "1", "--save-every", "1"]
    validation = results / "shards/validation/00000.tar"
    words = {
        "shard": [done / "photographs/train", "-o", out / "shards/00000.tar"],
        "codebook": [*shards, "-o", out / "codebook.json", "--threshold", "20"],
        "train": [*shards, "--validation", validation, "--codebook", results / "codebook.json", "-o", out, *small],
        "prepare": [done / "photographs/benchmark", "-o", out / "people", "--count", "all", "--side", "48"],
        "segment": [people / "gray", "-o", out / "masks"],
        "colorize": [people / "gray", "--method", "gray", "-o", out / "coloured"],
        "harmonize": [people / "gray", plain, "--masks", masks, "-o", out / "coloured"],
        "evaluate": [plain, people / "truth", "--csv", out / "people.csv", "--json", out / "people.json"],
        "tables": [*metrics, "-o", out / "tables"],
        "report": [results / "summary/tiny.json", "-o", out / "report", "--results", results],
    }
    return [stage, *map(str, words[stage])]


STAGES = ("shard", "codebook", "train", "prepare", "segment", "colorize", "harmonize", "evaluate", "tables", "report")


@pytest.mark.parametrize("stage", STAGES)
def test_a_full_disk(unbroken, disk, stage, capsys):
    if stage in ("segment", "codebook"):
        (disk / "filler").write_bytes(bytes(4096))  # their output would fit
    if stage == "train":  # so that the preview fits and the state does not
        subprocess.run(["mount", "-o", "remount,size=1m", str(disk)], check=True)
    assert main(command(stage, unbroken.folder, disk)) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(error) == 1 and error[0].startswith(f"ccc {stage}: error: {disk}/"), error
    assert error[0].endswith(": No space left on device")
    assert not list(disk.rglob(ASIDE + "*")) and all(path.stat().st_size for path in disk.rglob("*"))


@pytest.mark.parametrize("stage", STAGES)
def test_a_disk_that_cannot_be_written_to(unbroken, disk, stage, capsys):
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert main(command(stage, unbroken.folder, disk)) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(error) == 1 and error[0].startswith(f"ccc {stage}: error: {disk}"), error
    assert error[0].endswith(": Read-only file system")
