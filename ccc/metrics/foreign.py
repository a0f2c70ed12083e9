"""Metrics of the package pyiqa as further columns, only with their own weights."""

import contextlib
import functools
import io
import runpy
import socket
from collections.abc import Generator, Mapping
from importlib import metadata
from typing import Any
from unittest.mock import patch

import numpy as np

from ccc.core.errors import CCCError, MissingWeights, did_you_mean, write_line
from ccc.metrics.pair import Pair
from ccc.metrics.registry import FOREIGN, Metric

SINGLE = ("FR", "NR")  # pyiqa's modes: full reference and no reference
Model = Any  # a metric of pyiqa, see `load`


def version() -> str:
    """Version of pyiqa, which is that of its metrics' numbers."""
    return f"pyiqa {metadata.version('pyiqa')}"


def metric(name: str) -> Metric:
    """Facts about pyiqa's metric of that name, without loading it.

    Raises CCCError, with the nearest name, for an unknown name or a metric of whole sets.
    """
    facts = _configs().get(name)
    if facts is None:
        hint = did_you_mean(name, _configs())
        raise CCCError(f"pyiqa has no metric {name!r}: {hint}`pyiqa.list_models()` names them all")
    if facts.get("metric_mode") not in SINGLE or "fid" in name or name == "inception_score":
        raise CCCError(f"pyiqa:{name} measures whole sets; there are fid_2048_clean and kid_2048_clean for these")
    direction = "lower" if facts.get("lower_better") else "higher"
    return Metric(
        FOREIGN + name, f"{name} (pyiqa)", direction, "see pyiqa", "see pyiqa", "the package pyiqa", version=version(),
        pair=value_of, needs=FOREIGN + name, load=lambda path: load(name), default=False,
        undefined="pyiqa cannot measure it",
    )  # fmt: skip


@functools.cache
def _configs() -> Mapping[str, Mapping]:
    """pyiqa's table of metrics, run as a single file: importing the package imports torch, which takes seconds."""
    path = metadata.distribution("pyiqa").locate_file("pyiqa/default_model_configs.py")
    return runpy.run_path(str(path))["DEFAULT_CONFIGS"]


def measured(pair: Pair, model: Model) -> float:
    """Value of one pair by a model of `load`. Raises what pyiqa raises."""
    import torch

    planes = (np.ascontiguousarray(np.moveaxis(image, -1, 0))[None] for image in (pair.prediction, pair.truth))
    prediction, truth = (torch.tensor(image) / 255 for image in planes)
    with torch.inference_mode():
        return float(model(prediction, truth) if model.metric_mode == "FR" else model(prediction))


def value_of(pair: Pair, model: Model) -> float:
    """As `measured`, but NaN if pyiqa refuses the picture, such as one that is too small; logs pyiqa's message."""
    try:
        return measured(pair, model)
    except (RuntimeError, ValueError, AssertionError) as error:
        if "memory" in str(error):  # out of memory is no fault of the picture
            raise
        _log_once(f"pyiqa:{model.metric_name} has no value ({type(error).__name__}: {' '.join(str(error).split())})")
        return float("nan")


_log_once = functools.cache(write_line)  # and not for every picture


@functools.lru_cache(maxsize=4)
def load(name: str) -> Model:
    """pyiqa's metric of that name: a torch module with `metric_name`, `metric_mode` and its network as `net`.

    It takes float tensors `(1, 3, H, W)` in [0, 1]: the prediction and, in mode "FR", the truth. Nothing is downloaded,
    weights are read without running code in them, and every parameter of the network must come from a file: by itself,
    pyiqa downloads files and leaves layers random where a file does not fit. Raises CCCError, with the nearest name,
    for an unknown name or a metric of whole sets; MissingWeights, with the file that pyiqa requested or the reason why
    pyiqa cannot be imported.
    """
    import ccc.core.torchvision_ops  # noqa: F401  before pyiqa, which imports torchvision

    metric(name)  # refuses unknown names
    try:
        with _quiet():
            import pyiqa
    except Exception as error:  # it imports a hundred packages, some of which load system libraries
        raise MissingWeights(f"pyiqa cannot be imported here ({type(error).__name__}: {error})") from None
    loaded: set[int] = set()
    refused: list[str] = []
    try:
        with _offline(refused), _recorded_parameters(loaded), _quiet():
            model = pyiqa.create_metric(name, device="cpu")
    except Exception as error:  # metrics of pyiqa raise anything if files or packages are missing
        reason = refused[0] if refused else f"{type(error).__name__}: {error}"
        raise MissingWeights(f"no weights: pyiqa:{name} cannot be loaded here ({' '.join(reason.split())})") from None
    for key, parameter in model.net.named_parameters():
        if parameter.numel() and parameter.data_ptr() not in loaded:
            raise MissingWeights(f"no weights: pyiqa:{name} would run with a random {key}: its files do not hold it")
    return model


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


@contextlib.contextmanager
def _recorded_parameters(loaded: set[int]) -> Generator[None]:
    """Record the addresses of all parameters loaded from state dicts, and read files without running code."""
    import torch

    load_state_dict, read = torch.nn.Module.load_state_dict, torch.load

    def recording(module: torch.nn.Module, state_dict: Mapping, *arguments: Any, **options: Any) -> Any:
        result = load_state_dict(module, state_dict, *arguments, **options)
        loaded.update(value.data_ptr() for key, value in module.named_parameters() if key in state_dict)
        return result

    def read_safely(*arguments: Any, **options: Any) -> Any:
        return read(*arguments, **{**options, "weights_only": True})

    with patch.object(torch.nn.Module, "load_state_dict", recording), patch.object(torch, "load", read_safely):
        yield


@contextlib.contextmanager
def _offline(refused: list[str]) -> Generator[None]:
    """Make every download fail at once, and add what was requested to `refused`."""
    import torch
    from pyiqa.utils import download_util

    def refuse(reason: str) -> None:
        refused.append(reason)
        raise MissingWeights(reason)  # which no library catches to try again

    def refuse_file(url: str, path: str, *_: Any, **__: Any) -> None:
        refuse(f"put {url} at {path}")

    def refuse_host(host: str, *_: Any, **__: Any) -> None:
        refuse(f"it wants to fetch files from {host}; nothing is fetched by itself")

    with (
        patch.object(download_util, "download_url_to_file", refuse_file),
        patch.object(torch.hub, "download_url_to_file", refuse_file),
        patch.object(socket, "getaddrinfo", refuse_host),
    ):
        yield
