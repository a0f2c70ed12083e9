"""Training of the CCC network: prepare, fit, finish."""

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from ccc.assets import PUBLISHED, weights
from ccc.codebook import Codebook
from ccc.core.errors import CCCError, first_line
from ccc.core.files import sha256
from ccc.data.shards import read_statistics, refuse_twice
from ccc.data.stream import Stream
from ccc.model import save_model
from ccc.settings.training import Recipe
from ccc.training.checkpoints import Signals, States
from ccc.training.distributed import Ranks, joined
from ccc.training.learner import Learner
from ccc.training.progress import DelayedLosses, Progress, StepLoss, curves
from ccc.training.state import Run, resume, save
from ccc.training.validation import validate, write_classes, write_history, write_preview


class Interrupted(CCCError):
    """Training stopped on a signal and saved its state; the same command resumes it."""


def train(
    shards: Sequence[str | os.PathLike],
    validation_shards: Sequence[str | os.PathLike],
    codebook: Codebook,
    folder: str | os.PathLike,
    settings: Recipe = Recipe(),  # noqa: B008
    device: str | None = None,
    workers: int = 0,
    trained_on: str = "",
    log: Callable[[str], None] = print,
) -> Path:
    """Train; write `ccc.safetensors`, `history.csv`, `classes.csv` and `preview.png` into `folder`; return the first.

    `shards`, `validation_shards`: tars of `ccc shard`; `workers`: processes that read them, 0 for this process;
    `trained_on`: name of the data, stored in the model's settings. Processes started by `torchrun` share each batch.
    The state is saved in `folder/state` every `save_every` steps and on the signals `ccc.training.checkpoints.STOPS`.
    The same call resumes from it, with the result of an uninterrupted run if device, ranks and workers are unchanged.
    More `steps` continue a finished run. If its schedule had other learning rates, that is logged, and the model's
    settings have the earlier length in `earlier_steps`.
    States of other settings or data are kept, damaged ones renamed; both are logged. TensorBoard scalars are written to
    `folder/tensorboard`, previews to `folder/previews`.

    With several ranks, gradients are averaged and classes counted over the whole batch, but each rank normalizes by its
    own share of the batch. Validation and the saved model use the running statistics of rank 0, so the model depends on
    the number of ranks. `sync_batchnorm` normalizes over the whole batch, as a single rank does.

    Raises CCCError for wrong settings, a shard given twice, a state past the last step, fewer samples than a batch, and
    non-finite losses or weights (naming the step, the batch and the remedy); Interrupted after a signal.
    """
    settings.check()
    with joined(device) as ranks:
        log = log if ranks.first else lambda text: None
        run = prepare(shards, validation_shards, codebook, Path(folder), settings, ranks, workers, log)
        try:
            fit(run)
        except (RuntimeError, ConnectionError, EOFError) as error:  # the latter two while it sends a batch
            reason = first_line(error)
            if not isinstance(error, RuntimeError):
                reason = f"DataLoader worker lost ({reason})"
            elif "DataLoader worker" not in str(error):
                raise
            advice = "run the same command to resume from the last saved state"
            raise CCCError(f"{reason.rstrip('. ')}; {advice}") from None
        return finish(run, trained_on)


