"""Training goes down, resumes where it stopped, and leaves what it promises."""

import shutil
import time

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from small_training import QUICK, run, same_model, scalars

import ccc.training.loop
from ccc.core.errors import CCCError
from ccc.model import ColorClassifier, load_model
from ccc.settings.training import Recipe
from ccc.training.checkpoints import read_state, write_state

pytestmark = pytest.mark.slow


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
    steps = [line.split("  ")[0] for line in logged if "images/s" in line]
    assert steps == ["first step 1/6", "step 3/6", "step 6/6"]  # the first shows at once that it runs


def test_the_loss_goes_down(data, tmp_path):
    settings = Recipe(encoder="mobilenet_v2", batch_size=6, steps=16, validate_every=4, save_every=100, flip=False)
    run(data, tmp_path, settings)
    losses = pd.read_csv(tmp_path / "history.csv")["loss"]
    assert losses.iloc[-1] < 0.85 * losses.iloc[0]


def test_the_best_model_is_kept_where_it_is_asked_for(data, tmp_path, monkeypatch):
    validate, worse_again = ccc.training.loop.validate, [5.0, 3.0, 4.0, 3.5]
    losses = iter([*worse_again, *worse_again[:2], *worse_again])  # of the runs below

    def validated(*given):
        row, confusion = validate(*given)
        return row | {"validation_loss": next(losses)}, confusion

    monkeypatch.setattr(ccc.training.loop, "validate", validated)
    settings = QUICK.model_copy(update=dict(steps=4, validate_every=1, select="best"))
    path, logged = run(data, tmp_path / "whole", settings)
    assert "step 2, of the least validation loss, 3.000" in logged[-1] and load_model(path)[2]["kept_step"] == 2
    same_model(path, run(data, tmp_path / "ended", settings.model_copy(update=dict(steps=2, select="last")))[0])
    for name in ("classes.csv", "preview.png"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "ended" / name).read_bytes()
    run(data, tmp_path / "broken", settings.model_copy(update=dict(steps=3)))
    resumed, logged = run(data, tmp_path / "broken", settings)
    assert "resumed at step 3 of 4" in logged[0]
    same_model(path, resumed)


