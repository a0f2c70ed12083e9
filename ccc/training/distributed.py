"""The processes that train together: one by default, several where `launch` or `torchrun` started them."""

import contextlib
import dataclasses
import math
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence

import torch
from torch import distributed, nn

from ccc.core import devices
from ccc.core.processes import GRACE
from ccc.training.checkpoints import STOPS


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
    """Join the processes that `launch` or `torchrun` started, over NCCL on CUDA and gloo elsewhere; leave at the end.

    `device`: see `ccc.core.devices.choose`; on CUDA each rank takes the device of its number on its machine, or, of
    more devices than ranks there, one that no other process holds. Without these, one rank. Raises CCCError for a
    device that is not there.
    """
    world = int(os.environ["WORLD_SIZE"]) if "RANK" in os.environ else 1
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


def launch(processes: int, command: Sequence[str]) -> int:
    """Run a command in so many processes of this machine that find each other through `joined`.

    As `torchrun --standalone` does it, but that the signals of `ccc.training.checkpoints.STOPS` are passed on and the
    processes have all the time they need to save their state, and none of them outlives this one. Returns the exit
    status: 0, or that of the first that failed, which ends the others; 128 and the signal's number where one ended it.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    parents = f"{os.environ.get('CCC_PARENT', '')} {os.getpid()}"
    common = {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes), "CCC_PARENT": parents}
    common |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    waiting, failed, end = [], [], math.inf
    heard = [number for number in STOPS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, lambda number, _: _tell(waiting, number)) for number in heard}
    try:
        for rank in range(processes):
            waiting.append(
                subprocess.Popen(command, env=os.environ | common | {"RANK": str(rank), "LOCAL_RANK": str(rank)})
            )
        while waiting:
            time.sleep(0.1)
            ended = [process for process in waiting if process.poll() is not None]
            waiting[:] = [process for process in waiting if process not in ended]
            if any(process.returncode for process in ended) and not failed:
                end = time.monotonic() + GRACE
                _tell(waiting, signal.SIGTERM)
            failed += [process.returncode for process in ended if process.returncode]
            if time.monotonic() > end:
                _tell(waiting, signal.SIGKILL)
    finally:
        _tell(waiting, signal.SIGKILL)
        for number, handler in before.items():
            signal.signal(number, handler)
    status = failed[0] if failed else 0
    return 128 - status if status < 0 else status


def _tell(processes: Sequence[subprocess.Popen], number: int) -> None:
    for process in processes:
        process.send_signal(number)
