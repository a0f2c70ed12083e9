"""Two folders of pictures to a table of metrics."""

import csv
import dataclasses
import functools
import io
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ccc.codebook import Codebook
from ccc.core.errors import CCCError, ImageError, MissingWeights
from ccc.core.files import write_json, write_text
from ccc.core.images import read_rgb
from ccc.metrics import foreign
from ccc.metrics.distribution import frechet_distance
from ccc.metrics.folders import Match, matched, of_another_size, refuse
from ccc.metrics.inception import inception_features
from ccc.metrics.pair import GRID, Pair
from ccc.metrics.registry import FOREIGN, FORMAT, METRICS, NATIVE, Metric, find
from ccc.metrics.store import Store, code_of, content, digest


class Evaluation(NamedTuple):
    """What `evaluate` found: `rows`, one for each picture by name, and `summary`, as docs/metrics.md describes both."""

    rows: list[dict]
    summary: dict

    def save(self, csv_path: str | os.PathLike | None = None, json_path: str | os.PathLike | None = None) -> None:
        """Write rows as CSV (undefined values empty) and the summary as JSON, each whole; equal inputs, equal bytes."""
        if csv_path is not None:
            text = io.StringIO()
            writer = csv.DictWriter(text, list(self.rows[0]), lineterminator="\n")
            writer.writeheader()
            for row in self.rows:
                undefined = {key: "" for key, value in row.items() if isinstance(value, float) and math.isnan(value)}
                writer.writerow({**row, **undefined})
            write_text(csv_path, text.getvalue())
        if json_path is not None:
            write_json(json_path, self.summary)


def choose(names: Sequence[str] | None = None, codebook: bool = False) -> list[Metric]:
    """Metrics by name in the registry's order, further ones of pyiqa after it; the default ones where none is given.

    `codebook`: whether the default ones include those that need a codebook. Raises CCCError, with the nearest name,
    for a name that no metric has.
    """
    if not names:
        return [m for m in METRICS.values() if m.default or (codebook and m.needs == "codebook")]
    order = list(METRICS)
    return sorted(
        map(find, names), key=lambda m: order.index(base) if (base := m.base or m.name) in order else len(order)
    )


def evaluate(
    prediction_dir: str | os.PathLike,
    truth_dir: str | os.PathLike,
    metrics: Sequence[str] | None = None,
    weights: Mapping[str, str | os.PathLike] | None = None,
    progress: Callable[[Iterable], Iterable] | None = None,
    *,
    codebook: str | os.PathLike | None = None,
    cache: str | os.PathLike | None = None,
) -> Evaluation:
    """Measure a folder of pictures against the true ones of the same names and sizes.

    `metrics`: names, or none for the default ones; `weights`: paths by name of the weight file, the others are looked
    for where `ccc weights` keeps them; `progress`: wraps the pictures of each pass to show how far it is; `codebook`:
    file of the classes of `cnr_codebook`, which is then a default metric; `cache`: a folder that keeps each metric's
    values and both sides' features, so that the next call computes only what is not there or has changed.

    Rows hold name, width, height and a float for each metric of pairs, NaN where it has none. The summary holds by
    metric `mean`, `median`, `sd` and `n` of the pictures' finite values, how many were `infinite` (PSNR of identical
    pictures), `set` and `interval` of metrics of whole sets, `missing` (the reason for a metric without a value, or
    without one for some pictures), `cautions`, `versions`, `directions` and the SHA-256 of `inputs`. Figures that could
    not be computed are None. Raises CCCError as `choose` and `matched` do, for pictures that cannot be decoded, for a
    name in `weights` that no metric needs, and for a file that is not the weights or codebook it should be.
    """
    progress = progress or iter
    matches = matched(prediction_dir, truth_dir)
    sides = {min(match.width, match.height) for match in matches}
    side = sides.pop() if len(sides) == 1 else NATIVE
    named = {metric.name: metric for m in choose(metrics, codebook is not None) if (metric := _sized(m, side))}
    chosen, at_hand, missing = _at_hand(list(named.values()), weights or {}, codebook)

    usable = [metric for metric in chosen if metric.name not in missing]
    store = Store(cache)
    inputs = _Inputs(matches, at_hand, codebook, store)
    values, counts = _measure(usable, inputs, progress, prediction_dir, truth_dir)
    rows = []
    for i, match in enumerate(matches):
        row = {"name": match.name, "width": match.width, "height": match.height}
        row |= {m.name: float(values[m.name][i]) if m.name in values else math.nan for m in chosen if m.pair}
        rows.append(row)

    summary = {"format": FORMAT, "images": len(rows), "side": None if side == NATIVE else side}
    summary |= {key: {} for key in ("mean", "median", "sd", "n", "infinite", "set", "interval")}
    for metric in chosen:
        if metric.pair:
            _describe(metric, np.array([row[metric.name] for row in rows]), summary, missing)
    features = functools.cache(lambda resize: _features(resize, usable, inputs, progress))
    for metric in chosen:
        if metric.set:
            _describe_set(metric, len(matches), counts, features, summary, missing)
    summary |= {
        "missing": missing,
        "cautions": {
            m.name: _few(m, len(rows)) for m in usable if m.set is frechet_distance and len(rows) < m.dimension
        },
        "versions": {metric.name: metric.version for metric in chosen},
        "directions": {metric.name: metric.direction for metric in chosen},
        "inputs": {name: content(path) for name, path in inputs.files.items()},
    }
    return Evaluation(rows, summary)


