"""Which device to compute on."""

import functools
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from ccc.core.errors import CCCError
from ccc.core.files import lock


def choose(device: str | torch.device | None = None) -> torch.device:
    """The device asked for, or the best there is: CUDA, then Apple's MPS, then the CPU.

    Of several CUDA devices each process takes one of its own, as far as they go (`pick`). Raises CCCError where a
    device is asked for that this machine lacks.
    """
    if device is None or device == "auto":
        if torch.cuda.is_available():
            return _cuda()
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise CCCError(f"no device {device!r} here ({reason}); use --device cpu, or leave it out") from None
    return torch.device(device)


@functools.cache
def _cuda() -> torch.device:
    """The CUDA device of this process, always the same one, and torch's current one."""
    count = torch.cuda.device_count()
    if count == 1:
        return torch.device("cuda")
    names = [str(torch.cuda.get_device_properties(number).uuid) for number in range(count)]
    number, _ = pick(names, Path(tempfile.gettempdir()) / f"ccc-devices-{os.getuid()}")
    torch.cuda.set_device(number)
    return torch.device("cuda", number)


def pick(names: Sequence[str], folder: Path) -> tuple[int, int]:
    """The position of a device that fewest of this user's processes hold, and the open file that holds it.

    Workflow engines count devices and do not hand them out: two jobs at once would both compute on the first. A
    process holds a device by a lock on a file in `folder`, which ends with the process, however it ends. `names`: of
    the devices, the same in every process.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    turn = 0
    while True:
        for number, name in enumerate(names):
            handle = os.open(folder / f"{name}-{turn}", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                lock(handle, wait=False)  # never released, it goes with its process
                return number, handle
            except BlockingIOError:
                os.close(handle)
            except OSError:  # no locks here: every process takes the first device
                return number, handle
        turn += 1
