"""Runs that are killed, in every stage, and run again; two at once; orphans."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

# `ccc`, which sends a signal when it begins the middle one of the files of a verb, once for each verb. The file
# `sent-<verb>` holds the number of the process that sent it.
DEADLY = """#!{python}
import os, signal, sys, tempfile
verb, real, count, at = sys.argv[1], tempfile.mkstemp, 0, {at!r}
def snakemake():
    process = os.getpid()
    while process > 1:
        with open(f"/proc/{{process}}/cmdline") as file:
            if "snakemake" in file.read().split("\\0"):
                return process
        with open(f"/proc/{{process}}/stat") as file:
            process = int(file.read().rsplit(")", 1)[1].split()[1])
def mkstemp(*arguments, **others):
    global count
    made = real(*arguments, **others)
    count += "dir" in others
    if count == at.get(verb):
        try:
            with open(os.path.join({folder!r}, "sent-" + verb), "x") as file:
                file.write(str(os.getpid()))
        except FileExistsError:
            pass
        else:
            os.kill({victim}, signal.{number})
    return made
tempfile.mkstemp = mkstemp
from ccc.cli import main
sys.exit(main())
"""


def deadly(folder: Path, at: dict[str, int], victim: str = "os.getpid()", number: str = "SIGKILL") -> Path:
    folder.mkdir()
    program = folder / "ccc"
    program.write_text(DEADLY.format(python=sys.executable, folder=str(folder), victim=victim, at=at, number=number))
    program.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def halfway(unbroken):
    """For each verb of an unbroken run, the middle one of the files that it makes appear."""
    counts: dict[str, int] = {}
    for line in (unbroken.folder / "bin/counts").read_text().splitlines():
        verb, count = line.split()
        counts[verb] = max(counts.get(verb, 0), int(count))
    assert {"shard", "codebook", "train", "prepare", "segment", "colorize", "harmonize", "evaluate", "tables",
            "report"} <= set(counts)  # fmt: skip
    return {verb: (count + 1) // 2 for verb, count in counts.items()}


@pytest.mark.parametrize("victim", ["snakemake()", "os.getpid()"], ids=["snakemake", "job"])
def test_killed_in_every_stage_and_run_again_it_gives_what_an_unbroken_run_gives(
    checkout, unbroken, halfway, victim, tmp_path
):
    broken, front = checkout("killed"), deadly(tmp_path / "bin", halfway, victim)
    runs = []
    while not runs or runs[-1].returncode:
        assert len(runs) <= len(halfway), runs[-1].output
        runs.append(broken.run(front=front))
        assert runs[-1].returncode in ((0, -signal.SIGKILL) if victim == "snakemake()" else (0, 1)), runs[-1].output
    assert {path.name for path in front.glob("sent-*")} == {f"sent-{verb}" for verb in halfway}
    assert broken.results() == unbroken.results()
    assert "Nothing to be done" in broken.run().output


def waited(condition, seconds: float = 120):
    """What `condition` gives as soon as it is true."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return value


def state(process: int) -> str:
    """State of a process as Linux writes it: T is stopped, Z a zombie; empty where there is none of that number."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def stopped(front: Path, verb: str) -> int:
    """Number of the `ccc` that has stopped itself at a verb."""
    mark = front / f"sent-{verb}"
    number = int(waited(lambda: mark.exists() and mark.read_text()))
    waited(lambda: state(number) == "T")
    return number


def test_a_second_run_in_the_same_folder_is_refused(copied, unbroken, tmp_path):
    front = deadly(tmp_path / "bin", {"tables": 1}, number="SIGSTOP")
    with copied.start("--forcerun", "tables", front=front) as first:
        job = stopped(front, "tables")
        second = copied.run("--forcerun", "tables")
        assert second.returncode == 1 and f"another run works in {copied.folder}: process {first.pid}" in second.output
        assert "Traceback" not in second.output
        assert copied.run("--forcerun", "tables", "-n").returncode == 0
        os.kill(job, signal.SIGCONT)
        assert first.wait(120) == 0
    assert copied.results() == unbroken.results()


def test_what_a_killed_run_left_behind_does_not_write_into_the_next(copied, unbroken, tmp_path):
    front = deadly(tmp_path / "bin", {"colorize": 1}, number="SIGSTOP")
    copied.configure({"colorize": {"decode": "annealed"}})
    with copied.start(front=front) as first:
        orphan = stopped(front, "colorize")
        first.kill()
    copied.configure({})
    again = copied.run()
    assert again.returncode == 0 and "colorize_ccc" in again.output
    os.kill(orphan, signal.SIGCONT)
    waited(lambda: state(orphan) in ("", "Z"))
    assert copied.results() == unbroken.results()
