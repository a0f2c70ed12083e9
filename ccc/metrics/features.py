"""Inception features of two folders; a file stores the truth's, for the evaluation of every method."""

import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ccc.assets import weights as weight_files
from ccc.core.errors import CCCError, few
from ccc.core.files import sha256, written_whole
from ccc.core.images import read_rgb
from ccc.core.stored import LARGEST, read_arrays, reading
from ccc.data.files import pictures_of
from ccc.metrics.folders import Match
from ccc.metrics.inception import RESIZE, inception_features

FORMAT = "ccc-features-1"
NEEDS = "inception_fid"
BYTES = 1 << 15  # upper bound for the features, SHA-256 and name of one picture


def write_features(
    truth: str | os.PathLike,
    path: str | os.PathLike,
    weights: str | os.PathLike | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
    network: str = NEEDS,
) -> int:
    """Write the features of a folder of true pictures, for `evaluate`; return how many pictures there are.

    `weights`: as `inception_features` takes them; `network`: "inception_fid" or "inception_torchvision". The file is
    NumPy's npz: float32 `(N, D)` for each depth and way to resize, as `clean_2048`, and `made_from`, JSON of the
    format, the weights' SHA-256 and that of each picture by its name. Equal inputs give equal bytes. Raises CCCError
    as `pictures_of`, `inception_features` and `read_rgb` do.
    """
    pictures = pictures_of(truth)
    weights = weight_files.locate(network, weights)
    made_from = {"format": FORMAT, "weights": sha256(weights)}
    made_from["pictures"] = {name: sha256(picture) for name, picture in pictures.items()}
    arrays = {"made_from": np.array(json.dumps(made_from))}
    for resize in (name for name, (*_, shown_to) in RESIZE.items() if shown_to == network):
        images = (read_rgb(picture) for picture in progress(list(pictures.values())))
        found = inception_features(images, weights, resize)
        arrays |= {f"{resize}_{dimension}": values for dimension, values in found.items()}
    with written_whole(path) as temporary_path, open(temporary_path, "wb") as file:
        np.savez(file, **arrays)  # ty: ignore[invalid-argument-type]  taken for `allow_pickle`
    return len(pictures)


def gather(
    metrics: Sequence, matches: Sequence[Match], weights: Path, kept: str | os.PathLike | None, progress: Callable
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Features of the predictions and of the truths, float32 `(N, D)` each, by metric.

    `weights`: the network's file; `kept`: a file of `write_features`, or None to compute the truth's too. Raises
    CCCError for a file made from other pictures or weights.
    """
    wanted = {f"{metric.resize}_{metric.dimension}" for metric in metrics}
    truth = read_features(kept, matches, weights, wanted) if kept else {}
    found = {}
    for resize in dict.fromkeys(metric.resize for metric in metrics):
        here = [metric for metric in metrics if metric.resize == resize]
        dimensions = {metric.dimension for metric in here}
        pictures = (read_rgb(match.prediction) for match in progress(matches))
        predicted = inception_features(pictures, weights, resize, dimensions)
        if kept:
            true = {dimension: truth[f"{resize}_{dimension}"] for dimension in dimensions}
        else:
            pictures = (read_rgb(match.truth) for match in progress(matches))
            true = inception_features(pictures, weights, resize, dimensions)
        found |= {metric.name: (predicted[metric.dimension], true[metric.dimension]) for metric in here}
    return found


def read_features(
    path: str | os.PathLike, matches: Sequence[Match], weights: Path, wanted: Collection[str]
) -> Mapping[str, np.ndarray]:
    """Arrays of a file of `write_features` by name, those `wanted`, float32, rows in the order of `matches`.

    Raises CCCError for a file that is missing, invalid, or was made from other pictures or weights.
    """
    again = "make it again with `ccc features`"
    with reading(path, "not a file of `ccc features`", "make it with `ccc features`"):
        arrays = read_arrays(path, {*wanted, "made_from"}, max(LARGEST, BYTES * len(matches)))
        made_from = json.loads(str(arrays.pop("made_from")))
        if made_from["format"] != FORMAT:
            raise ValueError(f"format is {made_from['format']!r}, not {FORMAT!r}")
        if made_from["weights"] != sha256(weights):
            raise CCCError(f"{path}: made with other weights than {weights}; {again}")
        pictures = {match.name: sha256(match.truth) for match in matches}
        if pictures != made_from["pictures"]:
            names = sorted(dict(pictures.items() ^ made_from["pictures"].items()))
            raise CCCError(f"{path}: made from other pictures: {few(names)} differ; {again}")
        place = {name: row for row, name in enumerate(made_from["pictures"])}
        rows = [place[match.name] for match in matches]
        return {name: arrays[name][rows] for name in wanted}
