"""Distributed training: one process by default, several if started by `torchrun`."""

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
_groups: list = []  # process groups that this process joined


@dataclasses.dataclass(frozen=True)
class Ranks:
    """This process's `rank` in [0, `world`), the number of processes `world`, and its `device`."""

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this is the process that validates, writes and logs."""
        return self.rank == 0

    def wrap(self, network: nn.Module) -> nn.Module:
        """Returns the network with gradients averaged over all ranks; with one rank, the network itself.

        Before each step all ranks copy the buffers of rank 0, so the running statistics of batch normalization come
        from rank 0's pictures.
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
        """Run `work` on rank 0 while the others wait; all ranks return its result or raise its error.

        The result is pickled; only CCCError and OSError are shared.
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
    """Join the processes started by `torchrun`, over NCCL on CUDA and gloo elsewhere; leave at the end.

    `device`: see `ccc.core.devices.choose`. On CUDA each rank uses the device of its local rank or, if there are more
    devices than ranks, a free one. Without `torchrun`, yields one rank. Raises CCCError for a missing device.
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
    # A wrapped network may outlive the group, as in a traceback. If it held the last reference, gloo would join its
    # threads while holding the GIL, for which one of them may wait (PyTorch issue 56297).
    _groups.append(distributed.group.WORLD)
    try:
        yield Ranks(distributed.get_rank(), world, chosen)
    except RuntimeError as error:  # gloo has no exception class
        if not isinstance(error, distributed.DistError) and "gloo/" not in str(error):
            raise
        reason = str(error).strip().splitlines()[-1]
        raise CCCError(f"rank {distributed.get_rank()}: communication with the other ranks failed ({reason})") from None
    finally:
        distributed.destroy_process_group()


def torchrun(processes: int) -> int:
    """Run this process's command in `processes` ranks on this machine with `torchrun`.

    Returns 0, or the exit status of the first rank that failed; torchrun then ends the others. Raises CCCError with
    status 128 + signal number if a signal ended that rank. Ranks end soon after this process.
    """
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    # torchrun's own signal handling hides the ranks' exit status, overrides nohup, and abandons ranks while they save
    # at a second signal. Forwarded signals let the ranks save, and torchrun sees their exit status.
    for number in STOPS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _pass_on)
    logging.disable(logging.ERROR)  # the ranks report their own errors
    os.environ["CCC_PARENT"] = f"{os.environ.get('CCC_PARENT', '')} {os.getpid()}"
    options = ["--standalone", "--local-addr=127.0.0.1", f"--nproc-per-node={processes}", "--log-dir=/dev/null"]
    try:
        run.run(
            run.parse_args([*options, "--signals-to-handle=SIGQUIT", "--no-python", sys.executable, *sys.orig_argv[1:]])
        )
    except ChildFailedError as error:
        # A killed rank makes the others fail, often within the one-second resolution of torchrun's timestamps, and
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
    if not ranks:  # none has started: nothing to save
        raise SystemExit(128 + number)
    for rank in ranks:
        with contextlib.suppress(psutil.NoSuchProcess):
            rank.send_signal(number)
