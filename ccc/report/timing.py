"""How long methods take, from Snakemake's benchmark files."""

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ccc.report.drawing import line, number, scale, svg, text, ticks
from ccc.report.lines import Line
from ccc.report.plots import Plot, to_csv


def read(folder: str | os.PathLike, lines: Sequence[Line]) -> dict[tuple[str, str], float]:
    """Seconds of a picture by method and dataset: the whole job, with start and loading, over its pictures.

    `folder`: holds `<method>/<dataset>.tsv` for the jobs that were timed; the others are left out.
    """
    found = {}
    for item in lines:
        cell = item.cell
        path = Path(folder) / cell.method / f"{cell.dataset}.tsv"
        if cell.variant == "plain" and path.is_file():
            with path.open(newline="") as file:
                rows = list(csv.DictReader(file, delimiter="\t"))
            found[cell.method, cell.dataset] = sum(float(row["s"]) for row in rows) / len(rows) / cell.images
    return found


def plot(timings: Mapping[tuple[str, str], float]) -> Plot:
    """Seconds of a picture by method; `timings`: as `read` gives them."""
    methods = sorted({method for method, _ in timings})
    datasets = sorted({dataset for _, dataset in timings})
    mean = {m: float(np.mean([timings[m, d] for d in datasets if (m, d) in timings])) for m in methods}
    across = scale(0, max(mean.values()) * 1.05 or 1, 190, 480)
    height = 18 * len(methods) + 34
    shapes = []
    for value in ticks(0, max(mean.values()) * 1.05 or 1):
        shapes += [
            line(across(value), 6, across(value), height - 26, "grid"),
            text(across(value), height - 10, number(value), "middle"),
        ]
    for place, method in enumerate(methods):
        y = 16 + 18 * place
        shapes += [
            text(182, y + 4, method, "end"),
            line(across(0), y, across(mean[method]), y, "bar"),
            text(across(mean[method]) + 6, y + 4, f"{mean[method]:.2f}"),
        ]
    return Plot(
        "timing", "Seconds for a picture", "", {"": svg(540, height, "seconds for a picture by method", shapes)},
        to_csv(["method", "dataset", "seconds_per_picture"], [[m, d, timings[m, d]] for m, d in sorted(timings)]),
    )  # fmt: skip
