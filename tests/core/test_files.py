"""Files appear whole or not at all, whatever becomes of their writer or of the process it works for."""

import os
import signal
import subprocess
import sys
import tempfile
import time

import psutil
import pytest

from ccc.core import files, processes

WRITER = """
import os, sys
from ccc.core import processes
from ccc.core.files import written_whole
if os.environ.get("CCC_PARENT"):
    processes.watch(int(os.environ["CCC_PARENT"]))
with written_whole(sys.argv[1]) as aside:
    aside.write_text("half of it")
    print("writing", flush=True)
    sys.stdin.readline()
"""


def writer(path, **variables) -> subprocess.Popen:
    """A process that has written half of `path` and goes on when its standard input says so."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=os.environ | variables,
    )  # fmt: skip
    assert process.stdout.readline() == "writing\n"
    return process


def test_a_removal_that_a_signal_stops_is_ended_by_the_next_writer(tmp_path, monkeypatch):
    unlink, removed = os.unlink, []

    def until(most):
        def stopped(*arguments, **parameters):
            if len(removed) == most:
                raise KeyboardInterrupt
            unlink(*arguments, **parameters)
            removed.append(arguments)

        return stopped

    for most in range(6):
        removed.clear()
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt), files.folder_aside(tmp_path) as aside:
            for name in ("a/1", "a/2", "b/1", "c"):
                files.write_text(aside / name, "")
            (aside / "link").symlink_to(tmp_path.parent, target_is_directory=True)
            patched.setattr(os, "unlink", until(most))
        assert aside.is_dir()
        with files.folder_aside(tmp_path):
            pass
        assert list(tmp_path.iterdir()) == []


def test_the_next_writer_sweeps_away_what_a_killed_one_left_and_nothing_else(tmp_path):
    dead, living = writer(tmp_path / "dead.txt"), writer(tmp_path / "living.txt")
    dead.kill()
    dead.wait()
    assert len(list(tmp_path.glob(files.ASIDE + "*"))) == 2 and not (tmp_path / "dead.txt").exists()
    (tmp_path / ".hidden.txt").write_text("of someone else")
    files.write_text(tmp_path / "new.txt", "whole")
    assert len(list(tmp_path.glob(files.ASIDE + "*"))) == 1
    living.communicate("go on\n")
    assert living.returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden.txt", "living.txt", "new.txt"]


def test_a_folder_is_put_in_place_whole_and_what_is_left_of_one_swept_away(tmp_path):
    script = "import sys, os; from ccc.core.files import folder_aside\nwith folder_aside(sys.argv[1]): os.abort()"
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True)
    assert len(list(tmp_path.iterdir())) == 1
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/old.txt").write_text("old")
    with files.folder_aside(tmp_path) as aside:
        assert list(tmp_path.glob(files.ASIDE + "*")) == [aside]
        files.write_text(aside / "pictures/new.txt", "new")
        files.put_folder(aside / "pictures", tmp_path / "pictures")
    assert [path.name for path in tmp_path.rglob("*")] == ["pictures", "new.txt"]


def test_an_orphan_writes_nothing_more(tmp_path):
    engine = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    job = writer(tmp_path / "result.txt", CCC_PARENT=str(engine.pid))
    job.send_signal(signal.SIGSTOP)  # what it does when it wakes cannot be for lack of time
    engine.kill()
    engine.wait()
    job.send_signal(signal.SIGCONT)
    job.communicate("go on\n", timeout=30)
    assert job.returncode and not (tmp_path / "result.txt").exists()


def test_a_job_whose_engine_lives_is_left_alone(tmp_path):
    job = writer(tmp_path / "result.txt", CCC_PARENT=str(os.getpid()))
    assert job.communicate("go on\n") and job.returncode == 0
    assert (tmp_path / "result.txt").read_text() == "half of it"


def test_a_parent_that_has_ended_is_noticed_before_anybody_has_waited_for_it(monkeypatch):
    monkeypatch.setattr(processes, "_parents", [])
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    processes._parents.append(psutil.Process(process.pid))
    processes.check()
    process.stdin.close()
    deadline = time.monotonic() + 30
    with pytest.raises(processes.Orphaned, match=f"process {process.pid}, .* has ended: nothing more is written"):
        while time.monotonic() < deadline:  # a zombie from some moment on, until it is waited for
            processes.check()
    process.wait()
    with pytest.raises(processes.Orphaned):
        processes.check()
    with pytest.raises(processes.Orphaned):
        processes.watch(process.pid)


def test_an_orphan_whose_file_was_swept_away_begins_no_other(tmp_path, monkeypatch):
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    monkeypatch.setattr(processes, "_parents", [psutil.Process(process.pid)])
    real, made = tempfile.mkstemp, []

    def swept(**options):
        """A file that the next run deletes while this process sleeps, whose own run has ended."""
        handle, name = real(**options)
        made.append(name)
        if len(made) == 1:
            os.unlink(name)
            process.kill()
            process.wait()
        return handle, name

    monkeypatch.setattr(tempfile, "mkstemp", swept)
    with pytest.raises(processes.Orphaned), files.written_whole(tmp_path / "result.txt") as aside:
        aside.write_text("never reached")
    assert len(made) == 1 and list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_leaves_while_another_works_is_removed_too(tmp_path):
    with files.folder_aside(tmp_path) as aside:
        (tmp_path / ".ccc-left").mkdir()
        (tmp_path / ".ccc-left/.lock").touch()
        assert aside.is_dir()
    assert not list(tmp_path.iterdir())
