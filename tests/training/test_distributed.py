"""Several processes train one model, stop together, and leave nobody behind."""

import dataclasses
import multiprocessing
import os
import shutil
import signal
import socket
import sys

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from small_training import QUICK, children, command_of, started

from ccc.codebook import Codebook
from ccc.core.errors import CCCError
from ccc.data.stream import Stream
from ccc.model import load_model
from ccc.training.distributed import Ranks, joined
from ccc.training.learner import Learner
from ccc.training.loop import check_fit

pytestmark = pytest.mark.slow


def free_port():
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]


def in_ranks(world, function, *arguments):
    """What `function(ranks, *arguments)` returns in each of so many processes that train together."""
    context = multiprocessing.get_context("forkserver")
    port = free_port()
    pipes = [context.Pipe(duplex=False) for _ in range(world)]
    children = [
        context.Process(target=_rank, args=(rank, world, port, pipes[rank][1], function, *arguments))
        for rank in range(world)
    ]
    for child, (_, end) in zip(children, pipes, strict=True):
        child.start()
        end.close()
    results = [pipe.recv() for pipe, _ in pipes]
    for child in children:
        child.join()
        assert child.exitcode == 0
    return results


def _rank(rank, world, port, pipe, function, *arguments):
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(world), "MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    with joined("cpu") as ranks:
        result = function(ranks, *arguments)
    pipe.send(result)


