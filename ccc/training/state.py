"""A training run, and how it is saved and resumed."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from ccc.codebook import Codebook
from ccc.core.errors import CCCError
from ccc.data.stream import Stream
from ccc.settings.training import Recipe
from ccc.training.checkpoints import States, read_state
from ccc.training.distributed import Ranks
from ccc.training.learner import Learner


@dataclasses.dataclass
class Run:
    """Objects and progress of a training run."""

    settings: Recipe
    ranks: Ranks
    folder: Path
    log: Callable[[str], None]
    codebook: Codebook
    statistics: list[dict]  # of each training shard
    stream: Callable[..., Stream]  # (epoch, skip): training pictures of an epoch without its first `skip` batches
    validation: Stream
    learner: Learner
    states: States
    workers: int  # processes that read the shards
    planned: int  # steps
    step: int = 0
    epoch: int = 0
    batch: int = 0  # finished batches of the epoch
    history: list[dict] = dataclasses.field(default_factory=list)
    losses: list[float] = dataclasses.field(default_factory=list)  # since the last validation
    best: dict | None = None  # step, loss and weights at the lowest validation loss
    earlier: list[int] = dataclasses.field(default_factory=list)  # lengths whose learning rates differed up to here

    @property
    def pictures(self) -> int:
        """Number of training pictures per epoch."""
        return sum(item["samples"] for item in self.statistics)


SAVED = ("step", "epoch", "batch", "history", "losses", "best", "planned", "earlier")  # fields of Run in a saved state


def save(run: Run) -> None:
    """Save the state of a run; raise CCCError if its weights are not finite."""

    def checked() -> None:
        if not run.learner.finite():
            where = f"step {run.step} (epoch {run.epoch}, batch {run.batch - 1})"
            raise CCCError(f"weights are not finite after {where}; {run.states.go_back()}")
        state = {name: getattr(run, name) for name in SAVED} | {"workers": run.workers}
        run.states.save(run.step, state | {"learner": run.learner.state()})

    run.ranks.on_first(checked)


def resume(run: Run, path: Path) -> None:
    """Restore `run` from a state. Logs, and notes in `run.earlier`, learning rates of another length.

    Raises CCCError for a state past the last step, and as `read_state`.
    """
    steps, log = run.settings.steps, run.log
    state = read_state(path)
    if state["step"] > steps:
        advice = f"set steps to {state['step']} or more, or remove {path.parent} to train anew"
        raise CCCError(f"{path} is past the {steps} steps: {advice}")
    run.learner.restore(state["learner"])
    if state["batch"] and state["workers"] != run.workers:
        log(f"warning: {run.workers} workers read where {state['workers']} did: this epoch may repeat pictures")
    for name in SAVED:
        setattr(run, name, state[name])
    if run.learner.factor(run.step - 1, run.planned) != run.learner.factor(run.step - 1):
        run.earlier.append(run.planned)
        log(
            f"warning: step {run.step} was reached with the learning rates of {run.planned} steps; for those of "
            f"{steps} from the start, remove {path.parent}"
        )
    run.planned = steps
