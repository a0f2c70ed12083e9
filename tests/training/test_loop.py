"""Training goes down, resumes where it stopped, and leaves what it promises."""

import contextlib
import dataclasses
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from PIL import Image

import ccc.training.loop
from ccc.codebook import Codebook
from ccc.core.errors import CCCError
from ccc.core.images import write_png
from ccc.data.shards import sum_histograms, write_shard
from ccc.data.stream import Stream
from ccc.model import ColorClassifier, load_model
from ccc.settings import Settings
from ccc.training.checkpoints import REQUEUE, Signals
from ccc.training.distributed import joined
from ccc.training.learner import Learner
from ccc.training.loop import train

QUICK = Settings(encoder="mobilenet_v2", batch_size=4, steps=6, validate_every=3, save_every=2, validation_batches=1)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    from skimage import data as shipped

    folder = tmp_path_factory.mktemp("training")
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


def test_it_leaves_a_model_a_history_and_a_preview(data, tmp_path):
    path, logged = run(data, tmp_path, trained_on="coffee")
    model, book, settings = load_model(path)
    assert model.n_classes == book.size == data[1].size
    assert (settings["trained_on"], settings["pictures"], settings["input_size"]) == ("coffee", 12, 64)
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["step"].tolist() == [3, 6] and np.isfinite(history.to_numpy()).all()
    assert settings["history"][-1]["step"] == 6 and settings["fit"] == "crop"
    assert scalars(tmp_path, "validation/psnr_argmax") == [
        (3, pytest.approx(history["psnr_argmax"][0], abs=1e-3)), (6, pytest.approx(history["psnr_argmax"][1], abs=1e-3))
    ]  # fmt: skip
    classes = pd.read_csv(tmp_path / "classes.csv")
    assert len(classes) == book.size and classes["cells"].sum() == classes["predicted"].sum() == 4 * 16 * 16
    assert classes["right"].sum() / classes["cells"].sum() == pytest.approx(history["accuracy"][1], abs=1e-5)
    common = classes["training_cells"] > classes["training_cells"].mean()
    assert (classes["kind"][common] == "major").all() and (classes["kind"][~common] == "minor").all()
    to_minor = classes["as_minor"][common].sum() / classes["cells"][common].sum()
    assert to_minor == pytest.approx(history["major_as_minor"][1], abs=1e-5)
    assert sorted(path.name for path in (tmp_path / "previews").iterdir()) == ["000000003.png", "000000006.png"]
    with Image.open(tmp_path / "preview.png") as preview:
        assert preview.size == (4 * 64, 4 * 64)  # four pictures; gray, truth, argmax, annealed
    assert any("images/s" in line for line in logged)


def test_the_loss_goes_down(data, tmp_path):
    settings = Settings(encoder="mobilenet_v2", batch_size=6, steps=16, validate_every=4, save_every=100, flip=False)
    run(data, tmp_path, settings)
    losses = pd.read_csv(tmp_path / "history.csv")["loss"]
    assert losses.iloc[-1] < 0.85 * losses.iloc[0]


def test_the_best_model_is_kept_where_it_is_asked_for(data, tmp_path, monkeypatch):
    look = ccc.training.loop.look
    worse_again = {1: 5.0, 2: 3.0, 3: 4.0, 4: 3.5}
    monkeypatch.setattr(
        ccc.training.loop, "look", lambda run: look(run) | {"validation_loss": worse_again[run.step]}
    )  # fmt: skip
    settings = dataclasses.replace(QUICK, steps=4, validate_every=1, select="best")
    path, logged = run(data, tmp_path / "whole", settings)
    assert "step 2, of the least validation loss, 3.000" in logged[-1] and load_model(path)[2]["kept_step"] == 2
    same_model(path, run(data, tmp_path / "ended", dataclasses.replace(settings, steps=2, select="last"))[0])
    run(data, tmp_path / "broken", dataclasses.replace(settings, steps=3))
    resumed, logged = run(data, tmp_path / "broken", settings)
    assert "resumed at step 3 of 4" in logged[0]
    same_model(path, resumed)


FULL = dataclasses.replace(
    QUICK,
    steps=7,
    save_every=1,
    keep=9,
    crop=32,
    schedule="cosine",
    warmup=2,
    ema=0.9,
    clip=1.0,
    encoder_rate=0.5,
    zoom=0.6,
    relight=0.5,
)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_resumed_at_any_step_equals_an_unbroken_one(data, tmp_path, workers):
    """Three steps an epoch: the breaks fall within epochs and between them, at validations and between those."""
    whole, _ = run(data, tmp_path / "whole", FULL, workers=workers)
    losses = scalars(tmp_path / "whole", "train/loss")
    assert [step for step, _ in losses] == [1, 2, 3, 4, 5, 6, 7] and len({value for _, value in losses}) == 7
    for at in (2, 3, 5):
        folder = tmp_path / str(at)
        shutil.copytree(tmp_path / "whole" / "state", folder / "state")
        for state in (folder / "state").glob("*/step-*.pt"):
            if int(state.stem[5:]) > at:
                state.unlink()
        parts, logged = run(data, folder, FULL, workers=workers)
        assert f"resumed at step {at} of 7" in logged
        again = scalars(folder, "train/loss")
        np.testing.assert_allclose(again, losses[at:], rtol=0, atol=1e-6)
        same_model(whole, parts)
        assert (folder / "history.csv").read_text() == (tmp_path / "whole" / "history.csv").read_text()


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


