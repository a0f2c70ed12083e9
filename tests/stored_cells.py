"""Cells as `ccc evaluate` writes them, made up, and the tables of them."""

import json

import numpy as np
import pandas

from ccc.metrics.registry import find
from ccc.report.cells import _BY_METRIC, Cell
from ccc.report.summary import read_results
from ccc.report.tables import build_tables

PICTURES = [f"p{i:02d}" for i in range(50)]
MISSING = "no weights: inception_fid is not at hand"


def write_cell(folder, method, variant, dataset, pictures=2, **changes):
    """One cell as `ccc evaluate` writes it; `changes` go into its JSON, a dict into the one that is there."""
    mean = {"mse": 0.005, "psnr": 24.0, "ssim": 0.9, "uiqi": 0.9, "cnr_256": 1.0, "lpips_alex": 0.2}
    data = {
        "format": "ccc-metrics-2", "images": pictures, "side": 256, "mean": mean, "median": dict(mean),
        "sd": dict.fromkeys(mean, 1.0), "n": dict.fromkeys(mean, pictures), "infinite": {}, "set": {}, "interval": {},
        "missing": {"fid_64": MISSING, "fid_2048_clean": MISSING}, "cautions": {}, "versions": dict.fromkeys(mean, 1),
        "directions": {name: find(name).direction for name in (*mean, "fid_64", "fid_2048_clean")}, "method": method,
        "variant": variant, "dataset": dataset, "title": method.title(), "notes": [],
        "segmenter": "felzenszwalb" if variant == "sam" else None,
    }  # fmt: skip
    for key, value in changes.items():
        data[key] = data[key] | value if isinstance(value, dict) else value
    data["missing"] = {name: reason for name, reason in data["missing"].items() if name not in data["set"]}
    path = folder / method / variant / f"{dataset}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))
    lines = ["name,width,height,psnr,cnr_256"] + [f"p{i},32,24,{20.5 + i},0.{5 + i}" for i in range(pictures)]
    path.with_suffix(".csv").write_text("\n".join(lines) + "\n")
    return path


def tables(folder, columns=None, **options):
    built = build_tables(read_results([folder], columns=columns, **options))
    return {table.number or table.name: table for table in built}


def column(table, title, group=""):
    """Values of the one column of that heading, by the label of the row."""
    found = [i for i, column in enumerate(table.columns) if column.title == title and column.group.startswith(group)]
    assert len(found) == 1, [(column.group, column.title) for column in table.columns]
    return {row.label: row.values[found[0]] for row in table.rows}


def cell(method, values, variant="plain", dataset="set", pictures=None, images=50, **changes):
    """A cell with the given values of its metrics, by name of the metric; `changes`: stored parts, by metric."""
    arrays = {name: np.asarray(column, dtype=float) for name, column in values.items()}
    finite = {name: found for name, column in arrays.items() if len(found := column[np.isfinite(column)])}
    parts = {
        "mean": {name: float(column.mean()) for name, column in finite.items()},
        "median": {name: float(np.median(column)) for name, column in finite.items()},
        "sd": {name: float(column.std(ddof=1)) for name, column in finite.items()},
        "n": {name: len(column) for name, column in finite.items()},
        "directions": {name: find(name).direction for name in values},
    } | changes  # fmt: skip
    stored = {name: {part: parts.get(part, {}).get(name) for part in _BY_METRIC} for name in parts["directions"]}
    frame = pandas.DataFrame(arrays).set_axis(PICTURES[: len(next(iter(arrays.values()), ()))]).rename_axis("name")
    frame = frame if pictures is None else frame[:pictures]
    return Cell(method, variant, dataset, method, None, (), (), images, stored, frame)
