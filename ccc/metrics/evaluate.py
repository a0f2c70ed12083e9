"""Two folders of pictures to a table of metrics."""

import csv
import difflib
import hashlib
import io
import math
import os
import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from ccc.codebook import Codebook
from ccc.errors import CCCError, ImageError, MissingWeights
from ccc.files import sha256, write_json, write_text, written_whole
from ccc.images import SUFFIXES, read_rgb
from ccc.metrics.inception import STAGES, VERSION, inception_features
from ccc.metrics.pair import GRID, Pair
from ccc.metrics.registry import METRICS, Metric

if TYPE_CHECKING:
    import pandas

_ROTATED = {5, 6, 7, 8}  # EXIF orientations that exchange width and height


class Evaluation(NamedTuple):
    """What `evaluate` found: `rows`, one for each picture by name, and `summary`, as `save` writes it."""

    rows: list[dict]
    summary: dict

    @property
    def per_image(self) -> "pandas.DataFrame":
        """The rows as a pandas table: name, width, height and a column for each metric; NaN where undefined."""
        import pandas

        return pandas.DataFrame(self.rows)

    def save(self, csv_path: str | os.PathLike, json_path: str | os.PathLike) -> None:
        """Write rows as CSV and the summary as JSON; see `ccc.metrics.evaluate.save`."""
        save(self.rows, self.summary, csv_path, json_path)