KILLED = dataclasses.replace(QUICK, steps=36, validate_every=12, save_every=2, ema=0.9, crop=32)


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


def _rank(rank, world, port, shards, codebook, pipe):
    """Three steps of one rank: losses, and the gradient of the last step."""
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(world), "MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    settings = dataclasses.replace(QUICK, batch_size=8, learning_rate=1e-4)
    book = Codebook.load(codebook)
    with joined("cpu") as ranks:
        learner = Learner(settings, book, ranks)
        learner.model.eval()
        for layer in learner.model.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):  # its statistics are of the rank's own part of the batch:
                layer.train = lambda mode=True: None  # it keeps to the running ones
        losses = []
        for step, (gray, target) in enumerate(Stream(shards, book, 8, shuffle=False, epoch=0).batches()):
            part = slice(rank * 8 // world, (rank + 1) * 8 // world)
            loss = learner.learn(step, gray[part], target[part])
            losses.append(float(ranks.sum(loss) / world))
        gradient = torch.cat([parameter.grad.reshape(-1) for parameter in learner.model.parameters()])
    pipe.send((losses, gradient.numpy()))


def test_two_ranks_equal_one_with_the_same_batch(data):
    """With classes counted over both ranks. The parts of the batch differ in classes, so their own counts would not."""
    context = multiprocessing.get_context("forkserver")
    shards, codebook = list(map(str, data[0])), data[0][0].parent / "codebook.json"
    found = []
    for world in (1, 2):
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]
        pipes = [context.Pipe(duplex=False) for _ in range(world)]
        children = [
            context.Process(target=_rank, args=(rank, world, port, shards, codebook, pipes[rank][1]))
            for rank in range(world)
        ]
        for child, (_, end) in zip(children, pipes, strict=True):
            child.start()
            end.close()
        found += [pipe.recv() for pipe, _ in pipes]
        for child in children:
            child.join()
            assert child.exitcode == 0
    (losses, gradient), *ranks = found
    for other_losses, other_gradient in ranks:
        np.testing.assert_allclose(other_losses, losses, rtol=1e-5)
        np.testing.assert_allclose(other_gradient, gradient, rtol=1e-3, atol=1e-5 * np.abs(gradient).max())


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
    processes = [subprocess.Popen(command, env=environment, **pipes) for _ in range(count)]
    signal.signal(signal.SIGHUP, hangup)
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.parametrize("machines", [1, 2])
def test_ranks_train_one_model(data, tmp_path, machines):
    """Two processes of `ccc train` alone, or one on each of two machines, as far as `torchrun` can tell."""
    command = command_of(data, tmp_path, "--steps", "4", "--validate-every", "2", "--crop", "32")
    if machines == 1:
        command += ["--processes", "2"]
    else:
        with socket.socket() as free:
            free.bind(("localhost", 0))
            meeting = f"localhost:{free.getsockname()[1]}"
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


def children(process):
    return [child for child in psutil.Process(process.pid).children() if "train" in child.cmdline()]


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


def test_what_the_network_sees_of_a_picture(data, tmp_path, monkeypatch):
    """A zoomed square comes from the whole picture, its classes with it; light changes levels and nothing else."""
    seen = []
    forward, look = ColorClassifier.forward, ccc.training.loop.look

    def spy(model, gray):
        if model.training:
            seen.append(gray.clone())
        return forward(model, gray)

    def noted(run):
        seen.append(run.learner.seen)
        return look(run)

    monkeypatch.setattr(ColorClassifier, "forward", spy)
    monkeypatch.setattr(ccc.training.loop, "look", noted)
    for number, changes in enumerate(({}, {"zoom": 1.0, "crop": 32}, {"zoom": 0.5, "crop": 32}, {"relight": 1.0})):
        run(data, tmp_path / str(number), dataclasses.replace(QUICK, steps=1, flip=False, **changes))
    whole, classes, shrunk, shrunk_classes, zoomed, zoomed_classes, lit, lit_classes = seen
    assert len(classes.unique()) > 3
    torch.testing.assert_close(shrunk, torch.nn.functional.avg_pool2d(whole, 2))
    places = [(shrunk_classes == classes[:, row::2, column::2]).all() for row in (0, 1) for column in (0, 1)]
    assert any(places), "each cell has the class of one of the four below it"
    assert zoomed.shape == shrunk.shape and zoomed_classes.shape == shrunk_classes.shape
    assert not torch.allclose(zoomed, shrunk, atol=0.02)
    inside = (whole > 0.1) & (whole < 0.9)
    for one, other, where in zip(lit, whole, inside, strict=True):
        powers = one[where].log() / other[where].log()
        assert 0.5 <= powers.mean() <= 2 and powers.std() < 1e-3
    assert not torch.allclose(lit, whole, atol=0.02) and torch.equal(lit_classes, classes)


