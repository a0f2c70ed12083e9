"""The processes that train together: one by default, several where `torchrun` started them."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator

import torch
from torch import distributed, nn

from ccc import devices


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

    `device`: see `ccc.devices.choose`; each rank takes the CUDA device of its number on its machine. Without
    `torchrun`, one rank. Raises CCCError for a device that is not there.
    """
    world = int(os.environ.get("WORLD_SIZE", 1))
    chosen = devices.choose(device)
    if world == 1:
        yield Ranks(0, 1, chosen)
        return
    if chosen.type == "cuda":
        chosen = devices.choose(f"cuda:{os.environ['LOCAL_RANK']}")
        torch.cuda.set_device(chosen)
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Ranks(distributed.get_rank(), world, chosen)
    finally:
        distributed.destroy_process_group()
