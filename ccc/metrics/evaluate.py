"""Two folders of pictures to a table of metrics."""

import csv
import difflib
import io
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ccc import weights as weight_files
from ccc.errors import CCCError, MissingWeights
from ccc.files import write_json, write_text
from ccc.images import SUFFIXES, read_rgb
from ccc.metrics.distribution import frechet_distance, inception_features
from ccc.metrics.registry import METRICS, Metric


def choose(names: Sequence[str] = ()) -> list[Metric]:
    """Metrics by name; the default ones where no name is given. Raises CCCError, with the nearest name, for others."""
    for name in names:
        if name not in METRICS:
            near = difflib.get_close_matches(name, METRICS, 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise CCCError(f"no metric {name!r}: {hint}there are {', '.join(METRICS)}")
    return [metric for metric in METRICS.values() if (metric.name in names if names else metric.default)]


def matched(prediction: str | os.PathLike, truth: str | os.PathLike) -> list[tuple[str, Path, Path]]:
    """Name, predicted and true path of every picture, sorted by name; formats may differ, names and sizes may not.

    Raises CCCError naming the folder that is missing or empty, or the pictures that are missing, extra, unreadable or
    of another size.
    """
    found = []
    for folder in map(Path, (prediction, truth)):
        if not folder.is_dir():
            raise CCCError(f"{folder}: no such folder")
        files = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
        strange = [path.name for path in files if path.suffix.lower() not in SUFFIXES]
        if strange:
            raise CCCError(f"{folder}: holds what is no picture: {_few(strange)}")
        pictures = {path.stem: path for path in files}
        if len(pictures) < len(files):
            twice = sorted({path.stem for path in files if pictures[path.stem] != path})
            raise CCCError(f"{folder}: holds more than one picture named {_few(twice)}")
        if not pictures:
            raise CCCError(f"{folder}: holds no pictures")
        found.append(pictures)
    predicted, true = found
    problems = []
    if missing := sorted(set(true) - set(predicted)):
        problems.append(f"missing: {_few(missing)}")
    if extra := sorted(set(predicted) - set(true)):
        problems.append(f"extra: {_few(extra)}")
    resized = []
    for name in sorted(set(true) & set(predicted)):
        sizes = [_size(path) for path in (predicted[name], true[name])]
        if sizes[0] != sizes[1]:
            resized.append(f"{name} ({sizes[0][0]}x{sizes[0][1]}, not {sizes[1][0]}x{sizes[1][1]})")
    if resized:
        problems.append(f"of another size: {_few(resized)}")
    if problems:
        raise CCCError(f"{prediction}: does not match {truth}: " + "; ".join(problems))
    return [(name, predicted[name], true[name]) for name in sorted(true)]


def _size(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path) as image:
            return image.size
    except OSError:
        raise CCCError(f"{path}: cannot be read as a picture; make it again") from None


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def evaluate(
    prediction: str | os.PathLike,
    truth: str | os.PathLike,
    metrics: Sequence[str] = (),
    weights: Mapping[str, str] | None = None,
    progress=iter,
) -> tuple[list[dict], dict]:
    """Measure a folder of pictures against the true ones.

    `metrics`: names, or none for the default ones; `weights`: paths by name of the weight file. Returns a row for each
    picture (name, width, height and a value by metric, None where it is undefined) and a summary: `images`, `mean`,
    `median` and `infinite` by metric of pairs, `set` by metric of sets, `missing` with the reason of each metric that
    could not be computed, `versions`. Infinite values (PSNR of identical pictures) stay out of mean and median and are
    counted in `infinite`. Raises CCCError as `matched`, and for a picture that cannot be read.
    """
    chosen = choose(metrics)
    weights = dict(weights or {})
    missing: dict[str, str] = {}
    for metric in chosen:
        if metric.weights:
            try:
                weights[metric.weights] = str(weight_files.locate(metric.weights, weights.get(metric.weights)))
            except MissingWeights as error:
                missing[metric.name] = str(error)
    triples = matched(prediction, truth)
    pairs = [metric for metric in chosen if metric.pair and metric.name not in missing]
    sets = [metric for metric in chosen if metric.dimension and metric.name not in missing]
    rows = []
    for name, predicted_path, true_path in progress(triples):
        predicted, true = read_rgb(predicted_path), read_rgb(true_path)
        if predicted.shape != true.shape:  # EXIF rotation may differ where the stored sizes agree
            raise CCCError(f"{predicted_path}: has {predicted.shape[:2]} pixels, the truth {true.shape[:2]}")
        row = {"name": name, "width": true.shape[1], "height": true.shape[0]}
        for metric in pairs:
            extra = {"weight_file": weights[metric.weights]} if metric.weights else {}
            row[metric.name] = metric.pair(predicted, true, **extra)
        rows.append(row)
    summary = {
        "format": "ccc-metrics-1",
        "images": len(rows),
        "mean": {},
        "median": {},
        "infinite": {},
        "set": {},
        "missing": missing,
        "versions": {metric.name: metric.version for metric in chosen},
    }
    for metric in pairs:
        values = [row[metric.name] for row in rows]
        finite = [value for value in values if math.isfinite(value)]
        summary["mean"][metric.name] = float(np.mean(finite)) if finite else None
        summary["median"][metric.name] = float(np.median(finite)) if finite else None
        if infinite := sum(math.isinf(value) for value in values):
            summary["infinite"][metric.name] = infinite
        if undefined := sum(math.isnan(value) for value in values):
            missing[metric.name] = f"undefined for {undefined} of {len(rows)} pictures (too small)"
    if sets and len(triples) >= 2:
        weight_file = weights["inception_fid"]
        features = [inception_features((read_rgb(triple[side]) for triple in triples), weight_file) for side in (1, 2)]
        for metric in sets:
            summary["set"][metric.name] = frechet_distance(*(found[metric.dimension] for found in features))
    elif sets:
        missing |= {metric.name: "needs at least two pictures" for metric in sets}
    return rows, summary


def save(rows: Sequence[Mapping], summary: Mapping, csv_path: str | os.PathLike, json_path: str | os.PathLike) -> None:
    """Write rows as CSV (undefined values empty) and the summary as JSON; equal inputs give equal bytes."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {key: "" if isinstance(value, float) and math.isnan(value) else value for key, value in row.items()}
        )
    write_text(csv_path, text.getvalue())
    write_json(json_path, summary)