def prepare(
    shards: Sequence[str | os.PathLike],
    validation_shards: Sequence[str | os.PathLike],
    codebook: Codebook,
    folder: Path,
    settings: Recipe,
    ranks: Ranks,
    workers: int,
    log: Callable[[str], None],
) -> Run:
    """Returns a new run, or one restored from its newest state. Parameters and errors: see `train`."""
    statistics = read_statistics(shards)
    refuse_twice(shards, statistics)
    check_fit(settings, ranks, statistics[0]["size"])

    def stream(epoch: int = 0, skip: int = 0) -> Stream:
        return Stream(
            list(map(str, shards)), codebook, settings.batch_size // ranks.world,
            None if settings.random_resized_crop else settings.crop,  # random resized crops need the whole picture
            flip=settings.flip, seed=settings.seed, epoch=epoch, workers=workers, skip=skip,
            rank=ranks.rank, world=ranks.world, even=True,
        )  # fmt: skip

    validation = Stream(
        list(map(str, validation_shards)), codebook, min(settings.batch_size, 16), shuffle=False, flip=False,
        partial=True,
    )  # fmt: skip
    steps = stream().steps()
    pictures = sum(item["samples"] for item in statistics)
    if not steps:
        raise CCCError(
            f"{pictures} training pictures do not fill one batch of {settings.batch_size}: lower the batch size"
        )
    depends_on: list = [settings.fixed(), codebook.to_dict(), [item["sha256"] for item in statistics], ranks.world]
    depends_on += map(sha256, _starting_files(settings))
    if settings.select == "best":  # losses of other pictures are not comparable
        depends_on += [item["sha256"] for item in read_statistics(validation_shards)]
    states = States(folder / "state", depends_on, settings.keep)
    run = Run(
        settings, ranks, folder, log, codebook, statistics, stream, validation, Learner(settings, codebook, ranks),
        states, workers, settings.steps,
    )  # fmt: skip
    if newest := ranks.on_first(lambda: states.newest(log)):
        resume(run, newest)
        log(f"resumed at step {run.step} of {settings.steps}")
    log(
        f"{pictures} pictures, {steps} steps an epoch, {codebook.size} classes, {settings.encoder}, "
        f"{ranks.world} x {ranks.device}: {settings.steps} steps"
    )
    return run


def _starting_files(settings: Recipe) -> list[str | os.PathLike]:
    """Files of weights that training starts from."""
    if settings.init:
        return [PUBLISHED if settings.init is True else settings.init]
    if settings.pretrained:
        return [weights.locate(settings.encoder, None if settings.pretrained is True else settings.pretrained)]
    return []