def choose(names: Sequence[str] | None = None, codebook: bool = False) -> list[Metric]:
    """Metrics by name, in the order of the registry; the default ones where no name is given.

    `codebook`: whether the default ones include those that need a codebook. Raises CCCError, with the nearest name,
    for a name that no metric has.
    """
    for name in names or ():
        if name not in METRICS:
            near = [known for known in METRICS if known.startswith(name)] or difflib.get_close_matches(name, METRICS, 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise CCCError(f"no metric {name!r}: {hint}there are {', '.join(METRICS)}")
    return [
        metric
        for metric in METRICS.values()
        if (metric.name in names if names else metric.default or (codebook and metric.needs == "codebook"))
    ]


def matched(prediction: str | os.PathLike, truth: str | os.PathLike) -> list[tuple[str, Path, Path]]:
    """Name without suffix, predicted and true path of every picture, sorted by name.

    Formats may differ, names and sizes may not; hidden files are passed over. Raises CCCError naming the folder that
    is missing, empty or holds anything but pictures, and the pictures that are missing, extra, unreadable or of
    another size: the first few, and how many there are.
    """
    predicted, true = (_pictures(Path(folder)) for folder in (prediction, truth))
    resized, unreadable = [], []
    for name in sorted(set(true) & set(predicted)):
        sizes = []
        for path in (predicted[name], true[name]):
            try:
                sizes.append(_size(path))
            except ImageError as error:
                unreadable.append(str(error))
        if len(sizes) == 2 and sizes[0] != sizes[1]:
            resized.append(_resized(name, *sizes))
    problems = {
        "missing": sorted(set(true) - set(predicted)),
        "extra": sorted(set(predicted) - set(true)),
        "of another size": resized,
        "unreadable": unreadable,
    }
    _refuse(prediction, truth, problems)
    return [(name, predicted[name], true[name]) for name in sorted(true)]


def _pictures(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise CCCError(f"{folder}: no such folder")
    files = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    strange = [path.name for path in files if path.suffix.lower() not in SUFFIXES or not path.is_file()]
    if strange:
        raise CCCError(f"{folder}: holds what is no picture: {_few(strange)}; move it elsewhere")
    pictures = {path.stem: path for path in files}
    if len(pictures) < len(files):
        twice = sorted({path.stem for path in files if pictures[path.stem] != path})
        raise CCCError(f"{folder}: holds more than one picture named {_few(twice)}")
    if not pictures:
        raise CCCError(f"{folder}: holds no pictures")
    return pictures


def _size(path: Path) -> tuple[int, int]:
    """Width and height as shown, from the file's first bytes. Raises ImageError where they are no picture's."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own bomb warning: `read_rgb` has its limit
            with Image.open(path) as image:
                width, height = image.size
                return (height, width) if image.getexif().get(0x0112) in _ROTATED else (width, height)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        return read_rgb(path).shape[1::-1]  # says what is wrong, unless only the EXIF block is


def _resized(name: str, found: tuple[int, int], wanted: tuple[int, int]) -> str:
    return f"{name} ({found[0]}x{found[1]}, not {wanted[0]}x{wanted[1]})"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _refuse(prediction, truth, problems: Mapping[str, Sequence[str]]) -> None:
    found = [f"{problem} ({len(names)}): {_few(names)}" for problem, names in problems.items() if names]
    if found:
        raise CCCError(f"{prediction}: does not match {truth}: " + "; ".join(found))


def evaluate(
    prediction_dir: str | os.PathLike,
    truth_dir: str | os.PathLike,
    metrics: Sequence[str] | None = None,
    weights: Mapping[str, str | os.PathLike] | None = None,
    progress: Callable[[Iterable], Iterable] | None = None,
    *,
    codebook: str | os.PathLike | None = None,
    truth_cache: str | os.PathLike | None = None,
) -> Evaluation:
    """Measure a folder of pictures against the true ones of the same names and sizes.

    `metrics`: names, or none for the default ones; `weights`: paths by name of the weight file, the others are looked
    for where `ccc weights` keeps them; `progress`: wraps the pictures of each pass to show how far it is; `codebook`:
    file of the classes of `cnr_codebook`, which is then a default metric; `truth_cache`: a file that keeps the true
    pictures' Inception features for the next call, made again when these pictures or the weights change.

    Rows hold name, width, height and a float for each metric of pairs, NaN where it has none. The summary holds
    `images`, how many; `mean` and `median` over the pictures' finite values and, by metric, how many were `infinite`
    (PSNR of identical pictures) and left out; `set`, the metrics of whole sets; `missing`, the reason for every metric
    without a value, or without one for some pictures; `versions` of the metrics. Figures that could not be computed
    are None. Raises CCCError as `choose` and `matched` do, for pictures that cannot be decoded, for a name in `weights`
    that no metric needs, and for a file that is not the weights or codebook it should be.
    """
    progress = progress or iter
    chosen = choose(metrics, codebook is not None)
    at_hand, missing = _at_hand(chosen, weights or {}, codebook)
    triples = matched(prediction_dir, truth_dir)
    pairs = [metric for metric in chosen if metric.pair]
    sets = [metric for metric in chosen if metric.set]
    count = any(metric.dimension is None for metric in sets)

    rows, counts, problems = [], np.zeros((2, GRID.size), np.int64), {"of another size": [], "unreadable": []}
    for name, *paths in progress(triples):
        pictures = []
        for path in paths:
            try:
                pictures.append(read_rgb(path))
            except ImageError as error:
                problems["unreadable"].append(str(error))
        if len(pictures) == 2 and pictures[0].shape != pictures[1].shape:
            problems["of another size"].append(_resized(name, *(picture.shape[1::-1] for picture in pictures)))
        if any(problems.values()):  # measure no more, but name the others too
            continue
        pair = Pair(*pictures)
        height, width = pair.truth.shape[:2]
        row = {"name": name, "width": width, "height": height}
        for metric in pairs:
            if metric.name in missing:
                row[metric.name] = math.nan
            else:
                row[metric.name] = metric.pair(pair, at_hand[metric.needs]) if metric.needs else metric.pair(pair)
        if count:
            counts += [np.bincount(classes.ravel(), minlength=GRID.size) for classes in pair.classes]
        rows.append(row)
    _refuse(prediction_dir, truth_dir, problems)

    figures = {"mean": {}, "median": {}, "infinite": {}, "set": {}}
    for metric in pairs:
        values = [row[metric.name] for row in rows]
        finite = [value for value in values if math.isfinite(value)]
        figures["mean"][metric.name] = float(np.mean(finite)) if finite else None
        figures["median"][metric.name] = float(np.median(finite)) if finite else None
        if infinite := sum(map(math.isinf, values)):
            figures["infinite"][metric.name] = infinite
        undefined = sum(map(math.isnan, values))
        if undefined and metric.name not in missing:
            reason = metric.undefined or "not a number"
            missing[metric.name] = f"undefined for {undefined} of {len(values)} pictures: {reason}"
    features = None
    for metric in sets:
        if metric.dimension and metric.name not in missing and len(triples) < 2:
            missing[metric.name] = "needs at least two pictures"
        if metric.name in missing:
            figures["set"][metric.name] = None
        elif metric.dimension:
            features = features or _features(triples, at_hand[metric.needs], truth_cache, progress)
            figures["set"][metric.name] = metric.set(*(side[metric.dimension] for side in features))
        else:
            figures["set"][metric.name] = metric.set(*counts)
    versions = {metric.name: metric.version for metric in chosen}
    summary = {"format": "ccc-metrics-1", "images": len(rows), **figures, "missing": missing, "versions": versions}
    return Evaluation(rows, summary)


def _at_hand(chosen: Sequence[Metric], weights: Mapping, codebook) -> tuple[dict, dict[str, str]]:
    """What the metrics need, by name, and why the others of them are missing."""
    from ccc import weights as weight_files

    known = sorted({metric.needs for metric in METRICS.values() if metric.needs} - {"codebook"})
    for name in weights:
        if name not in known:
            raise CCCError(f"no metric needs weights {name!r}: there are {', '.join(known)}")
    at_hand, missing = {}, {}
    for metric in chosen:
        if metric.needs == "codebook":
            if codebook is None:
                missing[metric.name] = "no codebook: none was given"
            else:
                at_hand["codebook"] = at_hand.get("codebook") or Codebook.load(codebook)
        elif metric.needs:
            try:
                at_hand[metric.needs] = weight_files.locate(metric.needs, weights.get(metric.needs))
            except MissingWeights as error:
                missing[metric.name] = str(error)
    return at_hand, missing


def _features(triples, weight_file: Path, cache, progress) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    """Inception features of the predictions and of the truths, by dimension."""

    def compute(paths: Sequence[Path]) -> dict[int, np.ndarray]:
        return inception_features((read_rgb(path) for path in progress(paths)), weight_file)

    predicted, true = [triple[1] for triple in triples], [triple[2] for triple in triples]
    if cache is None:
        return compute(predicted), compute(true)
    digest = hashlib.sha256(f"{VERSION} {sha256(weight_file)}".encode())
    for path in true:
        digest.update(f"\n{sha256(path)}".encode())
    key = digest.hexdigest()
    found = _read_cache(Path(cache), key)
    if found is None:
        found = compute(true)
        with written_whole(cache) as aside, open(aside, "wb") as file:
            np.savez(file, key=np.array(key), **{str(dimension): found[dimension] for dimension in STAGES})
    return compute(predicted), found


def _read_cache(path: Path, key: str) -> dict[int, np.ndarray] | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            if str(stored["key"]) == key:
                return {dimension: stored[str(dimension)] for dimension in STAGES}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # none yet, or not one of ours
        pass
    return None


def save(rows: Sequence[Mapping], summary: Mapping, csv_path: str | os.PathLike, json_path: str | os.PathLike) -> None:
    """Write rows as CSV (undefined values empty) and the summary as JSON, each whole; equal inputs give equal bytes."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        undefined = {key: "" for key, value in row.items() if isinstance(value, float) and math.isnan(value)}
        writer.writerow({**row, **undefined})
    write_text(csv_path, text.getvalue())
    write_json(json_path, summary)
