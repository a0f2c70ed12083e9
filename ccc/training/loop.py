"""Training of the CCC network: one loop, resumable, observable."""

import contextlib
import dataclasses
import math
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from ccc.codebook import Codebook
from ccc.core.errors import CCCError
from ccc.data.shards import read_statistics
from ccc.data.stream import Stream
from ccc.model import save_model
from ccc.settings import Settings
from ccc.training.checkpoints import Signals, States
from ccc.training.distributed import Ranks, joined
from ccc.training.learner import Learner
from ccc.training.validation import validate, write_classes, write_history, write_preview

SPEAK_EVERY = 60  # seconds between lines of progress


class Interrupted(CCCError):
    """Training was asked to stop and its state is saved; running the same command again goes on from there."""


def train(
    shards: Sequence[str | os.PathLike],
    validation_shards: Sequence[str | os.PathLike],
    codebook: Codebook,
    folder: str | os.PathLike,
    settings: Settings = Settings(),  # noqa: B008
    device: str | None = None,
    workers: int = 0,
    trained_on: str = "",
    say=print,
) -> Path:
    """Train; write `ccc.safetensors`, `history.csv`, `classes.csv` and `preview.png` into `folder`; return the first.

    `shards`, `validation_shards`: tars of `ccc shard`; `workers`: processes that read them, 0 for this one;
    `trained_on`: a name for the data, kept in the model's settings. Processes that `ccc.training.distributed.launch` or
    `torchrun` started share each batch. The state goes to `folder/state` every `save_every` steps and on the signals of
    `ccc.training.checkpoints.STOPS`; the same call goes on from there, and gives what it would have given unbroken if
    device, ranks and workers are the same. A state of other settings or other data is left alone, and said so.
    TensorBoard's scalars go to `folder/tensorboard`, every preview to `folder/previews`. Raises CCCError for wrong
    settings, where there are fewer samples than a batch, where loss or weights become non-finite (with the step and the
    batch), Interrupted after a signal.
    """
    settings.check()
    with joined(device) as ranks:
        if settings.batch_size % ranks.world:
            raise CCCError(f"a batch of {settings.batch_size} does not divide among {ranks.world} ranks")
        if not ranks.first:
            say = _nothing
        return _train(shards, validation_shards, codebook, Path(folder), settings, ranks, workers, trained_on, say)


def _nothing(text: str) -> None: ...