def check_fit(settings: Recipe, ranks: Ranks, size: int) -> None:
    """Raise CCCError if the settings do not fit the ranks or pictures of `size` pixels."""
    if settings.batch_size % ranks.world:
        raise CCCError(f"a batch of {settings.batch_size} does not divide among {ranks.world} ranks")
    if settings.sync_batchnorm and ranks.world > 1 and ranks.device.type != "cuda":
        raise CCCError(f"sync_batchnorm needs CUDA where several ranks train, and these use {ranks.device.type}")
    side, share = settings.crop or size, settings.batch_size // ranks.world
    if share * (side // 32) ** 2 < 2:
        raise CCCError(f"{share} picture(s) of {side} pixels a process are too little to normalize: use a larger batch")
    if settings.crop and not settings.random_resized_crop and settings.crop > size:
        raise CCCError(f"crop {settings.crop} is larger than the shards' pictures of {size} pixels")


def fit(run: Run) -> None:
    """Train `run` from its current step to the last."""
    settings, ranks = run.settings, run.ranks
    losses, progress = DelayedLosses(ranks), Progress(run.step, settings, run.log)
    with Signals() as signals, curves(run.folder / "tensorboard", run.step, ranks) as add_point:
        epochs = run.stream(run.epoch, run.batch).epochs()
        while run.step < settings.steps:
            length = run.stream(run.epoch).steps()
            for gray, target in next(epochs):
                gray, target = (_to_device(part, ranks.device) for part in (gray, target))
                loss = run.learner.learn(run.step, gray.float().div_(255), target.long())
                losses.add(run.step + 1, run.epoch, run.batch, loss, bool(signals.caught))
                run.step, run.batch = run.step + 1, run.batch + 1
                last = run.step == settings.steps
                validates = last or run.step % settings.validate_every == 0
                saves = last or run.step % settings.save_every == 0

                stop = False
                for result in losses.ready(all=validates or saves):
                    if not math.isfinite(result.loss):
                        raise _not_finite(run, result)
                    run.losses.append(result.loss)
                    add_point("train/loss", result.loss, result.step)
                    stop = stop or result.stop
                if validates:
                    row = measure(run, run.epoch + run.batch / length)
                    for name, value in row.items():
                        add_point(f"validation/{name}", value, run.step)
                    add_point("train/images_per_second", progress.rate(run.step), run.step)
                    progress.report(run.step, row["loss"], row)
                elif run.losses:
                    progress.report(run.step, run.losses[-1])
                if saves or stop:
                    save(run)
                if last:
                    return
                if stop:
                    by = signals.caught or "a signal to another rank"
                    raise Interrupted(f"stopped by {by} at step {run.step}; run the same command to resume")
            if run.batch < length:
                raise CCCError(f"epoch {run.epoch} gave {run.batch} of {length} batches; write the shards again")
            run.epoch, run.batch = run.epoch + 1, 0


def _to_device(part: torch.Tensor, device: torch.device) -> torch.Tensor:
    return part.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else part.to(device)


def _not_finite(run: Run, result: StepLoss) -> CCCError:
    keys = ", ".join(run.stream(result.epoch, result.batch).keys())
    advice = run.ranks.on_first(run.states.go_back)
    where = f"epoch {result.epoch}, batch {result.batch} of rank {run.ranks.rank}: {keys}"
    return CCCError(f"loss is {result.loss} at step {result.step} ({where}); {advice}")


def measure(run: Run, epoch: float) -> dict[str, float]:
    """Validate after `epoch` epochs; write history, preview and class table; return the new row of the history."""
    row = {"step": run.step, "epoch": round(epoch, 4), "loss": float(np.mean(run.losses))}
    row["learning_rate"] = run.settings.learning_rate * run.learner.factor(run.step - 1)
    row |= run.ranks.on_first(lambda: look(run))
    run.losses = []
    run.history.append(row)
    run.ranks.on_first(lambda: write_history(run.folder / "history.csv", run.history))
    return row


def look(run: Run) -> dict[str, float]:
    """Returns the measures of `validate`; writes the preview and, of a model that may be kept, the class table."""
    learner = run.learner
    row, confusion = validate(learner.kept, run.validation, run.settings.validation_batches, run.ranks.device)
    for path in (run.folder / "preview.png", run.folder / "previews" / f"{run.step:09d}.png"):
        write_preview(path, learner.kept, run.validation, run.ranks.device)
    better = not run.best or row["validation_loss"] < run.best["loss"]
    if run.settings.select == "best":
        if not better:
            return row
        parts = {name: part.cpu().clone() for name, part in learner.kept.state_dict().items()}
        run.best = {"step": run.step, "loss": row["validation_loss"], "weights": parts}
    weights = learner.loss.weights(torch.bincount(learner.seen.reshape(-1), minlength=run.codebook.size))
    write_classes(run.folder / "classes.csv", run.codebook, weights.tolist(), confusion)
    return row


def finish(run: Run, trained_on: str) -> Path:
    """Write the model, and outputs that Snakemake deleted after a finished run; return the model's path."""
    path = run.folder / "ccc.safetensors"

    def write() -> None:
        settings, best = run.settings, run.best
        if best:
            run.learner.kept.load_state_dict(best["weights"])
            run.log(f"kept: the model of step {best['step']}, of the least validation loss, {best['loss']:.3f}")
        if best or not (run.folder / "preview.png").exists():
            write_preview(run.folder / "preview.png", run.learner.kept, run.validation, run.ranks.device)
        write_history(run.folder / "history.csv", run.history)
        started_from = {"pretrained": settings.pretrained, "init": settings.init}
        names = {key: Path(value).name if isinstance(value, str) else value for key, value in started_from.items()}
        kept = settings.model_dump() | names | {
            "trained_on": trained_on, "pictures": run.pictures, "input_size": run.statistics[0]["size"],
            "fit": run.statistics[0]["fit"], "ranks": run.ranks.world, "history": run.history,
            "kept_step": best["step"] if best else run.step, **({"earlier_steps": run.earlier} if run.earlier else {}),
        }  # fmt: skip
        save_model(path, run.learner.kept, run.codebook, kept)

    run.ranks.on_first(write)
    return path
