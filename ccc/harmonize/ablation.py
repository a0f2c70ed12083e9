"""Ablation of Algorithm 1: its parameters, and upsamplings of the class map."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from ccc.codebook import ColorGrid
from ccc.color import read_gray, rgb_to_lab
from ccc.core.images import read_ab, read_rgb
from ccc.core.stored import read_rows, reading
from ccc.harmonize import harmonize_picture
from ccc.metrics.chroma import cnr
from ccc.metrics.pixel import psnr
from ccc.segment.base import Segmenter
from ccc.segment.rle import decode
from ccc.segment.store import pictures_alike
from ccc.settings.harmonization import Algorithm

COLUMNS = (
    "colors", "delta", "min_pixels", "pictures", "changed_share", "mean_ab_shift", "classes_per_segment", "psnr",
    "cnr", "segmenter", "ab",
)  # fmt: skip
OPTIONAL = ("delta", "min_pixels", "classes_per_segment", "psnr")  # columns that may be empty


def ablate(
    gray_dir: str | os.PathLike,
    truth_dir: str | os.PathLike,
    colors: Mapping[str, str | os.PathLike],
    segmenter: Segmenter,
    deltas: Sequence[float],
    min_pixels: Sequence[int],
    progress: Callable[[list[str]], Iterable[str]] = iter,
    count: int | None = None,
    **parameters,
) -> list[dict]:
    """Harmonize the same pictures with each delta (for both a and b) and each Psi, and measure the results.

    `gray_dir`, `truth_dir`: folders of pictures of the same names; `colors`: folders of the coloured pictures, by name,
    such as of nearest and bilinear upsampling; `segmenter`: makes or reads the masks; `progress` wraps the iterable of
    names; `count`: number of pictures, the first by name; `parameters`: others of `ccc.harmonize.harmonize`.

    For each name of `colors`, returns a row of its unchanged pictures, with `delta` and `min_pixels` None, then a row
    for each pair, with the columns `COLUMNS`. `changed_share` in [0, 1], `mean_ab_shift` in CIELAB units, `psnr` in dB
    (without infinite ones) and `cnr` among 400 classes are means over pictures; `classes_per_segment`, the number of
    the 400 classes in a segment of more pixels than the default Psi, is a mean over segments. `ab`: "own" if the
    method's a and b were beside its pictures (`ccc.core.images.read_ab`), else "picture". Raises CCCError for missing
    pictures or masks.
    """
    found = pictures_alike({"gray": gray_dir} | dict(colors) | {"truth": truth_dir})
    segmenter.require(found["gray"])
    settings = [(None, None), *((delta, least) for delta in deltas for least in min_pixels)]
    measured: dict[tuple, list] = {(name, *setting): [] for name in colors for setting in settings}
    classes: dict[tuple, list] = {key: [] for key in measured}
    makers, origins = set(), {name: set() for name in colors}
    for picture in progress(list(found["gray"])[:count]):
        gray, truth = read_gray(found["gray"][picture]), read_rgb(found["truth"][picture])
        masks, maker = segmenter.attributed(gray, picture)
        makers.add(maker)
        inside = [decode(mask["segmentation"]) for mask in masks if mask["area"] > Algorithm().min_pixels]
        for name in colors:
            before = read_rgb(found[name][picture])
            ab = read_ab(found[name][picture], *before.shape[:2])
            origins[name].add("picture" if ab is None else "own")
            for delta, least in settings:
                after, change = before, {"changed_share": 0.0, "mean_ab_shift": 0.0}
                if delta is not None:
                    options = {"delta_a": delta, "delta_b": delta, "min_pixels": least}
                    after, change = harmonize_picture(gray, before, masks, ab=ab, **parameters, **options)
                key = (name, delta, least)
                row = (change["changed_share"], change["mean_ab_shift"], psnr(after, truth), cnr(after, truth))
                measured[key].append(row)
                map_of_classes = ColorGrid().encode(rgb_to_lab(after)[..., 1:])
                classes[key] += [len(np.unique(map_of_classes[mask])) for mask in inside]
    rows = []
    for key, values in measured.items():
        share, shift, decibels, ratio = (np.array(column) for column in zip(*values, strict=True))
        finite = decibels[np.isfinite(decibels)]
        kept = float(np.mean(classes[key])) if classes[key] else None
        numbers = (float(share.mean()), float(shift.mean()), kept, float(finite.mean()) if finite.size else None)
        row = (*key, len(values), *numbers, float(ratio.mean()), " and ".join(sorted(makers)))
        row += (" and ".join(sorted(origins[key[0]])),)
        rows.append(dict(zip(COLUMNS, row, strict=True)))
    return rows


def read_ablation(path: str | os.PathLike) -> list[dict]:
    """Read a CSV of rows of `ablate`; empty numbers become None. Raises CCCError for any other file."""
    words = ("colors", "segmenter", "ab")
    with reading(path, "not a table of `ccc ablate`", "make it again"):
        rows = read_rows(path, *COLUMNS)
        if not rows:
            raise ValueError("no rows")
        read = [
            {key: value if key in words else float(value) if value else None for key, value in row.items()}
            for row in rows
        ]
        for number, row in enumerate(read, 2):
            numbers = [value for value in row.values() if isinstance(value, float)]
            lacking = any(row[name] is None for name in COLUMNS if name not in OPTIONAL)
            if lacking or (row["delta"] is None) != (row["min_pixels"] is None) or not np.isfinite(numbers).all():
                raise ValueError(f"line {number} lacks numbers")
        for name in {row["colors"] for row in read}:
            if {row["delta"] is None for row in read if row["colors"] == name} != {True, False}:
                raise ValueError(f"{name} has no rows with and without harmonization")
        return read
