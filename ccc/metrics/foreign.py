"""Any metric of the package pyiqa as a further column, with its own weights or not at all."""

import contextlib
import functools
import importlib.util
import io
import socket
from collections.abc import Mapping
from importlib import metadata

import numpy as np

from ccc.core.errors import CCCError, MissingWeights, did_you_mean, write_line
from ccc.metrics.pair import Pair
from ccc.metrics.registry import FOREIGN, Metric

SINGLE = ("FR", "NR")  # pyiqa's modes of metrics that compare with the truth, and that look at the prediction alone


def version() -> str:
    """Version of pyiqa, which is that of its metrics' numbers."""
    return f"pyiqa {metadata.version('pyiqa')}"


def metric(name: str) -> Metric:
    """Facts about pyiqa's metric of that name, without loading it.

    Raises CCCError, with the nearest name, for a name that pyiqa does not have or that measures whole sets.
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
    """pyiqa's own table of its metrics. The file is read alone: the package around it imports torch, for seconds."""
    path = metadata.distribution("pyiqa").locate_file("pyiqa/default_model_configs.py")
    spec = importlib.util.spec_from_file_location("_pyiqa_configs", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.DEFAULT_CONFIGS


def measured(pair: Pair, model) -> float:
    """Value of one pair by what `load` gave. Raises what pyiqa raises."""
    import torch

    planes = (np.ascontiguousarray(np.moveaxis(image, -1, 0))[None] for image in (pair.prediction, pair.truth))
    prediction, truth = (torch.tensor(image) / 255 for image in planes)
    with torch.inference_mode():
        return float(model(prediction, truth) if model.metric_mode == "FR" else model(prediction))


def value_of(pair: Pair, model) -> float:
    """As `measured`, but NaN where pyiqa refuses the picture, such as one too small for it; its words are logged."""
    try:
        return measured(pair, model)
    except (RuntimeError, ValueError, AssertionError) as error:
        if "memory" in str(error):  # this machine's fault and not the picture's
            raise
        _log_once(f"pyiqa:{model.metric_name} has no value ({type(error).__name__}: {' '.join(str(error).split())})")
        return float("nan")


_log_once = functools.cache(write_line)  # and not for every picture


@functools.lru_cache(maxsize=4)
def load(name: str):
    """pyiqa's metric of that name: a torch module with `metric_mode` and `lower_better`.

    Nothing is fetched, weights are read without running code in them, and every parameter of the network must have
    come from a file: pyiqa itself fetches what it lacks, and leaves layers random where a file does not fit. Raises
    CCCError, with the nearest name, for a name that pyiqa does not have or that measures whole sets; MissingWeights,
    with what pyiqa wanted, where it cannot be loaded so, or with the reason why pyiqa itself cannot be imported.
    """
    import ccc.core.torchvision_ops  # noqa: F401  before pyiqa, which imports torchvision

    metric(name)  # or no such
    try:
        with _quiet():
            import pyiqa
    except Exception as error:  # it imports a hundred packages, and some look for libraries of the system
        raise MissingWeights(f"pyiqa cannot be imported here ({type(error).__name__}: {error})") from None
    loaded: set[int] = set()
    try:
        with _offline(), _noting_parameters(loaded), _quiet():
            model = pyiqa.create_metric(name, device="cpu")
    except Exception as error:  # whatever a metric of pyiqa raises where its files or packages are not there
        reason = next(
            (str(e) for e in _chain(error) if isinstance(e, MissingWeights)), f"{type(error).__name__}: {error}"
        )
        raise MissingWeights(f"no weights: pyiqa:{name} cannot be loaded here ({' '.join(reason.split())})") from None
    for key, parameter in model.net.named_parameters():
        if parameter.numel() and parameter.data_ptr() not in loaded:
            raise MissingWeights(f"no weights: pyiqa:{name} would run with a random {key}: its files do not hold it")
    return model


@contextlib.contextmanager
def _quiet():
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def _chain(error: BaseException | None):
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@contextlib.contextmanager
def _noting_parameters(loaded: set[int]):
    """Note where in memory the tensors lie that any network takes from a state dict, and read files without code."""
    import torch

    load_state_dict, read = torch.nn.Module.load_state_dict, torch.load

    def noting(module, state_dict, *arguments, **options):
        result = load_state_dict(module, state_dict, *arguments, **options)
        loaded.update(value.data_ptr() for key, value in module.named_parameters() if key in state_dict)
        return result

    torch.nn.Module.load_state_dict = noting
    torch.load = lambda *arguments, **options: read(*arguments, **{**options, "weights_only": True})
    try:
        yield
    finally:
        torch.nn.Module.load_state_dict, torch.load = load_state_dict, read


@contextlib.contextmanager
def _offline():
    """Every attempt to fetch a file fails at once and says what was wanted."""
    import torch
    from pyiqa.utils import download_util

    def refuse_file(url, path, *_, **__):
        raise MissingWeights(f"put {url} at {path}")

    def refuse(*arguments, **_):
        raise MissingWeights(f"it wants to fetch files from {arguments[0]}; nothing is fetched by itself")

    fetch, resolve = torch.hub.download_url_to_file, socket.getaddrinfo
    download_util.download_url_to_file = torch.hub.download_url_to_file = refuse_file
    socket.getaddrinfo = refuse
    try:
        yield
    finally:
        download_util.download_url_to_file = torch.hub.download_url_to_file = fetch
        socket.getaddrinfo = resolve
