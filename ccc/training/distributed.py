"""The processes that train together: one by default, several where `torchrun` started them."""

import contextlib
import dataclasses
import logging
import os
import signal
import sys
from collections.abc import Callable, Generator
from types import FrameType
from typing import TypeVar

import psutil
import torch
from torch import distributed, nn

from ccc.core import devices
from ccc.core.errors import CCCError
from ccc.core.processes import STOPS

T = TypeVar("T")
_groups: list = []  # that this process has joined


@dataclasses.dataclass(frozen=True)
class Ranks:
    """This process among those that train together. `rank`: its number, 0 to `world` - 1; `device`: what it uses."""

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this is the process that validates, writes and logs."""
        return self.rank == 0

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network with gradients averaged over all ranks; itself where there is one.

        Before each step every rank takes over the buffers of the first: running means and variances of batch
        normalization are of the pictures that the first rank saw.
        """
        if self.world == 1:
            return network
        where = [self.device] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(network, device_ids=where)

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Sum over all ranks, in place."""
        if self.world > 1:
            distributed.all_reduce(values)
        return values

    def on_first(self, work: Callable[[], T]) -> T:
        """Do `work` on the first rank while the others wait; on all, return what it returns or raise its error.

        What it returns is pickled; of errors, CCCError and OSError are shared.
        """
        if self.world == 1:
            return work()
        outcome: list = [None, None]
        if self.first:
            try:
                outcome[0] = work()
            except (CCCError, OSError) as error:
                outcome[1] = error
        distributed.broadcast_object_list(outcome)
        if outcome[1]:
            raise outcome[1]
        return outcome[0]


@contextlib.contextmanager
def joined(device: str | torch.device | None = None) -> Generator[Ranks]:
    """Join the processes that `torchrun` started, over NCCL on CUDA and gloo elsewhere; leave at the end.

    `device`: see `ccc.core.devices.choose`; on CUDA each rank takes the device of its number on its machine, or, of
    more devices than ranks there, one that no other process holds. Without `torchrun`, one rank. Raises CCCError for a
    device that is not there.
    """
    world = int(os.environ.get("WORLD_SIZE", 1)) if "RANK" in os.environ else 1
    chosen = devices.choose(device)
    if world == 1:
        yield Ranks(0, 1, chosen)
        return
    if chosen.type == "cuda":
        if device or torch.cuda.device_count() <= int(os.environ.get("LOCAL_WORLD_SIZE", world)):
            chosen = devices.choose(f"cuda:{os.environ['LOCAL_RANK']}")
        torch.cuda.set_device(chosen)
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    # A network that `wrap` made may outlive the group, in an error's traceback too. Were its reference the last, gloo
    # would end its threads under the interpreter's lock, for which one of them may wait (PyTorch's issue 56297).
    _groups.append(distributed.group.WORLD)
    try:
        yield Ranks(distributed.get_rank(), world, chosen)
    except RuntimeError as error:  # gloo raises no kind of its own
        if not isinstance(error, distributed.DistError) and "gloo/" not in str(error):
            raise
        reason = str(error).strip().splitlines()[-1]
        raise CCCError(f"rank {distributed.get_rank()}: the exchange with the others broke off ({reason})") from None
    finally:
        distributed.destroy_process_group()


def torchrun(processes: int) -> int:
    """Run this process's own command in so many ranks of this machine, by torch's `torchrun`.

    Returns 0, or the exit status of the first rank that failed, on which torchrun ends the others. Raises CCCError, of
    status 128 and the signal's number, where a signal ended it. No rank outlives this process for long.
    """
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    # torchrun's own way with a signal hides the ranks' exit status, overrides nohup, and at a second signal leaves the
    # ranks alone in the middle of saving. Passed on, a signal lets them save, and torchrun sees how they end.
    for number in STOPS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _pass_on)
    logging.disable(logging.ERROR)  # the ranks themselves say what went wrong
    os.environ["CCC_PARENT"] = f"{os.environ.get('CCC_PARENT', '')} {os.getpid()}"
    options = ["--standalone", "--local-addr=127.0.0.1", f"--nproc-per-node={processes}", "--log-dir=/dev/null"]
    try:
        run.run(
            run.parse_args([*options, "--signals-to-handle=SIGQUIT", "--no-python", sys.executable, *sys.orig_argv[1:]])
        )
    except ChildFailedError as error:
        # A killed rank breaks the others' exchange, often within the second to which torchrun knows the time, and
        # torchrun itself ends the others with SIGTERM.
        rank, failure = min(
            error.failures.items(), key=lambda item: (item[1].timestamp, not -signal.SIGTERM != item[1].exitcode < 0)
        )
        if failure.exitcode >= 0:
            return failure.exitcode
        killed = CCCError(f"rank {rank} was ended by {signal.Signals(-failure.exitcode).name}; run the command again")
        killed.status = 128 - failure.exitcode
        raise killed from None
    return 0


def _pass_on(number: int, frame: FrameType | None) -> None:
    ranks = psutil.Process().children()
    if not ranks:  # none has started yet: there is nothing to save
        raise SystemExit(128 + number)
    for rank in ranks:
        with contextlib.suppress(psutil.NoSuchProcess):
            rank.send_signal(number)
