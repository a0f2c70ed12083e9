"""Two folders of pictures to a table of metrics."""

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ccc.assets import weights as weight_files
from ccc.core.errors import CCCError, ImageError, MissingWeights, NoValue
from ccc.core.files import sha256, write_csv, write_json
from ccc.core.images import read_rgb, software
from ccc.metrics.folders import Match, matched, refuse
from ccc.metrics.pair import Pair
from ccc.metrics.registry import FOREIGN, FORMAT, NATIVE, Metric, choose, metrics


class Evaluation(NamedTuple):
    """Result of `evaluate`: `rows`, one per picture by name, and `summary`, as docs/metrics.md describes them."""

    rows: list[dict]
    summary: dict

    def save(self, csv_path: str | os.PathLike | None = None, json_path: str | os.PathLike | None = None) -> None:
        """Write rows as CSV (undefined values empty) and the summary as JSON, each whole; equal inputs, equal bytes."""
        if csv_path is not None:
            write_csv(csv_path, self.rows)
        if json_path is not None:
            write_json(json_path, self.summary)


def evaluate(
    prediction_dir: str | os.PathLike,
    truth_dir: str | os.PathLike,
    metrics: Sequence[str] | None = None,
    weights: Mapping[str, str | os.PathLike] | None = None,
    progress: Callable[[Iterable], Iterable] | None = None,
    *,
    codebook: str | os.PathLike | None = None,
    family: str | None = None,
    features: str | os.PathLike | None = None,
) -> Evaluation:
    """Measure a folder of pictures against the true ones of the same names and sizes.

    `metrics`: names, or none for the default ones; `weights`: paths by name, by default in the folder of `ccc weights`;
    `progress`: wraps the pictures of each pass; `codebook`: file of the classes of `cnr_codebook`, which then becomes a
    default metric; `family`: restricts the metrics to one; `features`: file of `write_features`, of the truth.

    Rows hold name, width, height and a float for each metric of pairs, NaN where it has none. The summary holds by
    metric `mean`, `median`, `sd` and `n` of the pictures' finite values, how many were `infinite` (PSNR of identical
    pictures), `set` and `interval` of metrics of whole sets, `missing` (the reason for a metric without a value, or
    without one for some pictures), `cautions`, `versions`, `directions`, the SHA-256 of `inputs`, and `made`, what the
    predictions state about how they were made. Missing figures are None. Raises CCCError as `choose` and `matched` do,
    for undecodable pictures, for a name in `weights` that no metric needs, for `features` that none uses, and for a
    file that is not the expected weights, codebook or features.
    """
    progress = progress or iter
    matches = matched(prediction_dir, truth_dir)
    sides = {min(match.width, match.height) for match in matches}
    side = sides.pop() if len(sides) == 1 else NATIVE
    found = [_sized(metric, side) for metric in choose(metrics, codebook is not None, family)]
    chosen = list({metric.name: metric for metric in found}.values())
    if features is not None and not any(metric.gather for metric in chosen):
        raise CCCError(f"{features}: none of the metrics takes features")
    needed, files, missing = _needed(chosen, dict(weights or {}), codebook, family)
    usable = [metric for metric in chosen if metric.name not in missing]
    values, arrays = _measure(usable, needed, matches, progress, prediction_dir, truth_dir)
    if len(matches) > 1:
        arrays |= _gather(usable, needed, matches, features, progress, missing)

    paired = [metric.name for metric in chosen if metric.pair]
    rows = [
        {"name": match.name, "width": match.width, "height": match.height}
        | {name: float(values[name][i]) if name in values else math.nan for name in paired}
        for i, match in enumerate(matches)
    ]
    summary: dict[str, Any] = {
        "format": FORMAT, "images": len(rows), "side": None if side == NATIVE else side, "missing": missing,
        **{key: {} for key in ("mean", "median", "sd", "n", "infinite", "set", "interval", "cautions")},
        "versions": {metric.name: metric.version for metric in chosen},
        "directions": {metric.name: metric.direction for metric in chosen},
        "inputs": {name: sha256(path) for name, path in files.items()},
        "made": sorted({software(match.prediction) for match in matches}),
    }  # fmt: skip
    for metric in chosen:
        if metric.pair:
            _describe(metric, np.array([row[metric.name] for row in rows]), summary)
        else:
            _describe_set(metric, arrays.get(metric.name), summary)
    return Evaluation(rows, summary)


def _sized(metric: Metric, side: int | str) -> Metric:
    if metric.base and metric.name != metric.base.replace("cnr", f"cnr_{side}", 1):
        found = f"short side is {side} pixels" if side != NATIVE else "short sides differ"
        raise CCCError(f"{metric.name}: the pictures' {found}; ask for {metric.base!r}, which gets its size by itself")
    return metric if metric.base else metric.at(side)


