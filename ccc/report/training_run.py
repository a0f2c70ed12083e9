"""What the folder of `ccc train` tells: curves of its history."""

import csv
import os
from pathlib import Path

from ccc.report.drawing import axes, polyline, span, svg

HISTORY, PREVIEW = "history.csv", "preview.png"


def history(folder: str | os.PathLike) -> list[dict[str, float | None]]:
    """Rows of the training history; what is no number is None."""
    with open(Path(folder) / HISTORY, newline="") as file:
        return [{key: _number(value) for key, value in row.items()} for row in csv.DictReader(file)]


def _number(text: str | None) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def curves(folder: str | os.PathLike) -> list[tuple[str, str]]:
    """A small curve for each column of the history that has two numbers or more: its name and drawing."""
    rows = history(folder)
    drawings = []
    for name in [key for key in (rows[0] if rows else {}) if key not in ("step", "epoch")]:
        points = [(row["step"], row[name]) for row in rows if row[name] is not None]
        if len(points) < 2:
            continue
        across, up, shapes = axes(
            (points[0][0], points[-1][0]), span([value for _, value in points]), (48, 12, 320, 130), ("step", "")
        )
        shapes.append(polyline([(across(step), up(value)) for step, value in points], "series"))
        drawings.append((name.replace("_", " "), svg(330, 165, f"{name} by step", shapes)))
    return drawings
