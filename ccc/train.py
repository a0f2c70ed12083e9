"""Training of the CCC network: one loop, resumable, observable."""

import csv
import dataclasses
import hashlib
import io
import json
import math
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from ccc import devices
from ccc.codebook import Codebook
from ccc.color import lab_to_rgb, to_uint8
from ccc.errors import CCCError
from ccc.files import write_bytes, write_text
from ccc.images import write_png
from ccc.loss import ClassBalancedCrossEntropy
from ccc.model import ColorClassifier, class_colors, save_model
from ccc.shards import Stream, read_statistics

REQUEUE = 75  # exit status of a run that was asked to stop and has saved its state: "try again later"


class Interrupted(CCCError):
    """Training was asked to stop and its state is saved; running the same command again goes on from there."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to train. The defaults are the paper's (Implementation Set Up, Table II), except `steps`, which it omits."""

    encoder: str = "densenet121"
    pretrained: bool | str = False
    batch_size: int = 64
    learning_rate: float = 1e-3
    beta1: float = 0.5
    beta2: float = 0.999
    upsilon: float = 0.5
    phi: float | None = None  # 1 / number of classes
    reduction: str = "mean"
    crop: int | None = None  # side of the training crop in pixels, a multiple of 32; None: the whole picture
    flip: bool = True
    steps: int = 1000
    validate_every: int = 100
    save_every: int = 100
    validation_batches: int = 8
    seed: int = 0


def _fingerprint(settings: Settings, codebook: Codebook, statistics: Sequence[dict]) -> str:
    """What a saved state depends on. Length and pace of a run may change on resumption; the rest may not."""
    free = ("steps", "validate_every", "save_every", "validation_batches")
    fixed = {key: value for key, value in dataclasses.asdict(settings).items() if key not in free}
    shards = [item["sha256"] for item in statistics]
    return hashlib.sha256(json.dumps([fixed, codebook.to_dict(), shards], sort_keys=True).encode()).hexdigest()


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
    """Train and write `ccc.safetensors`, `history.csv` and `preview.png` into `folder`; return the model's path.

    `shards`, `validation_shards`: tars of `ccc shard`; `workers`: processes that read them, 0 for this one;
    `trained_on`: a name for the data, kept in the model's settings. The state goes to `folder/state` every
    `save_every` steps and on SIGTERM, SIGINT or SIGUSR1; the same call goes on from there. A state of other settings
    or other data is set aside, and said so. Raises CCCError where there are fewer samples than a batch, where the
    loss becomes non-finite (with the step), Interrupted after a signal.
    """
    folder = Path(folder)
    device = devices.choose(device)
    statistics = read_statistics(shards)
    samples = sum(item["samples"] for item in statistics)
    batches_per_epoch = samples // settings.batch_size
    if not batches_per_epoch:
        raise CCCError(
            f"{samples} training pictures do not fill one batch of {settings.batch_size}: use a smaller batch"
        )
    if settings.crop is not None and settings.crop % 32:
        raise CCCError(f"crop must be a multiple of 32, got {settings.crop}")

    torch.manual_seed(settings.seed)
    model = ColorClassifier(codebook.size, settings.encoder, settings.pretrained).to(device)
    model = model.to(memory_format=torch.channels_last)
    loss_of = ClassBalancedCrossEntropy(codebook.size, settings.upsilon, settings.phi, settings.reduction)
    optimizer = torch.optim.Adam(model.parameters(), settings.learning_rate, (settings.beta1, settings.beta2))
    step, history, losses = 0, [], []
    fingerprint = _fingerprint(settings, codebook, statistics)
    state = _load_state(folder / "state", fingerprint, say)
    if state:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, history, losses = state["step"], state["history"], state.get("losses", [])
        say(f"resumed at step {step} of {settings.steps}")

    def save_state() -> None:
        _save_state(folder / "state", fingerprint, step, model, optimizer, history, losses)

    def stream(epoch: int, skip: int) -> Stream:
        return Stream(
            list(map(str, shards)), codebook, settings.batch_size, settings.crop, flip=settings.flip,
            seed=settings.seed, epoch=epoch, workers=workers, skip=skip,
        )  # fmt: skip

    validation = Stream(
        list(map(str, validation_shards)),
        codebook,
        min(settings.batch_size, 16),
        shuffle=False,
        flip=False,
        partial=True,
    )
    say(
        f"{samples} pictures, {batches_per_epoch} steps an epoch, {codebook.size} classes, "
        f"{settings.encoder}, {device}: {settings.steps} steps"
    )
    with _Signals() as signals:
        started, first = time.perf_counter(), step
        while step < settings.steps:
            epoch, done = divmod(step, batches_per_epoch)
            for number, (gray, target) in enumerate(stream(epoch, done).batches(), start=done):
                if number >= batches_per_epoch:
                    break  # workers that each hold a partial batch may yield one batch fewer or more
                model.train()
                gray = gray.to(device, non_blocking=True).to(memory_format=torch.channels_last)
                target = target.to(device, non_blocking=True)
                loss = loss_of(model(gray), target)
                value = float(loss.detach())
                if not math.isfinite(value):
                    raise CCCError(
                        f"loss is {value} at step {step + 1} (epoch {epoch}, batch {number}); the last good state is "
                        f"in {folder / 'state'}: lower the learning rate, or change the seed, and run again"
                    )
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                step += 1
                losses.append(value)
                if step % settings.validate_every == 0 or step == settings.steps:
                    row = {"step": step, "epoch": round(step / batches_per_epoch, 4), "loss": float(np.mean(losses))}
                    row |= validate(model, validation, settings.validation_batches, device)
                    history.append(row)
                    losses = []
                    rate = (step - first) / (time.perf_counter() - started)
                    say(
                        f"step {step}/{settings.steps}  loss {row['loss']:.3f}  "
                        f"validation {row['validation_loss']:.3f}  accuracy {row['accuracy']:.3f}  "
                        f"CNR {row['cnr_map']:.2f}  {rate * settings.batch_size:.1f} images/s  "
                        f"{(settings.steps - step) / rate / 60:.1f} min left"
                    )
                    write_preview(folder / "preview.png", model, validation, device)
                if step % settings.save_every == 0 or step == settings.steps or signals.caught:
                    save_state()
                if signals.caught:
                    raise Interrupted(f"stopped by {signals.caught} at step {step}; run the same command to go on")
                if step >= settings.steps:
                    break
    if not (folder / "preview.png").exists():
        write_preview(folder / "preview.png", model, validation, device)
    write_history(folder / "history.csv", history)
    path = folder / "ccc.safetensors"
    settings_kept = dataclasses.asdict(settings) | {
        "trained_on": trained_on,
        "pictures": samples,
        "input_size": statistics[0]["size"],
        "fit": statistics[0]["fit"],
        "final": history[-1] if history else None,
    }
    save_model(path, model, codebook, settings_kept)
    return path


