"""Which device to compute on."""

import functools
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from filelock import lock_descriptor

from ccc.core.errors import CCCError, first_line


def choose(device: str | torch.device | None = None) -> torch.device:
    """The requested device, or the best available: CUDA, then Apple's MPS, then the CPU.

    Concurrent processes use different CUDA devices as far as possible (`pick`). Raises CCCError if this machine lacks
    the requested device.
    """
    if device is None or device == "auto":
        if torch.cuda.is_available():
            return _cuda()
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = first_line(error)
        raise CCCError(f"no device {device!r} here ({reason}); use --device cpu, or leave it out") from None
    return torch.device(device)


@functools.cache
def _cuda() -> torch.device:
    """The CUDA device of this process, the same for each call, set as torch's current device."""
    count = torch.cuda.device_count()
    if count == 1:
        return torch.device("cuda")
    names = [str(torch.cuda.get_device_properties(number).uuid) for number in range(count)]
    number, _ = pick(names, Path(tempfile.gettempdir()) / f"ccc-devices-{os.getuid()}")
    torch.cuda.set_device(number)
    return torch.device("cuda", number)


def pick(names: Sequence[str], folder: Path) -> tuple[int, int | None]:
    """The position of the device that the fewest processes of this user hold, and the open lock file, if any.

    Workflow engines count devices but do not assign them, so two jobs at once would both use the first. A process holds
    a device by locking a file in `folder`; the lock ends with the process. `names`: of the devices, the same in every
    process.
    """
    turn = 0
    while True:
        for number, name in enumerate(names):
            handle = None
            try:
                folder.mkdir(mode=0o700, exist_ok=True)
                handle = os.open(folder / f"{name}-{turn}", os.O_RDWR | os.O_CREAT, 0o600)
                if lock_descriptor(handle, blocking=False):  # held until the process ends
                    return number, handle
                os.close(handle)
            except OSError:  # no file locks here, or a folder of another user: every process uses the first device
                return number, handle
        turn += 1