FULL = QUICK.model_copy(
    update=dict(
        steps=7,
        save_every=1,
        keep=9,
        crop=32,
        schedule="cosine",
        warmup=2,
        ema=0.9,
        gradient_clipping=1.0,
        encoder_rate=0.5,
        random_resized_crop=0.6,
        gamma_jitter=0.5,
    )
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


def test_what_the_network_sees_of_a_picture(data, tmp_path, monkeypatch):
    """A random square comes from the whole picture, its classes with it; light changes levels and nothing else."""
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
    for number, changes in enumerate(
        ({}, {"random_resized_crop": 1.0, "crop": 32}, {"random_resized_crop": 0.5, "crop": 32}, {"gamma_jitter": 1.0})
    ):
        run(data, tmp_path / str(number), QUICK.model_copy(update=dict(steps=1, flip=False, **changes)))
    whole, classes, shrunk, shrunk_classes, cropped, cropped_classes, lit, lit_classes = seen
    assert len(classes.unique()) > 3
    torch.testing.assert_close(shrunk, torch.nn.functional.avg_pool2d(whole, 2))
    places = [(shrunk_classes == classes[:, row::2, column::2]).all() for row in (0, 1) for column in (0, 1)]
    assert any(places), "each cell has the class of one of the four below it"
    assert cropped.shape == shrunk.shape and cropped_classes.shape == shrunk_classes.shape
    assert not torch.allclose(cropped, shrunk, atol=0.02)
    inside = (whole > 0.1) & (whole < 0.9)
    for one, other, where in zip(lit, whole, inside, strict=True):
        powers = one[where].log() / other[where].log()
        assert 0.5 <= powers.mean() <= 2 and powers.std() < 1e-3
    assert not torch.allclose(lit, whole, atol=0.02) and torch.equal(lit_classes, classes)


@pytest.mark.parametrize("options", [{"precision": "bfloat16"}, {"precision": "float16"}, {"deterministic": True}])
def test_other_arithmetic(data, tmp_path, options):
    _, _ = run(data, tmp_path, QUICK.model_copy(update=dict(**options)))
    assert pd.read_csv(tmp_path / "history.csv")["loss"].between(0.1, 10).all()
    assert torch.are_deterministic_algorithms_enabled() == ("deterministic" in options)
    torch.use_deterministic_algorithms(False)


def test_a_state_of_other_settings_is_neither_used_nor_lost(data, tmp_path):
    run(data, tmp_path)
    _, logged = run(data, tmp_path, QUICK.model_copy(update=dict(learning_rate=2e-3)))
    assert any("other settings" in line for line in logged) and not any("resumed" in line for line in logged)
    _, logged = run(data, tmp_path, QUICK.model_copy(update=dict(steps=7)))
    assert "resumed at step 6 of 7" in logged
    with pytest.raises(CCCError, match="step-000000007.pt is past the 3 steps: set steps to 7 or more, or remove"):
        run(data, tmp_path, QUICK.model_copy(update=dict(steps=3)))


def test_a_longer_run_reports_that_its_learning_rates_had_fallen(data, tmp_path):
    cooled = QUICK.model_copy(update=dict(steps=4, schedule="cooldown", cooldown=0.5))
    run(data, tmp_path / "finished", cooled)
    path, logged = run(data, tmp_path / "finished", cooled.model_copy(update=dict(steps=5)))
    assert any("step 4 was reached with the learning rates of 4 steps" in line for line in logged)
    assert load_model(path)[2]["earlier_steps"] == [4]
    path, logged = run(data, tmp_path / "constant", QUICK.model_copy(update=dict(steps=2)))
    path, logged = run(data, tmp_path / "constant", QUICK.model_copy(update=dict(steps=3)))
    assert not any("learning rates" in line for line in logged) and "earlier_steps" not in load_model(path)[2]


def test_other_weights_at_the_start_train_anew(data, tmp_path):
    start, _ = run(data, tmp_path / "start", QUICK.model_copy(update=dict(steps=1)))
    settings = QUICK.model_copy(update=dict(steps=1, init=str(start)))
    before = run(data, tmp_path / "next", settings)[0].read_bytes()
    run(data, tmp_path / "start", QUICK.model_copy(update=dict(steps=2)))
    path, logged = run(data, tmp_path / "next", settings)
    assert not any("resumed" in line for line in logged) and path.read_bytes() != before


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
        run(data, tmp_path, QUICK.model_copy(update=dict(batch_size=1, crop=32)))


def test_too_few_pictures_for_a_batch(data, tmp_path):
    with pytest.raises(CCCError, match="12 training pictures do not fill one batch of 64"):
        run(data, tmp_path, Recipe())


def test_a_shard_given_twice(data, tmp_path):
    shards, book = data
    with pytest.raises(CCCError, match="0.tar: the same shard as .*0.tar; give each shard once"):
        run(([*shards, shards[0]], book), tmp_path)


def test_a_non_finite_loss_stops_and_names_the_step(data, tmp_path):
    started = time.perf_counter()
    with pytest.raises(CCCError, match=r"loss is .* at step \d+ \(epoch \d+, batch \d of rank 0: 0000"):
        run(data, tmp_path, Recipe(encoder="mobilenet_v2", batch_size=4, learning_rate=1e30, steps=50))
    assert time.perf_counter() - started < 60


def test_a_state_that_diverges_is_not_resumed_again_and_again(data, tmp_path):
    """Each run of one command goes further back, until one refuses and names the remedy."""
    run(data, tmp_path, QUICK.model_copy(update=dict(steps=4)))
    for path in (tmp_path / "state").glob("*/step-*.pt"):  # one that is whole, and leads to no number
        state = read_state(path)
        state["learner"]["model"]["decoder.7.weight"].fill_(float("nan"))
        write_state(path, state)
    for message in (
        r"loss is nan at step 5 .* step-000000004.diverged .* resumes at step 2; a lower learning rate",
        r"loss is nan at step 3 .* step-000000002.diverged .* no earlier one is left",
        r"all states in .* led to numbers that are not finite",
    ):
        with pytest.raises(CCCError, match=message):
            run(data, tmp_path)
