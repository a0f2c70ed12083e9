"""Training that takes seconds: its data, its settings, and the command."""

import contextlib
import os
import signal
import subprocess
import sys

import psutil
import torch

from ccc.codebook import Codebook
from ccc.core.images import write_png
from ccc.data.shards import sum_histograms, write_shard
from ccc.model import load_model
from ccc.settings.training import Recipe
from ccc.training.loop import train

QUICK = Recipe(encoder="mobilenet_v2", batch_size=4, steps=6, validate_every=3, save_every=2, validation_batches=1)


def write_data(folder):
    """Two shards of six pictures each, and the codebook of their colours."""
    from skimage import data as shipped

    for number in range(12):
        write_png(
            folder / "photographs" / f"{number:02d}.png", shipped.coffee()[20 * number : 20 * number + 150, 50:250]
        )
    for number in range(2):
        write_shard(folder / "photographs", folder / f"{number}.tar", number, 2, size=64, map_size=16)
    shards = [folder / "0.tar", folder / "1.tar"]
    book = Codebook.fit(sum_histograms([path.with_suffix(".histogram.npy") for path in shards]), 20)
    book.save(folder / "codebook.json")
    return shards, book


def run(data, folder, settings=QUICK, **options):
    logged = []
    path = train(data[0], data[0][:1], data[1], folder, settings, "cpu", log=logged.append, **options)
    return path, logged


def scalars(folder, name):
    """Step and value of everything that TensorBoard shows under that name."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


def same_model(path, other):
    one, other = (load_model(path)[0].state_dict() for path in (path, other))
    for key in one:
        torch.testing.assert_close(one[key], other[key], rtol=0, atol=1e-6)


def command_of(data, folder, *options):
    shards = [str(path) for path in data[0]]
    command = ["ccc", "train", *shards, "--validation", shards[0], "-o", str(folder), "--batch-size", "4"]
    command += ["--codebook", str(data[0][0].parent / "codebook.json"), "--encoder", "mobilenet_v2", "--device", "cpu"]
    return [sys.executable, "-m", *command, *options]


@contextlib.contextmanager
def started(command, count=1):
    """Processes of one command, which are gone afterwards."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    hangup = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # that nohup ignores it would be inherited
    processes = [subprocess.Popen(command, env=environment, start_new_session=True, **pipes) for _ in range(count)]
    signal.signal(signal.SIGHUP, hangup)
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def children(process):
    """The ranks that `ccc train --processes` started."""
    return [child for child in psutil.Process(process.pid).children() if "train" in child.cmdline()]
