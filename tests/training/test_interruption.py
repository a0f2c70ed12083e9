"""Training that is killed, or asked to stop, and goes on."""

import multiprocessing
import os
import signal
import time

import numpy as np
import pandas as pd
import pytest
import torch
from small_training import QUICK, children, command_of, run, same_model, started

from ccc.codebook import Codebook
from ccc.core.errors import CCCError
from ccc.training.checkpoints import REQUEUE, Signals
from ccc.training.loop import train

pytestmark = pytest.mark.slow

KILLED = QUICK.model_copy(update=dict(steps=36, validate_every=12, save_every=2, ema=0.9, crop=32))


def _child(shards, codebook, folder, pipe):
    torch.set_num_threads(1)

    def log(text):
        if "steps an epoch" in text:  # from here on it trains
            pipe.send(text)

    train(shards, shards[:1], Codebook.load(codebook), folder, KILLED, "cpu", log=log)


def test_a_run_killed_ten_times_ends_where_the_unbroken_one_ends(data, tmp_path):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["ccc.training", "ccc.core.torchvision_ops", "torchvision", "torch.utils.tensorboard"]
    )
    generator = np.random.default_rng(int(time.time()))
    shards = list(map(str, data[0]))

    def start(folder):
        pipe, end = context.Pipe(duplex=False)
        child = context.Process(target=_child, args=(shards, data[0][0].parent / "codebook.json", folder, end))
        child.start()
        end.close()
        pipe.recv()
        return child, time.perf_counter()

    child, started = start(tmp_path / "whole")
    child.join()
    took = time.perf_counter() - started
    assert child.exitcode == 0
    kills = 0
    while kills < 10:
        child, _ = start(tmp_path / "killed")
        child.join(generator.uniform(0, took / 12))
        child.kill()
        child.join()
        if child.exitcode == 0:
            break  # it was quicker than the unbroken run had been
        assert child.exitcode == -signal.SIGKILL
        kills += 1
    child, _ = start(tmp_path / "killed")
    child.join()
    assert child.exitcode == 0 and kills >= 5
    same_model(tmp_path / "whole" / "ccc.safetensors", tmp_path / "killed" / "ccc.safetensors")
    assert (tmp_path / "killed" / "history.csv").read_text() == (tmp_path / "whole" / "history.csv").read_text()


def test_signals_that_were_ignored_stay_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with Signals() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not signals.caught
            os.kill(os.getpid(), signal.SIGUSR1)
            assert signals.caught == "SIGUSR1"
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("processes", "number", "workers"),
    [
        ("1", signal.SIGTERM, "0"),
        ("1", signal.SIGHUP, "0"),
        ("1", signal.SIGTERM, "1"),
        ("2", signal.SIGTERM, "0"),
        ("2", signal.SIGUSR1, "1"),
    ],
)
def test_a_signal_saves_and_asks_for_another_go(data, tmp_path, processes, number, workers):
    """To the process or, as batch schedulers and terminals send it, to its whole group."""
    command = command_of(data, tmp_path, "--steps", "100000", "--validate-every", "2", "--save-every", "100000")
    with started([*command, "--processes", processes, "--workers", workers]) as (process,):
        next(line for line in process.stdout if line.startswith("step "))
        ranks = children(process)  # or the process that reads for a single one
        for _ in range(3):  # who is impatient loses nothing
            os.killpg(process.pid, number) if workers != "0" else process.send_signal(number)
        rest = process.communicate(timeout=60)[0]
        assert process.returncode == REQUEUE and f"stopped by {number.name}" in rest
    assert len(ranks) == (2 if processes == "2" else int(workers)) and not any(rank.is_running() for rank in ranks)
    assert len(list((tmp_path / "state").glob("*/step-*.pt"))) == 1
    assert pd.read_csv(tmp_path / "history.csv")["step"].tolist()[0] == 2, "the curve is there before the end"


def test_a_reader_that_is_killed_ends_training_with_one_line(data, tmp_path):
    with started(command_of(data, tmp_path, "--steps", "100000", "--workers", "1")) as (process,):
        next(line for line in process.stdout if "1 x cpu" in line)
        while not (readers := children(process)):
            time.sleep(0.1)
        readers[0].kill()
        rest = process.communicate(timeout=60)[0].splitlines()
        assert process.returncode == 2 and rest[-1].startswith("ccc train: error: DataLoader worker")
        assert rest[-1].endswith("run the same command to resume from the last saved state")


@pytest.mark.parametrize("error", [ConnectionResetError(104, "Connection reset by peer"), EOFError()])
def test_a_reader_that_dies_while_it_sends_is_told_too(data, tmp_path, monkeypatch, error):
    def lost(_):
        raise error

    monkeypatch.setattr("ccc.training.loop.fit", lost)
    with pytest.raises(CCCError, match=r"^DataLoader worker lost \(.+\); run the same command to resume"):
        run(data, tmp_path)


def test_other_readers_within_an_epoch_are_logged(data, tmp_path):
    settings = QUICK.model_copy(update=dict(save_every=1, crop=32))
    assert "warning" not in "".join(run(data, tmp_path, settings.model_copy(update=dict(steps=1)))[1])
    _, logged = run(data, tmp_path, settings, workers=1)
    assert logged[0].startswith("warning: 1 workers read where 0 did")


def test_a_damaged_state_gives_way_to_the_one_before(data, tmp_path):
    whole, _ = run(data, tmp_path)
    whole = whole.rename(tmp_path / "whole.safetensors")
    newest = sorted((tmp_path / "state").glob("*/step-*.pt"))[-1]
    content = newest.read_bytes()
    middle = len(content) // 2  # among the weights, where torch sees nothing
    newest.write_bytes(content[:middle] + bytes(255 - byte for byte in content[middle:][:64]) + content[middle + 64 :])
    resumed, logged = run(data, tmp_path)
    assert "is damaged" in logged[0] and "resumed at step 4 of 6" in logged
    same_model(whole, resumed)
