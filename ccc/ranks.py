"""The processes that train together: one by default, several where `launch` or `torchrun` started them."""

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator, Sequence

import torch
from torch import distributed, nn

from ccc import devices
from ccc.states import REQUEUE


@dataclasses.dataclass(frozen=True)
class Ranks:
    """This process among those that train together. `rank`: its number, 0 to `world` - 1; `device`: what it uses."""

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this is the process that validates, writes and speaks."""
        return self.rank == 0

    def wrapped(self, network: nn.Module) -> nn.Module:
        """The network with gradients averaged over all ranks; itself where there is one."""
        if self.world == 1:
            return network
        where = [self.device] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(network, device_ids=where)

    def summed(self, values: torch.Tensor) -> torch.Tensor:
        """Sum over all ranks, in place."""
        if self.world > 1:
            distributed.all_reduce(values)
        return values

    def wait(self) -> None:
        """Return when every rank has come here."""
        if self.world > 1:
            distributed.barrier()


@contextlib.contextmanager
def joined(device: str | torch.device | None = None) -> Iterator[Ranks]:
    """Join the other processes that `torchrun` started, over NCCL on CUDA and gloo elsewhere; leave them at the end.

    `device`: see `ccc.devices.choose`; on CUDA each rank takes the device of its number on its machine, or, of more
    devices than ranks there, one that no other process holds. Without `torchrun`, one rank. Raises CCCError for a
    device that is not there.
    """
    world = int(os.environ.get("WORLD_SIZE", 1))
    chosen = devices.choose(device)
    if world == 1:
        yield Ranks(0, 1, chosen)
        return
    if chosen.type == "cuda":
        if device or torch.cuda.device_count() <= int(os.environ.get("LOCAL_WORLD_SIZE", world)):
            chosen = devices.choose(f"cuda:{os.environ['LOCAL_RANK']}")
        torch.cuda.set_device(chosen)
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Ranks(distributed.get_rank(), world, chosen)
    finally:
        distributed.destroy_process_group()


def launch(processes: int, words: Sequence[str]) -> int:
    """Run Python with the arguments `words` in so many processes of this machine that find each other, as `torchrun`.

    SIGTERM, SIGINT and SIGUSR1 are passed on to them. Returns the exit status: 0, that of the first process that
    failed (which ends the others), or 75, "try again later", after a signal. Prints nothing of its own.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    plan = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=processes, run_id=f"ccc-{os.getpid()}", max_restarts=0,
        rdzv_backend="c10d", rdzv_endpoint="localhost:0", signals_to_handle="SIGTERM,SIGINT,SIGUSR1",
    )  # fmt: skip
    try:
        elastic_launch(plan, sys.executable)(*words)
    except ChildFailedError as error:
        return error.failures[error.get_first_failure()[0]].exitcode
    except SignalException:
        return REQUEUE
    return 0