def _few(metric: Metric, pictures: int) -> str:
    return (
        f"{pictures} pictures are fewer than {metric.dimension} features: biased upwards, comparable only at the same "
        "number of pictures"
    )


def _sized(metric: Metric, side: int | str) -> Metric:
    if metric.base and metric.name != METRICS[metric.base].at(side).name:
        found = f"short side is {side} pixels" if side != NATIVE else "short sides differ"
        raise CCCError(f"{metric.name}: the pictures' {found}; ask for {metric.base!r}, which gets its size by itself")
    return metric if metric.base else metric.at(side)


def _describe(metric: Metric, values: np.ndarray, summary: dict, missing: dict[str, str]) -> None:
    finite = values[np.isfinite(values)]
    summary["mean"][metric.name] = float(finite.mean()) if len(finite) else None
    summary["median"][metric.name] = float(np.median(finite)) if len(finite) else None
    summary["sd"][metric.name] = float(finite.std(ddof=1)) if len(finite) > 1 else None
    summary["n"][metric.name] = len(finite)
    if infinite := int(np.isinf(values).sum()):
        summary["infinite"][metric.name] = infinite
    undefined = int(np.isnan(values).sum())
    if undefined and metric.name not in missing:
        reason = metric.undefined or "not a number"
        missing[metric.name] = f"undefined for {undefined} of {len(values)} pictures: {reason}"


def _describe_set(metric: Metric, pictures: int, counts, features: Callable, summary: dict, missing: dict) -> None:
    """`features`: from a way of resizing to the Inception features of both sides, by dimension."""
    summary["set"][metric.name] = summary["interval"][metric.name] = None
    if metric.dimension and pictures < 2:
        missing.setdefault(metric.name, "needs at least two pictures")
    if metric.name in missing:
        return
    x, y = (side[metric.dimension] for side in features(metric.resize)) if metric.dimension else counts
    summary["set"][metric.name] = metric.set(x, y)
    if metric.interval and pictures > 2:
        summary["interval"][metric.name] = list(metric.interval(x, y))


def _at_hand(chosen: Sequence[Metric], weights: Mapping, codebook) -> tuple[list[Metric], dict, dict[str, str]]:
    """The metrics, what they need by its name, and why some are missing."""
    from ccc.assets import weights as weight_files

    needed = {metric.needs for metric in METRICS.values() if metric.needs} - {"codebook"}
    known = sorted(name for name in needed if not name.startswith(FOREIGN))
    for name in weights:
        if name not in known:
            raise CCCError(f"no metric needs weights {name!r}: there are {', '.join(known)}")
    found, at_hand, missing = [], {}, {}
    for metric in chosen:
        try:
            if metric.needs == "codebook":
                if codebook is None:
                    raise MissingWeights("no codebook: none was given")
                at_hand["codebook"] = Codebook.load(codebook)
            elif metric.needs and metric.needs.startswith(FOREIGN):
                model = at_hand[metric.needs] = foreign.load(metric.needs.removeprefix(FOREIGN))
                metric = dataclasses.replace(metric, direction="lower" if model.lower_better else "higher")
            elif metric.needs:
                at_hand[metric.needs] = weight_files.locate(metric.needs, weights.get(metric.needs))
        except MissingWeights as error:
            missing[metric.name] = str(error)
        found.append(metric)
    return found, at_hand, missing