@pytest.mark.parametrize("options", [{"precision": "bfloat16"}, {"precision": "float16"}, {"deterministic": True}])
def test_other_arithmetic(data, tmp_path, options):
    _, _ = run(data, tmp_path, dataclasses.replace(QUICK, **options))
    assert pd.read_csv(tmp_path / "history.csv")["loss"].between(0.1, 10).all()
    assert torch.are_deterministic_algorithms_enabled() == ("deterministic" in options)
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"precision": "half"}, "precision must be one of float32, bfloat16, float16, got 'half'"),
        ({"schedule": "step"}, "schedule must be one of"),
        ({"crop": 40}, "multiple of 32"),
        ({"crop": 96}, "crop 96 is larger than the shards' pictures of 64 pixels"),
        ({"zoom": 1.5}, "zoom must lie in 0 to 1, got 1.5"),
        ({"relight": float("nan")}, "relight must lie in 0 to 2"),
        ({"upsilon": 0.0}, "upsilon must be above 0"),
        ({"phi": 0.0}, "phi must be above 0"),
        ({"ema": 1.0}, "ema must be at least 0 and below 1, got 1.0"),
        ({"clip": -1.0}, "clip must lie in 0 to inf"),
        ({"save_every": 0}, "save_every must be at least 1, got 0"),
        ({"validation_batches": 0}, "validation_batches must be at least 1"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"pretrained": True, "init": True}, "not both"),
    ],
)
def test_wrong_settings_are_refused(data, tmp_path, wrong, message):
    with pytest.raises(CCCError, match=message):
        run(data, tmp_path, dataclasses.replace(QUICK, **wrong))


def test_a_state_of_other_settings_is_neither_used_nor_lost(data, tmp_path):
    run(data, tmp_path)
    _, logged = run(data, tmp_path, dataclasses.replace(QUICK, learning_rate=2e-3))
    assert any("other settings" in line for line in logged) and not any("resumed" in line for line in logged)
    _, logged = run(data, tmp_path, dataclasses.replace(QUICK, steps=7))
    assert "resumed at step 6 of 7" in logged


def test_a_corrupt_state_falls_back_to_the_one_before(data, tmp_path):
    run(data, tmp_path)
    newest = sorted((tmp_path / "state").glob("*/step-*.pt"))[-1]
    newest.write_bytes(newest.read_bytes()[:1000])
    _, logged = run(data, tmp_path)
    assert any("warning" in line and "cannot be read" in line for line in logged) and "resumed at step 4 of 6" in logged


@pytest.mark.parametrize(("processes", "number"), [("1", signal.SIGTERM), ("1", signal.SIGHUP), ("2", signal.SIGUSR1)])
def test_a_signal_saves_and_asks_for_another_go(data, tmp_path, processes, number):
    command = command_of(data, tmp_path, "--steps", "100000", "--validate-every", "2", "--save-every", "100000")
    with started([*command, "--processes", processes]) as (process,):
        next(line for line in process.stdout if line.startswith("step "))
        for _ in range(3):  # who is impatient loses nothing
            process.send_signal(number)
        rest = process.communicate(timeout=60)[0]
        assert process.returncode == REQUEUE and f"stopped by {number.name}" in rest
    assert len(list((tmp_path / "state").glob("*/step-*.pt"))) == 1
    assert pd.read_csv(tmp_path / "history.csv")["step"].tolist()[0] == 2, "the curve is there before the end"


def test_a_run_that_ended_writes_its_files_again(data, tmp_path):
    """Snakemake takes away the outputs of a job that is killed after its last step, and starts it again."""
    run(data, tmp_path)
    files = {name: (tmp_path / name).read_bytes() for name in ("ccc.safetensors", "history.csv", "preview.png")}
    for name in files:
        (tmp_path / name).unlink()
    run(data, tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in files} == files


def test_one_small_picture_a_process_is_refused(data, tmp_path):
    with pytest.raises(CCCError, match=r"1 picture\(s\) of 32 pixels a process are too little to normalize"):
        run(data, tmp_path, dataclasses.replace(QUICK, batch_size=1, crop=32))


def test_too_few_pictures_for_a_batch(data, tmp_path):
    with pytest.raises(CCCError, match="12 training pictures do not fill one batch of 64"):
        run(data, tmp_path, Settings())


def test_a_non_finite_loss_stops_and_names_the_step(data, tmp_path):
    started = time.perf_counter()
    with pytest.raises(CCCError, match=r"loss is .* at step \d+ \(epoch \d+, batch \d of rank 0: 0000"):
        run(data, tmp_path, Settings(encoder="mobilenet_v2", batch_size=4, learning_rate=1e30, steps=50))
    assert time.perf_counter() - started < 60
