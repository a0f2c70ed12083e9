"""Which device to compute on."""

import torch

from ccc.errors import CCCError


def choose(device: str | torch.device | None = None) -> torch.device:
    """The device asked for, or the best there is: CUDA, then Apple's MPS, then the CPU.

    Raises CCCError where a device is asked for that this machine lacks.
    """
    if device is None or device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise CCCError(f"no device {device!r} here ({reason}); use --device cpu, or leave it out") from None
    return torch.device(device)
