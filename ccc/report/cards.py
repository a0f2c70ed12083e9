"""What the first page says: the best method of each dataset, how sure that is, its worst picture, what is missing."""

import base64
import math
from collections.abc import Sequence
from pathlib import Path

from ccc.metrics.registry import find
from ccc.report.cells import is_stand_in
from ccc.report.lines import Line, metrics_of, of_base
from ccc.report.pictures import rerun_command
from ccc.report.summary import LEVEL, Figure, Summary

HEADLINE = ("lpips_alex", "ciede2000", "cnr", "ssim", "psnr", "fid_64")  # rows of a card, as far as they are there
JUDGES = ("lpips_alex", "ciede2000", "psnr")  # by which a method's worst picture is chosen: the first that is there


def headline_metric(lines: Sequence[Line]) -> str:
    """The metric that the headline table shows first."""
    return next(filter(None, (of_base(lines, base) for base in HEADLINE)), metrics_of(lines)[0])


def card(lines: Sequence[Line], summary: Summary, dataset: str, names: Sequence[str], folder: Path, rerun: str) -> dict:
    """Facts about one dataset: by metric the best line, those tied with it, and how the others stand.

    `lines`: all of the run, `names`: of the pictures shown; `folder`: the report's, from which the thumbnails of the
    worst picture are taken into the page itself; `rerun`: the command that made the run.
    """
    mine = [line for line in lines if line.cell.dataset == dataset]
    rows = [row for base in HEADLINE if (row := _row(mine, summary, dataset, of_base(mine, base)))]
    shown = rows[0]["best"] if rows else mine[0]
    column = {"method": shown.cell.method, "variant": shown.cell.variant}
    return {
        "dataset": dataset, "count": mine[0].cell.images, "rows": rows, "worst": _worst(mine, rows, names, folder),
        "shown": shown, "rerun": rerun_command(column, dataset, rerun),
    }  # fmt: skip


def _row(mine: Sequence[Line], summary: Summary, dataset: str, metric: str | None) -> dict | None:
    ranked = [line for line in mine if metric and not line.is_reference and line.value(metric) is not None]
    if not ranked:
        return None
    ranked.sort(key=lambda line: line.value(metric), reverse=find(metric).direction == "higher")
    best = next((line for line in ranked if line.figures[metric].best), ranked[0])
    others = [line for line in ranked if line is not best]
    contest = summary.contests.get((dataset, metric))
    comparison = contest.comparison if contest else None
    tied = [line for line in others if line.figures[metric].tied]
    if not others:
        verdict = "no other method was run"
    elif comparison is None:
        verdict = "not tested: one figure for the whole set" if find(metric).kind == "set" else "not tested"
    elif comparison.too_few(LEVEL):
        verdict = f"cannot be told: {comparison.pictures} pictures are too few for a test of {len(ranked)} methods"
    elif rivals := [line for line in tied if line.cell.method != best.cell.method]:
        verdict = f"no: tied with {', '.join(line.label for line in rivals)}"
    elif tied and len(others) == len(tied):
        verdict = f"no other method was run; tied with its own variant {tied[0].label}"
    elif tied:
        verdict = f"yes, against each other method; tied with its own variant {tied[0].label}"
    else:
        largest = max(0.001, *comparison.holm.values())
        sure = f"(corrected p at most {largest:.3f})"
        if all(line.cell.method == best.cell.method for line in others):
            verdict = f"no other method was run; better than its own variant {others[0].label} {sure}"
        else:
            verdict = f"yes, against each of {len(others)} {sure}"
    return {
        "metric": find(metric), "best": best, "figure": best.figures[metric], "verdict": verdict,
        "beaten_by_gray": _gray_is_better(mine, metric, best.value(metric)),
    }  # fmt: skip


def _gray_is_better(mine: Sequence[Line], metric: str, value: float) -> Figure | None:
    """The figure of the gray pictures where it is better than `value`: wrong colours can cost more than none."""
    for line in mine:
        if line.key == "gray/plain" and line.value(metric) is not None:
            gray = line.value(metric)
            if gray < value if find(metric).direction == "lower" else gray > value:
                return line.figures[metric]
    return None


def _worst(mine: Sequence[Line], rows: Sequence[dict], names: Sequence[str], folder: Path) -> dict | None:
    """The picture, of those shown, on which the best method by the first judge does worst by that judge."""
    row = next((row for judge in JUDGES for row in rows if row["metric"].name == judge), None)
    if row is None:
        return None
    line, metric = row["best"], row["metric"]
    values = {name: value for name, value in line.cell.values(metric.name).items() if name in names}
    values = {name: value for name, value in values.items() if math.isfinite(value)}
    if not values:
        return None
    name = (max if metric.direction == "lower" else min)(values, key=values.get)
    shown = {"Gray": "benchmark/gray", line.label: line.key, "Truth": "benchmark/truth"}
    thumbnails = {
        label: _embedded(folder / "pictures" / key / line.cell.dataset / "thumbnail" / f"{name}.webp")
        for label, key in shown.items()
    }
    return {"name": name, "metric": metric, "value": values[name], "line": line, "thumbnails": thumbnails}


def by_method(lines: Sequence[Line]) -> list[tuple[Line, dict[str, Line]]]:
    """For each method and variant its first line, and its lines by dataset; in the order of the lines."""
    rows: dict[str, dict[str, Line]] = {}
    for line in lines:
        rows.setdefault(line.key, {})[line.cell.dataset] = line
    methods = [(next(iter(mine.values())), mine) for mine in rows.values()]
    return sorted(methods, key=lambda row: row[0].is_reference)


def _embedded(path: Path) -> str:
    return "data:image/webp;base64," + base64.b64encode(path.read_bytes()).decode()


def missing(lines: Sequence[Line]) -> list[tuple[str, str, list[str]]]:
    """Metrics without a value: title, reason, and the cells it is true of."""
    found: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        for metric, reason in line.cell.missing.items():
            found.setdefault((find(metric).title, reason), []).append(f"{line.label} on {line.cell.dataset}")
    return [(title, reason, cells) for (title, reason), cells in found.items()]


def stand_ins(lines: Sequence[Line]) -> list[str]:
    """Segmenters that stand in for SAM."""
    harmonized = [line.cell.segmenter for line in lines if line.cell.variant == "sam"]
    return sorted({str(segmenter) for segmenter in harmonized if is_stand_in(segmenter)})
