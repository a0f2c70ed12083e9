"""Where weight files lie. Nothing is ever fetched by itself, and nothing stands in for a file that is missing."""

import functools
import os
import pickle
from collections.abc import Mapping
from pathlib import Path

import yaml

from ccc.errors import CCCError, MissingWeights


@functools.cache
def known() -> dict[str, dict]:
    """Facts about every weight file by name: file, url, sha256 (or its prefix, or None), used_by."""
    return yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())


def folders() -> list[Path]:
    """Where files are looked for, in order: $CCC_WEIGHTS, the cache of ccc, the cache of torch.hub."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    hub = Path(os.environ.get("TORCH_HOME") or cache / "torch") / "hub" / "checkpoints"
    given = [Path(os.environ["CCC_WEIGHTS"])] if os.environ.get("CCC_WEIGHTS") else []
    return [*given, cache / "ccc" / "weights", hub]


def locate(name: str, given: str | os.PathLike | None = None) -> Path:
    """Path of a weight file: `given` where it is given, else the first of `folders()` that holds it.

    Raises MissingWeights, which says where to put the file, where it is not there; CCCError for an unknown name.
    """
    if given is not None:
        if not Path(given).is_file():
            raise MissingWeights(f"no weights: {given} is not there")
        return Path(given)
    if name not in known():
        raise CCCError(f"no weight file {name!r}: there are {', '.join(known())}")
    facts = known()[name]
    for folder in folders():
        if (folder / facts["file"]).is_file():
            return folder / facts["file"]
    raise MissingWeights(
        f"no weights: {facts['file']}; put it into $CCC_WEIGHTS, or name its path (see ccc weights {name})"
    )


def read_state_dict(path: str | os.PathLike) -> dict:
    """Tensors of a `.pth` file, on the CPU, without running any code in it.

    Raises CCCError, naming the file, where it is truncated, holds anything but tensors, or is no torch file.
    """
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CCCError(f"{path}: not a file of weights that can be loaded safely ({reason}); fetch it again") from None
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise CCCError(f"{path}: holds no state dict (names to tensors); fetch the published file")
    return dict(state)


def load_strictly(network, state: Mapping, path: str | os.PathLike) -> None:
    """Load tensors into a torch module; every name and shape must fit.

    Raises CCCError naming the file and the first key that is missing, left over or of another shape.
    """
    wanted = network.state_dict()
    for key in wanted:
        if key not in state:
            raise CCCError(f"{path}: not the weights of this network: {key} is missing")
        if state[key].shape != wanted[key].shape:
            shapes = f"{tuple(state[key].shape)}, not {tuple(wanted[key].shape)}"
            raise CCCError(f"{path}: not the weights of this network: {key} has shape {shapes}")
    for key in state:
        if key not in wanted:
            raise CCCError(f"{path}: not the weights of this network: {key} is left over")
    network.load_state_dict(dict(state), strict=True)
