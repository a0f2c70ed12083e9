"""Runs that are killed, in every stage, and run again; two at once; orphans."""

import os
import signal

import pytest

pytestmark = pytest.mark.slow


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
    checkout, unbroken, halfway, processes, victim, tmp_path
):
    broken, front = checkout("killed"), processes.deadly(tmp_path / "bin", halfway, victim)
    runs = []
    while not runs or runs[-1].returncode:
        assert len(runs) <= len(halfway), runs[-1].output
        runs.append(broken.run(front=front))
        assert runs[-1].returncode in ((0, -signal.SIGKILL) if victim == "snakemake()" else (0, 1)), runs[-1].output
    assert {path.name for path in front.glob("sent-*")} == {f"sent-{verb}" for verb in halfway}
    assert broken.results() == unbroken.results()
    assert "Nothing to be done" in broken.run().output


def test_a_second_run_in_the_same_folder_is_refused(copied, unbroken, processes, tmp_path):
    front = processes.deadly(tmp_path / "bin", {"tables": 1}, number="SIGSTOP")
    with copied.start("--forcerun", "tables", front=front) as first:
        job = processes.stopped(front, "tables")
        second = copied.run("--forcerun", "tables")
        assert second.returncode == 1 and f"another run works in {copied.folder}: process {first.pid}" in second.output
        assert "Traceback" not in second.output
        assert copied.run("--forcerun", "tables", "-n").returncode == 0
        os.kill(job, signal.SIGCONT)
        assert first.wait(600) == 0
    assert copied.results() == unbroken.results()


def test_what_a_killed_run_left_behind_does_not_write_into_the_next(copied, unbroken, processes, tmp_path):
    front = processes.deadly(tmp_path / "bin", {"colorize": 1}, number="SIGSTOP")
    copied.configure({"model": True})  # another than its own
    with copied.start(front=front) as first:
        orphan = processes.stopped(front, "colorize")
        first.kill()
    copied.configure({})
    again = copied.run()
    assert again.returncode == 0 and "colorize_ccc" in again.output
    os.kill(orphan, signal.SIGCONT)
    processes.waited(lambda: processes.state(orphan) in ("", "Z"))
    assert copied.results() == unbroken.results()