def _steps(ranks, shards, codebook, settings, frozen):
    """Three steps of one rank: losses, and the gradient of the last step."""
    book = Codebook.load(codebook)
    learner = Learner(settings, book, ranks)
    learner.model.eval()
    for layer in learner.model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d) and frozen:  # its statistics are of the rank's own part of the
            layer.train = lambda mode=True: None  # batch: it keeps to the running ones
    losses = []
    for step, (gray, target) in enumerate(Stream(shards, book, 8, shuffle=False, epoch=0).batches()):
        part = slice(ranks.rank * 8 // ranks.world, (ranks.rank + 1) * 8 // ranks.world)
        loss = learner.learn(step, gray[part].to(ranks.device), target[part].to(ranks.device))
        losses.append(float(ranks.sum(loss) / ranks.world))
    gradient = torch.cat([parameter.grad.reshape(-1) for parameter in learner.model.parameters()])
    return losses, gradient.cpu().numpy()


def test_two_ranks_equal_one_with_the_same_batch(data):
    """With classes counted over both ranks. The parts of the batch differ in classes, so their own counts would not."""
    settings = QUICK.model_copy(update=dict(batch_size=8, learning_rate=1e-4))
    given = list(map(str, data[0])), data[0][0].parent / "codebook.json", settings, True
    ((losses, gradient),) = in_ranks(1, _steps, *given)
    for other_losses, other_gradient in in_ranks(2, _steps, *given):
        np.testing.assert_allclose(other_losses, losses, rtol=1e-5)
        np.testing.assert_allclose(other_gradient, gradient, rtol=1e-3, atol=1e-5 * np.abs(gradient).max())


def _steps_on_cuda(ranks, *given):
    torch.backends.cudnn.deterministic = True
    return _steps(dataclasses.replace(ranks, device=torch.device("cuda:0")), *given)  # both on one device, over gloo


@pytest.mark.skipif(not torch.cuda.is_available(), reason="synchronized batch normalization needs CUDA")
def test_synchronized_ranks_normalize_as_one(data):
    settings = QUICK.model_copy(update=dict(batch_size=8, learning_rate=1e-4, tf32=False))
    given = list(map(str, data[0])), data[0][0].parent / "codebook.json"
    ((losses, _),) = in_ranks(1, _steps_on_cuda, *given, settings, False)
    synchronized = settings.model_copy(update=dict(sync_batchnorm=True))
    for other_losses, _ in in_ranks(2, _steps_on_cuda, *given, synchronized, False):
        np.testing.assert_allclose(other_losses[0], losses[0], rtol=1e-5)
        np.testing.assert_allclose(other_losses, losses, rtol=1e-3)  # Adam's first steps enlarge what rounding leaves
    for other_losses, _ in in_ranks(2, _steps_on_cuda, *given, settings, False):
        assert abs(other_losses[0] / losses[0] - 1) > 1e-4


def test_synchronized_batch_normalization_asks_for_cuda_where_ranks_are_several():
    settings = QUICK.model_copy(update=dict(sync_batchnorm=True))
    check_fit(settings, Ranks(0, 1, torch.device("cpu")), 64)
    check_fit(settings, Ranks(0, 2, torch.device("cuda:0")), 64)
    with pytest.raises(CCCError, match="sync_batchnorm needs CUDA where several ranks train, and these use cpu"):
        check_fit(settings, Ranks(0, 2, torch.device("cpu")), 64)


def _first_works(ranks, errors):
    results = []
    for error in errors:

        def work(error=error):
            assert ranks.first
            if error:
                raise error
            return "done"

        try:
            results.append(ranks.on_first(work))
        except (CCCError, OSError) as caught:
            results.append(str(caught))
    return results


def test_what_the_first_rank_does_or_cannot_do_all_know():
    errors = [None, CCCError("wrong"), OSError(28, "No space left on device", "model")]
    expected = ["done", "wrong", "[Errno 28] No space left on device: 'model'"]
    assert in_ranks(2, _first_works, errors) == [expected, expected]


def _leave_before_the_network(rank, ports):
    for port in ports:
        names = {"RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "localhost", "MASTER_PORT": port}
        os.environ |= {name: str(value) for name, value in names.items()}
        with joined("cpu") as ranks:
            network = ranks.wrap(torch.nn.Linear(1, 1))
            network(torch.ones(1, 1)).sum().backward()
            sys.setswitchinterval(10)  # no other thread takes the interpreter's lock unasked
            ranks.on_first(lambda: None)
        del network
        sys.setswitchinterval(0.005)


def test_a_network_may_outlive_its_ranks():
    """That it did so left `ccc train --processes 2` hanging at its end, now and then."""
    ports = [free_port() for _ in range(10)]
    context = multiprocessing.get_context("forkserver")
    children = [context.Process(target=_leave_before_the_network, args=(rank, ports)) for rank in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
        child.kill()
    assert [child.exitcode for child in children] == [0, 0]


@pytest.mark.parametrize("machines", [1, 2])
def test_ranks_train_one_model(data, tmp_path, machines):
    """Two processes of `ccc train` alone, or one on each of two machines, as far as `torchrun` can tell."""
    command = command_of(data, tmp_path, "--steps", "4", "--validate-every", "2", "--crop", "32")
    if machines == 1:
        command += ["--processes", "2"]
    else:
        meeting = f"localhost:{free_port()}"
        torchrun = ["-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1"]
        command[1:1] = [*torchrun, "--rdzv-backend", "c10d", "--rdzv-endpoint", meeting]
    with started(command, machines) as processes:
        logged = "".join(process.communicate(timeout=300)[0] for process in processes)
        assert all(process.returncode == 0 for process in processes), logged
    assert logged.count("2 x cpu: 4 steps") == 1
    assert load_model(tmp_path / "ccc.safetensors")[2]["ranks"] == 2
    assert pd.read_csv(tmp_path / "history.csv")["step"].tolist() == [2, 4]


def test_an_error_of_ranks_is_one_line_each(data, tmp_path):
    command = command_of(data, tmp_path, "--steps", "4", "--batch-size", "5", "--processes", "2")
    with started(command) as (process,):
        logged = process.communicate(timeout=300)[0].splitlines()
        assert process.returncode == 2
    assert logged == ["ccc train: error: a batch of 5 does not divide among 2 ranks"] * 2


def test_an_error_of_one_rank_is_one_line_of_the_others(data, tmp_path):
    """The second rank finds its shard damaged while the first waits for its gradients."""
    for tar in data[0]:
        shutil.copy(tar.with_suffix(".json"), tmp_path)
        shutil.copy(tar, tmp_path)
    shards = [tmp_path / tar.name for tar in data[0]]
    shards[1].write_bytes(b"not a shard")
    command = command_of((shards, data[1]), tmp_path / "out", "--steps", "4", "--processes", "2")
    command[command.index("--codebook") + 1] = str(data[0][0].parent / "codebook.json")
    with started(command) as (process,):
        logged = process.communicate(timeout=300)[0]
        assert process.returncode == 2
    assert "is not the file that its JSON describes" in logged and "Traceback" not in logged
    assert all(line.startswith("ccc train: error: ") for line in logged.splitlines() if "rank " in line)


def test_a_rank_without_others_is_one_process(monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined("cpu") as ranks:
        assert ranks == Ranks(0, 1, torch.device("cpu"))


@pytest.mark.parametrize(("devices", "expected"), [(2, "cuda:1"), (4, "cuda:3")])
def test_ranks_leave_devices_that_others_hold_where_there_are_more(monkeypatch, devices, expected):
    for name, value in {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("ccc.core.devices.choose", lambda device: torch.device(device or "cuda:3"))  # 3 is free
    monkeypatch.setattr("torch.cuda.device_count", lambda: devices)
    monkeypatch.setattr("torch.cuda.set_device", lambda device: None)
    for name in ("init_process_group", "destroy_process_group", "get_rank"):
        monkeypatch.setattr(f"torch.distributed.{name}", lambda *backend: 1)
    with joined() as ranks:
        assert ranks.device == torch.device(expected)


def test_a_rank_that_dies_ends_the_others(data, tmp_path):
    with started(command_of(data, tmp_path, "--steps", "100000", "--processes", "2")) as (process,):
        next(line for line in process.stdout if "2 x cpu" in line)
        ranks = children(process)
        ranks[1].kill()
        process.communicate(timeout=300)
        assert process.returncode == 128 + signal.SIGKILL
        assert len(ranks) == 2 and not any(rank.is_running() for rank in ranks)


def test_ranks_do_not_outlive_what_started_them(data, tmp_path):
    with started(command_of(data, tmp_path, "--steps", "100000", "--processes", "2")) as (process,):
        next(line for line in process.stdout if "2 x cpu" in line)
        ranks = children(process)
        process.kill()
        assert len(ranks) == 2 and not psutil.wait_procs(ranks, timeout=60)[1]
