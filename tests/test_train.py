"""Training goes down, resumes where it stopped, and leaves what it promises."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from ccc.codebook import Codebook
from ccc.errors import CCCError
from ccc.images import write_png
from ccc.model import load_model
from ccc.shards import sum_histograms, write_shard
from ccc.train import REQUEUE, Settings, train

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
    said = []
    path = train(data[0], data[0][:1], data[1], folder, settings, "cpu", say=said.append, **options)
    return path, said


def test_it_leaves_a_model_a_history_and_a_preview(data, tmp_path):
    path, said = run(data, tmp_path, trained_on="coffee")
    model, book, settings = load_model(path)
    assert model.n_classes == book.size == data[1].size
    assert (settings["trained_on"], settings["pictures"], settings["input_size"]) == ("coffee", 12, 64)
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["step"].tolist() == [3, 6] and np.isfinite(history.to_numpy()).all()
    with Image.open(tmp_path / "preview.png") as preview:
        assert preview.size == (4 * 64, 4 * 64)  # four pictures; gray, truth, argmax, annealed
    assert any("images/s" in line for line in said)


def test_the_loss_goes_down(data, tmp_path):
    settings = Settings(encoder="mobilenet_v2", batch_size=6, steps=16, validate_every=4, save_every=100, flip=False)
    run(data, tmp_path, settings)
    losses = pd.read_csv(tmp_path / "history.csv")["loss"]
    assert losses.iloc[-1] < 0.85 * losses.iloc[0]


def test_a_resumed_run_equals_an_unbroken_one(data, tmp_path):
    whole, _ = run(data, tmp_path / "whole")
    import dataclasses

    run(data, tmp_path / "parts", dataclasses.replace(QUICK, steps=4))
    parts, said = run(data, tmp_path / "parts")
    assert "resumed at step 4 of 6" in said
    one, other = (load_model(path)[0].state_dict() for path in (whole, parts))
    for key in one:
        torch.testing.assert_close(one[key], other[key], rtol=0, atol=1e-6)
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "whole" / "history.csv").tail(1).reset_index(drop=True)[["step", "validation_loss"]],
        pd.read_csv(tmp_path / "parts" / "history.csv").tail(1).reset_index(drop=True)[["step", "validation_loss"]],
        atol=1e-5,
    )


def test_a_state_of_other_settings_is_not_used(data, tmp_path):
    import dataclasses

    run(data, tmp_path)
    _, said = run(data, tmp_path, dataclasses.replace(QUICK, learning_rate=2e-3))
    assert any("other settings" in line for line in said) and not any("resumed" in line for line in said)


def test_a_corrupt_state_falls_back_to_the_one_before(data, tmp_path):
    run(data, tmp_path)
    newest = sorted((tmp_path / "state").glob("step-*.pt"))[-1]
    newest.write_bytes(newest.read_bytes()[:1000])
    _, said = run(data, tmp_path)
    assert any("cannot be read" in line for line in said) and "resumed at step 4 of 6" in said


def test_sigterm_saves_and_asks_for_another_go(data, tmp_path):
    shards = [str(path) for path in data[0]]
    command = [sys.executable, "-m", "ccc", "train", *shards, "--validation", shards[0], "-o", str(tmp_path)]
    command += ["--codebook", str(data[0][0].parent / "codebook.json"), "--encoder", "mobilenet_v2", "--device", "cpu"]
    command += ["--batch-size", "4", "--steps", "100000", "--validate-every", "2", "--save-every", "100000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    for line in process.stdout:
        if line.startswith("step "):
            process.send_signal(signal.SIGTERM)
            break
    rest = process.communicate(timeout=60)[0]
    assert process.returncode == REQUEUE and "SIGTERM" in rest
    assert len(list((tmp_path / "state").glob("step-*.pt"))) == 1


def test_too_few_pictures_for_a_batch(data, tmp_path):
    with pytest.raises(CCCError, match="12 training pictures do not fill one batch of 64"):
        run(data, tmp_path, Settings())


def test_a_non_finite_loss_stops_and_names_the_step(data, tmp_path):
    started = time.perf_counter()
    with pytest.raises(CCCError, match="loss is .* at step"):
        run(data, tmp_path, Settings(encoder="mobilenet_v2", batch_size=4, learning_rate=1e30, steps=50))
    assert time.perf_counter() - started < 60