def _needed(
    chosen: Sequence[Metric], weights: Mapping, codebook: str | os.PathLike | None, family: str | None
) -> tuple[dict, dict, dict]:
    """Requirements by name, their files, and reasons for missing ones by metric."""
    known = {metric.needs for metric in metrics(family).values() if metric.needs} - {"codebook"}
    known = {name for name in known if not name.startswith(FOREIGN)}
    for name in weights:
        if name not in known:
            raise CCCError(f"no metric needs weights {name!r}: there are {', '.join(sorted(known)) or 'none'}")
    needed, files, missing = {}, {}, {}
    for metric in chosen:
        if not metric.needs or metric.needs in needed:
            continue
        path = codebook if metric.needs == "codebook" else weights.get(metric.needs)
        try:
            needed[metric.needs] = metric.load(path) if metric.load else weight_files.locate(metric.needs, path)
        except MissingWeights as error:
            missing |= {other.name: str(error) for other in chosen if other.needs == metric.needs}
            continue
        if not metric.needs.startswith(FOREIGN):
            files[metric.needs] = path or needed[metric.needs]
    return needed, files, missing


def _measure(
    chosen: Sequence[Metric], needed: Mapping, matches: Sequence[Match], progress: Callable, *folders: str | os.PathLike
) -> tuple[dict, dict]:
    """Values of the metrics of pairs, `(N,)` each, and counts of metrics of sets, `(2, K)` each, by name.

    Pictures are decoded only where a metric takes pairs.
    """
    values = {metric.name: np.full(len(matches), math.nan) for metric in chosen if metric.pair}
    counts: dict[str, Any] = {metric.name: 0 for metric in chosen if metric.counts}
    unreadable: list[str] = []
    for i, match in enumerate(progress(matches) if values or counts else ()):
        pictures = []
        for path in (match.prediction, match.truth):
            try:
                pictures.append(read_rgb(path))
            except ImageError as error:
                unreadable.append(str(error))
        if unreadable:  # measure no more, but collect all problems
            continue
        pair = Pair(*pictures)
        for metric in chosen:
            try:
                if metric.pair:
                    values[metric.name][i] = metric.pair(pair, *([needed[metric.needs]] if metric.needs else []))
                if metric.counts:
                    counts[metric.name] = counts[metric.name] + metric.counts(pair)
            except Exception as error:
                error.add_note(f"{metric.name} of {match.prediction}: a metric returns NaN where it has no value")
                raise
    refuse(*folders, {"unreadable": unreadable})
    return values, counts


def _gather(
    chosen: Sequence[Metric],
    needed: Mapping,
    matches: Sequence[Match],
    features: str | os.PathLike | None,
    progress: Callable,
    missing: dict,
) -> dict:
    """Arrays of the metrics of sets that share a network, by name; reasons of those without a value go to `missing`."""
    arrays = {}
    for gather, needs in dict.fromkeys((metric.gather, metric.needs) for metric in chosen if metric.gather):
        sharing = [metric for metric in chosen if (metric.gather, metric.needs) == (gather, needs)]
        try:
            arrays |= gather(sharing, matches, needed[needs], features, progress)
        except NoValue as error:
            missing |= {metric.name: str(error) for metric in sharing}
    return arrays


def _describe(metric: Metric, values: np.ndarray, summary: dict) -> None:
    finite = values[np.isfinite(values)]
    summary["mean"][metric.name] = float(finite.mean()) if len(finite) else None
    summary["median"][metric.name] = float(np.median(finite)) if len(finite) else None
    summary["sd"][metric.name] = float(finite.std(ddof=1)) if len(finite) > 1 else None
    summary["n"][metric.name] = len(finite)
    if infinite := int(np.isinf(values).sum()):
        summary["infinite"][metric.name] = infinite
    if undefined := int(np.isnan(values).sum()):
        reason = f"undefined for {undefined} of {len(values)} pictures: {metric.undefined or 'not a number'}"
        summary["missing"].setdefault(metric.name, reason)


def _describe_set(metric: Metric, arrays: Iterable[np.ndarray] | None, summary: dict) -> None:
    """`arrays`: of the predictions and of the truths; None if a requirement or a picture is missing."""
    summary["set"][metric.name] = summary["interval"][metric.name] = None
    pictures = summary["images"]
    if metric.name not in summary["missing"] and pictures < metric.enough:
        summary["cautions"][metric.name] = (
            f"{pictures} pictures are fewer than {metric.enough} features: biased upwards, comparable only at the same "
            "number of pictures"
        )
    if arrays is None:
        summary["missing"].setdefault(metric.name, "needs at least two pictures")
    elif metric.set:
        summary["set"][metric.name] = metric.set(*arrays)
        if metric.interval and pictures > 2:
            summary["interval"][metric.name] = list(metric.interval(*arrays))
