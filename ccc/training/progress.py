"""Losses, speed and TensorBoard curves of a training run."""

import contextlib
import math
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import NamedTuple

import torch

from ccc.settings.training import Recipe
from ccc.training.distributed import Ranks

REPORT_EVERY = 60  # seconds between lines of progress


class StepLoss(NamedTuple):
    """Result of a step: `loss` is the mean over ranks; `stop` is true if any rank received a signal to stop."""

    step: int
    epoch: int
    batch: int
    loss: float
    stop: bool


class DelayedLosses:
    """Collects a `StepLoss` per step, with one all-reduce each.

    On CUDA the result of a step is read while the next step runs, so the device never waits for this process.
    """

    def __init__(self, ranks: Ranks):
        self.ranks, self.waiting = ranks, []

    def add(self, step: int, epoch: int, batch: int, loss: torch.Tensor, stop: bool) -> None:
        """All-reduce the result of a step."""
        both = self.ranks.sum(torch.stack([loss.float() / self.ranks.world, loss.new_tensor(float(stop))]))
        event = None
        if both.is_cuda:
            both = torch.empty(2, pin_memory=True).copy_(both, non_blocking=True)
            event = torch.cuda.Event()
            event.record()
        self.waiting.append((step, epoch, batch, both, event))

    def ready(self, all: bool) -> Iterator[StepLoss]:
        """Yields the results of added steps; on CUDA all but the last, unless `all`."""
        while len(self.waiting) > (0 if all or self.ranks.device.type != "cuda" else 1):
            step, epoch, batch, both, event = self.waiting.pop(0)
            if event:
                event.synchronize()
            loss, stop = both.tolist()
            yield StepLoss(step, epoch, batch, loss, stop > 0)


class Progress:
    """Logs steps done, losses, speed and time left."""

    def __init__(self, step: int, settings: Recipe, log: Callable[[str], None]):
        self.first, self.settings, self.log = step, settings, log
        self.started, self.reported = time.perf_counter(), -math.inf

    def rate(self, step: int) -> float:
        """Pictures per second since the start of this process, including validation."""
        return (step - self.first) * self.settings.batch_size / (time.perf_counter() - self.started)

    def report(self, step: int, loss: float, row: dict | None = None) -> None:
        """Log a line after the first loss, after a validation, of which `row` is the history row, and every minute."""
        now = time.perf_counter()
        if row is None and now - self.reported < REPORT_EVERY:
            return
        first, self.reported = row is None and math.isinf(self.reported), now
        rate = self.rate(step)
        text = f"{'first ' * first}step {step}/{self.settings.steps}  loss {loss:.3f}  "
        if row:
            text += (
                f"validation {row['validation_loss']:.3f}  accuracy {row['accuracy']:.3f}  "
                f"CNR {row['cnr_argmax']:.2f}  PSNR {row['psnr_argmax']:.2f}  "
            )
        left = (self.settings.steps - step) * self.settings.batch_size / rate / 60
        self.log(text + f"{rate:.1f} images/s  {left:.1f} min left")


@contextlib.contextmanager
def curves(folder: Path, step: int, ranks: Ranks) -> Generator[Callable[[str, float, int], None]]:
    """Yields a function (name, value, step) that adds a TensorBoard point; drops earlier points after `step`."""
    if not ranks.first:
        yield lambda name, value, step: None
        return
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder, purge_step=step + 1) as writer:
        yield writer.add_scalar
