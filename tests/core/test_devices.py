"""Each process computes on a device of its own."""

import errno
import multiprocessing
import os
import types
from unittest.mock import Mock

import pytest
import torch

from ccc.core import devices


def take(names, folder, pipe):
    pipe.send(devices.pick(names, folder)[0])
    pipe.recv()


@pytest.fixture
def processes(tmp_path):
    """Start processes that each take one of two devices, and tell which."""
    started = []

    def start():
        here, there = multiprocessing.Pipe()
        process = multiprocessing.get_context("fork").Process(target=take, args=(["a", "b"], tmp_path / "held", there))
        process.start()
        started.append(process)
        return process, here.recv()

    yield start
    for process in started:
        process.kill()


def test_processes_spread_over_the_devices_and_a_killed_one_gives_its_own_back(processes):
    first, second, third = (processes() for _ in range(3))
    assert [number for _, number in (first, second, third)] == [0, 1, 0]
    second[0].kill()
    second[0].join()
    assert processes()[1] == 1 and processes()[1] == 1


@pytest.fixture
def two_devices(monkeypatch, tmp_path):
    """A machine with two CUDA devices; gives the list of those that were made torch's current one."""
    current = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: types.SimpleNamespace(uuid=f"GPU-{number}"))
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(tmp_path))
    devices._cuda.cache_clear()
    yield current
    devices._cuda.cache_clear()


def test_a_process_keeps_its_device(two_devices, tmp_path):
    _, taken = devices.pick(["GPU-0", "GPU-1"], tmp_path / f"ccc-devices-{os.getuid()}")
    assert devices.choose() == devices.choose("auto") == torch.device("cuda:1") and two_devices == [1]
    os.close(taken)


def test_a_folder_of_locks_that_is_another_users_leaves_the_first_device(tmp_path, monkeypatch):
    (tmp_path / "held").touch()
    assert devices.pick(["a", "b"], tmp_path / "held") == (0, None)
    monkeypatch.setattr(os, "open", Mock(side_effect=PermissionError(errno.EACCES, "of another user")))
    assert devices.pick(["a", "b"], tmp_path / "own") == (0, None)