class _Inputs:
    """The pictures and files that values come from, and the names under which a store keeps values of them."""

    def __init__(self, matches: Sequence[Match], at_hand: Mapping, codebook, store: Store):
        self.matches, self.at_hand, self.store = matches, at_hand, store
        self.files = {name: path for name, path in at_hand.items() if isinstance(path, Path)}
        if "codebook" in at_hand:
            self.files["codebook"] = codebook
        self.sides = {"prediction": [m.prediction for m in matches], "truth": [m.truth for m in matches]}

    def key(self, function, *facts, needs: str | None = None, sides=("prediction", "truth")) -> str:
        """Digest of the pictures' bytes, the code, the facts and the weights that the function needs."""
        if self.store.folder is None:
            return ""
        needed = content(self.files[needs]) if needs in self.files else needs
        if needs and needs.startswith(FOREIGN):
            needed = foreign.content(self.at_hand[needs])
        names = [match.name for match in self.matches]
        pictures = [content(path) for side in sides for path in self.sides[side]]
        return digest(*facts, code_of(function), needed, *names, *pictures)


def _measure(metrics: Sequence[Metric], inputs: _Inputs, progress, *folders) -> tuple[dict, np.ndarray]:
    """Values of the metrics of pairs, by name `(N,)`, and how often each class appears in each set, `(2, 400)`.

    Pictures are decoded only where something is not in the store.
    """
    keys = {m.name: inputs.key(m.pair, m.name, m.version, needs=m.needs) for m in metrics if m.pair}
    found = {name: inputs.store.get(name, key) for name, key in keys.items()}
    todo = [metric for metric in metrics if metric.pair and found[metric.name] is None]
    wanted = [metric for metric in metrics if metric.set and not metric.dimension]
    counting_key = inputs.key(wanted[0].set, "counts") if wanted else ""
    counts = inputs.store.get("class_counts", counting_key) if wanted else None
    counting_anew = bool(wanted) and counts is None
    if not todo and not counting_anew:
        return found, counts
    new = {metric.name: np.full(len(inputs.matches), math.nan) for metric in todo}
    counts = np.zeros((2, GRID.size)) if counting_anew else counts
    problems = {"of another size": [], "unreadable": []}
    for i, match in enumerate(progress(inputs.matches)):
        pictures = []
        for path in (match.prediction, match.truth):
            try:
                pictures.append(read_rgb(path))
            except ImageError as error:
                problems["unreadable"].append(str(error))
        if len(pictures) == 2 and pictures[0].shape != pictures[1].shape:
            problems["of another size"].append(of_another_size(match.name, *(p.shape[1::-1] for p in pictures)))
        if any(problems.values()):  # measure no more, but name the others too
            continue
        pair = Pair(*pictures)
        for metric in todo:
            needed = (inputs.at_hand[metric.needs],) if metric.needs else ()
            new[metric.name][i] = metric.pair(pair, *needed)
        if counting_anew:
            counts += [np.bincount(classes.ravel(), minlength=GRID.size) for classes in pair.classes]
    refuse(*folders, problems)
    for name, values in new.items():
        inputs.store.put(name, keys[name], values)
    if counting_anew:
        inputs.store.put("class_counts", counting_key, counts)
    return found | new, counts


def _features(resize: str, metrics: Sequence[Metric], inputs: _Inputs, progress) -> list[dict[int, np.ndarray]]:
    """Inception features of the predictions and of the truths, by dimension."""
    wanted = sorted({m.dimension for m in metrics if m.dimension and m.resize == resize})
    sides = []
    for side, paths in inputs.sides.items():
        label = f"inception_{resize}"
        keys = {d: inputs.key(inception_features, label, d, needs="inception_fid", sides=(side,)) for d in wanted}
        # One process computes the truth's, and those that evaluate other methods meanwhile wait for them.
        with inputs.store.alone(label, keys[wanted[-1]]):
            found = {d: inputs.store.get(label, key) for d, key in keys.items()}
            if any(features is None for features in found.values()):
                pictures = (read_rgb(path) for path in progress(paths))
                found = inception_features(pictures, inputs.at_hand["inception_fid"], resize, wanted)
                for d, features in found.items():
                    inputs.store.put(label, keys[d], features)
        sides.append(found)
    return sides