@torch.no_grad()
def validate(model: ColorClassifier, stream: Stream, batches: int, device: torch.device) -> dict[str, float]:
    """Unweighted cross-entropy, accuracy, and CNR on the class maps (mean over pictures), over the first `batches`."""
    model.eval()
    loss, right, cells, ratios = 0.0, 0, 0, []
    for number, (gray, target) in enumerate(stream.batches()):
        if number == batches:
            break
        logits = model(gray.to(device)).float()
        target = target.to(device)
        loss += float(functional.cross_entropy(logits, target, reduction="sum"))
        predicted = logits.argmax(dim=1)
        right += int((predicted == target).sum())
        cells += target.numel()
        ratios += [len(p.unique()) / len(t.unique()) for p, t in zip(predicted, target, strict=True)]
    return {"validation_loss": loss / cells, "accuracy": right / cells, "cnr_map": float(np.mean(ratios))}


@torch.no_grad()
def write_preview(
    path: str | os.PathLike, model: ColorClassifier, stream: Stream, device: torch.device, count: int = 8
):
    """Write a sheet of the first `count` validation pictures: gray, truth by classes, argmax, annealed mean."""
    model.eval()
    gray, target = next(iter(stream.batches()))
    gray, target = gray[:count], target[:count]
    codebook = stream.codebook
    logits = model(gray.to(device)).float().cpu()
    rows = []
    columns = [
        torch.zeros(len(gray), 2, *target.shape[1:]),
        codebook.decode(target).permute(0, 3, 1, 2),
        class_colors(logits, codebook),
        class_colors(logits, codebook, "annealed"),
    ]
    for ab in columns:
        ab = functional.interpolate(ab, gray.shape[2:], mode="bilinear", align_corners=False)
        lab = torch.cat([gray * 100, ab], dim=1).permute(0, 2, 3, 1).numpy()
        rows.append(np.concatenate(list(to_uint8(lab_to_rgb(lab))), axis=1))
    write_png(path, np.concatenate(rows, axis=0))


def write_history(path: str | os.PathLike, history: Sequence[dict]) -> None:
    """Write one line a validation as CSV: step, epoch, loss, validation_loss, accuracy, cnr_map."""
    text = io.StringIO()
    if history:
        writer = csv.DictWriter(text, list(history[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: f"{value:.6g}" for key, value in row.items()} for row in history)
    write_text(path, text.getvalue())


def _save_state(
    folder: Path, fingerprint: str, step: int, model, optimizer, history: list, losses: list, keep: int = 2
) -> None:
    state = {
        "fingerprint": fingerprint,
        "step": step,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "history": history,
        "losses": losses,  # of the steps since the last validation
    }
    buffer = io.BytesIO()  # torch writes to a full disk with errors that do not say so
    torch.save(state, buffer)
    write_bytes(folder / f"step-{step:09d}.pt", buffer.getvalue())
    for old in sorted(folder.glob("step-*.pt"))[:-keep]:
        old.unlink()


def _load_state(folder: Path, fingerprint: str, say) -> dict | None:
    """The newest state that can be read and belongs to these settings and data; others are removed, saying so."""
    for path in sorted(folder.glob("step-*.pt"), reverse=True):
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            if state["fingerprint"] == fingerprint:
                return state
            say(f"{path}: the state of a run with other settings or data; starting anew")
        except Exception as error:  # any corruption: torch raises many kinds
            say(f"{path}: cannot be read ({str(error).splitlines()[0]}); trying the state before it")
        path.unlink()
    return None


class _Signals:
    """Notes SIGTERM, SIGINT and SIGUSR1 instead of dying, so that the loop can save and stop after its step."""

    def __enter__(self) -> "_Signals":
        self.caught = ""
        self._before = {}
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            try:
                self._before[number] = signal.signal(number, self._note)
            except ValueError:  # not the main thread: nobody can send us signals there
                break
        return self

    def _note(self, number: int, frame) -> None:
        self.caught = signal.Signals(number).name

    def __exit__(self, *error) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