def _train(shards, validation_shards, codebook, folder, settings: Settings, ranks: Ranks, workers, trained_on, say):
    statistics = read_statistics(shards)
    side, share = settings.crop or statistics[0]["size"], settings.batch_size // ranks.world
    if share * (side // 32) ** 2 < 2:
        raise CCCError(f"{share} picture(s) of {side} pixels a process are too little to normalize: use a larger batch")
    samples = sum(item["samples"] for item in statistics)
    if settings.crop and not settings.zoom and settings.crop > statistics[0]["size"]:
        raise CCCError(f"crop {settings.crop} is larger than the shards' pictures of {statistics[0]['size']} pixels")

    def stream(epoch: int = 0, skip: int = 0) -> Stream:
        crop = None if settings.zoom else settings.crop  # a square to zoom is drawn from the whole picture
        return Stream(
            list(map(str, shards)), codebook, share, crop, flip=settings.flip,
            seed=settings.seed, epoch=epoch, workers=workers, skip=skip, rank=ranks.rank, world=ranks.world, even=True,
        )  # fmt: skip

    if not stream().steps():
        raise CCCError(
            f"{samples} training pictures do not fill one batch of {settings.batch_size}: use a smaller batch"
        )
    validation = Stream(
        list(map(str, validation_shards)), codebook, min(settings.batch_size, 16), shuffle=False, flip=False,
        partial=True,
    )  # fmt: skip
    learner = Learner(settings, codebook, ranks)
    depends_on = [settings.fixed(), codebook.to_dict(), [item["sha256"] for item in statistics], ranks.world]
    states = States(folder / "state", depends_on, settings.keep)
    step, epoch, done, history, losses, best = 0, 0, 0, [], [], None
    if state := states.load(say):
        learner.restore(state["learner"])
        step, epoch, done, history, losses, best = (
            state[key] for key in ("step", "epoch", "done", "history", "losses", "best")
        )
        say(f"resumed at step {step} of {settings.steps}")
    say(
        f"{samples} pictures, {stream().steps()} steps an epoch, {codebook.size} classes, {settings.encoder}, "
        f"{ranks.world} x {ranks.device}: {settings.steps} steps"
    )

    rescue = f"the last good state is in {states.folder}: lower the learning rate, or change the seed, and run again"

    def save() -> None:
        if not learner.finite():
            raise CCCError(f"weights are no numbers after step {step} (epoch {epoch}, batch {done - 1}); {rescue}")
        if ranks.first:
            position = {"step": step, "epoch": epoch, "done": done, "history": history, "losses": losses}
            states.save(step, position | {"best": best, "learner": learner.state()})
        ranks.wait()

    pace, late = _Pace(step, settings, say), _Late(ranks)
    with Signals() as signals, _board(folder / "tensorboard", step, ranks.first) as board:
        while step < settings.steps:
            length = stream(epoch).steps()
            for gray, target in stream(epoch, done).compact():
                gray, target = (_moved(part, ranks.device) for part in (gray, target))
                loss = learner.learn(step, gray.float().div_(255), target.long())
                step, done = step + 1, done + 1
                late.note(step, epoch, done - 1, loss, bool(signals.caught))
                validates = step % settings.validate_every == 0 or step == settings.steps
                saves = step % settings.save_every == 0 or step == settings.steps
                stop = False
                for number, its_epoch, batch, value, stopped in late.heard(all=validates or saves):
                    if not math.isfinite(value):
                        keys = ", ".join(stream(its_epoch, batch).keys())
                        where = f"epoch {its_epoch}, batch {batch} of rank {ranks.rank}: {keys}"
                        raise CCCError(f"loss is {value} at step {number} ({where}); {rescue}")
                    losses.append(value)
                    board("train/loss", value, number)
                    stop = stop or stopped
                if validates:
                    row = {"step": step, "epoch": round(epoch + done / length, 4), "loss": float(np.mean(losses))}
                    row["learning_rate"] = settings.learning_rate * learner.factor(step - 1)
                    losses = []
                    if ranks.first:
                        row |= _look(learner, validation, step, folder)
                        if settings.select == "best" and (not best or row["validation_loss"] < best["loss"]):
                            weights = {name: part.cpu().clone() for name, part in learner.kept.state_dict().items()}
                            best = {"step": step, "loss": row["validation_loss"], "weights": weights}
                        for name, value in row.items():
                            board(f"validation/{name}", value, step)
                        board("train/images_per_second", pace.rate(step), step)
                        pace.tell(step, row["loss"], row)
                    history.append(row)
                    if ranks.first:
                        write_history(folder / "history.csv", history)
                    ranks.wait()
                elif losses:
                    pace.tell(step, losses[-1])
                if saves or stop:
                    save()
                if stop and step < settings.steps:
                    by = signals.caught or "a signal to another rank"
                    raise Interrupted(f"stopped by {by} at step {step}; run the same command to go on")
                if step == settings.steps:
                    break
            else:
                epoch, done = epoch + 1, 0
    path = folder / "ccc.safetensors"
    if ranks.first:
        if best:
            learner.kept.load_state_dict(best["weights"])
            say(f"kept: the model of step {best['step']}, of the least validation loss, {best['loss']:.3f}")
        if best or not (folder / "preview.png").exists():
            write_preview(folder / "preview.png", learner.kept, validation, ranks.device)
        write_history(folder / "history.csv", history)  # of a run that ended before, whose files were taken away
        started_from = {"pretrained": settings.pretrained, "init": settings.init}
        names = {key: Path(path).name if isinstance(path, str) else path for key, path in started_from.items()}
        kept = dataclasses.asdict(settings) | names | {
            "trained_on": trained_on, "pictures": samples, "input_size": statistics[0]["size"],
            "fit": statistics[0]["fit"], "ranks": ranks.world, "history": history,
            "kept_step": best["step"] if best else step,
        }  # fmt: skip
        save_model(path, learner.kept, codebook, kept)
    ranks.wait()
    return path


def _look(learner: Learner, validation: Stream, step: int, folder: Path) -> dict[str, float]:
    """Validate, and write the preview and the table of classes."""
    settings, device = learner.settings, learner.ranks.device
    row, confusion = validate(learner.kept, validation, settings.validation_batches, device)
    for path in (folder / "preview.png", folder / "previews" / f"{step:09d}.png"):
        write_preview(path, learner.kept, validation, device)
    weights = learner.loss.weights(torch.bincount(learner.seen.reshape(-1), minlength=validation.codebook.size))
    write_classes(folder / "classes.csv", validation.codebook, weights.tolist(), confusion)
    return row


def _moved(part: torch.Tensor, device: torch.device) -> torch.Tensor:
    return part.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else part.to(device)


class _Late:
    """Mean loss over the ranks, and whether one was asked to stop, of every step: one exchange a step.

    On CUDA a step is heard of when the next is under way, so that the device never waits for this process.
    """

    def __init__(self, ranks: Ranks):
        self.ranks, self.waiting = ranks, []

    def note(self, step: int, epoch: int, batch: int, loss: torch.Tensor, stop: bool) -> None:
        """Exchange what happened at a step."""
        both = self.ranks.summed(torch.stack([loss.float() / self.ranks.world, loss.new_tensor(float(stop))]))
        event = None
        if both.is_cuda:
            both = torch.empty(2, pin_memory=True).copy_(both, non_blocking=True)
            event = torch.cuda.Event()
            event.record()
        self.waiting.append((step, epoch, batch, both, event))

    def heard(self, all: bool) -> Iterator[tuple[int, int, int, float, bool]]:
        """Step, epoch, batch, loss and stop of the steps noted; but for the last, on CUDA, unless `all`."""
        while len(self.waiting) > (0 if all or self.ranks.device.type != "cuda" else 1):
            step, epoch, batch, both, event = self.waiting.pop(0)
            if event:
                event.synchronize()
            loss, stop = both.tolist()
            yield step, epoch, batch, loss, stop > 0


class _Pace:
    """Says how far training is and when it will be done."""

    def __init__(self, step: int, settings: Settings, say):
        self.first, self.settings, self.say = step, settings, say
        self.started = self.spoke = time.perf_counter()

    def rate(self, step: int) -> float:
        """Pictures a second since the start of this process, validations included."""
        return (step - self.first) * self.settings.batch_size / (time.perf_counter() - self.started)

    def tell(self, step: int, loss: float, row: dict | None = None) -> None:
        """Speak after a validation, and otherwise every minute."""
        now = time.perf_counter()
        if row is None and now - self.spoke < SPEAK_EVERY:
            return
        self.spoke = now
        rate = self.rate(step)
        text = f"step {step}/{self.settings.steps}  loss {loss:.3f}  "
        if row:
            text += (
                f"validation {row['validation_loss']:.3f}  accuracy {row['accuracy']:.3f}  "
                f"CNR {row['cnr_argmax']:.2f}  PSNR {row['psnr_argmax']:.2f}  "
            )
        left = (self.settings.steps - step) * self.settings.batch_size / rate / 60
        self.say(text + f"{rate:.1f} images/s  {left:.1f} min left")


@contextlib.contextmanager
def _board(folder: Path, step: int, first: bool):
    """A function (name, value, step) that notes a scalar for TensorBoard; what a broken run noted after `step` goes."""
    if not first:
        yield lambda name, value, step: None
        return
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder, purge_step=step + 1) as writer:
        yield writer.add_scalar
