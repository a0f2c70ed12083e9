"""Pictures of the report: where they lie in its folder, and what its pages need to show and sort them."""

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from ccc.core.errors import CCCError
from ccc.core.files import write_bytes
from ccc.metrics.registry import find
from ccc.report.cells import format_value
from ccc.report.lines import Line
from ccc.report.previews import KINDS

BENCHMARK = "benchmark"  # stands in the place of a method for the gray and true pictures


def link(source: Path, target: Path) -> None:
    """Make `target` a file of the same content: a hard link where the file system has them, else a copy.

    Files of this project are replaced, never changed in place, so the link keeps what was shown. Raises CCCError
    where `source` is missing.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise CCCError(f"{source}: is missing, though its metrics are there; make it again") from None
    except OSError:
        write_bytes(target, source.read_bytes())


def columns_of(lines: Sequence[Line]) -> list[dict]:
    """Columns of one dataset's pictures, from gray to truth; `lines`: its cells in order."""
    gray = {"method": BENCHMARK, "variant": "gray", "label": "Gray"}
    truth = {"method": BENCHMARK, "variant": "truth", "label": "Truth"}
    cells = [
        {"method": line.cell.method, "variant": line.cell.variant, "label": line.label}
        for line in lines
        if line.cell.method != "gray"  # the same pictures as the input
    ]
    return [column | {"key": f"{column['method']}/{column['variant']}"} for column in (gray, *cells, truth)]


def folder_of(column: Mapping, dataset: str, results: Path) -> Path:
    """Where a column's pictures lie among the results."""
    if column["method"] == BENCHMARK:
        return results / "benchmarks" / dataset / column["variant"]
    return results / "colorized" / column["method"] / column["variant"] / dataset


def previews_of(column: Mapping, dataset: str, results: Path) -> Path:
    """Where a column's previews lie among the results."""
    return results / "previews" / column["method"] / column["variant"] / dataset


def collect(columns: Sequence[Mapping], names: Sequence[str], dataset: str, results: Path, target: Path) -> None:
    """Link pictures and previews of a dataset into `target`, as `<key>/<dataset>/<kind>/<name>`."""
    for column in columns:
        for name in names:
            base = target / column["key"] / dataset
            link(folder_of(column, dataset, results) / f"{name}.png", base / "picture" / f"{name}.png")
            for kind, suffix in KINDS.items():
                link(previews_of(column, dataset, results) / kind / f"{name}{suffix}", base / kind / f"{name}{suffix}")


def page_data(lines: Sequence[Line], names: Sequence[str], columns: Sequence[Mapping], rerun: str) -> dict:
    """What the script of a dataset's page reads: columns, names, metrics and every picture's values.

    `values`: by column and metric, a number for each of `names`, None where it is not finite; `rows`: by column, the
    line of its CSV on which each picture stands.
    """
    dataset = lines[0].cell.dataset
    values: dict[str, dict[str, list]] = {}
    rows: dict[str, list[int]] = {}
    metrics: list[str] = []
    for line in lines:
        by_name = {row["name"]: (number, row) for number, row in enumerate(line.cell.pictures, 2)}
        if any(name not in by_name for name in names):
            raise CCCError(f"{line.key}/{dataset}: was measured on other pictures than the rest; evaluate it again")
        rows[line.key] = [by_name[name][0] for name in names]
        values[line.key] = {}
        for metric in line.cell.pictures[0]:
            if metric in ("name", "width", "height"):
                continue
            found = [_number(by_name[name][1][metric]) for name in names]
            if any(value is not None for value in found):
                values[line.key][metric] = found
                metrics += [metric] if metric not in metrics else []
    return {
        "dataset": dataset,
        "names": list(names),
        "sizes": [_size(lines[0].cell.pictures, name) for name in names],
        "columns": [
            {**column, "source": source(column, dataset), "command": rerun_command(column, dataset, rerun)}
            for column in columns
        ],
        "metrics": [_fact(metric) for metric in metrics],
        "values": values,
        "rows": rows,
        "suffixes": {"picture": ".png", **KINDS},
    }  # fmt: skip


def source(column: Mapping, dataset: str) -> str:
    """Where the run keeps a column's pictures, as its commands name it."""
    return folder_of(column, dataset, Path("results")).as_posix()


def rerun_command(column: Mapping, dataset: str, rerun: str) -> str:
    """The command that makes a column's pictures again, and all that depends on them."""
    return f"{rerun} --forcerun {shlex.quote(source(column, dataset))}"


def _size(pictures: Sequence[Mapping], name: str) -> tuple[int, int]:
    row = next(row for row in pictures if row["name"] == name)
    return int(row["width"]), int(row["height"])


def _number(text: str) -> float | None:
    value = float(text) if text else float("nan")
    return round(value, 6) if abs(value) < float("inf") else None


EXTRA = {  # columns of the metrics' CSV that say what harmonization did
    "changed_share": "Share of pixels changed",
    "mean_ab_shift": "Mean shift in ab",
}


def _fact(metric: str) -> dict:
    if metric in EXTRA:
        return {"name": metric, "title": EXTRA[metric], "direction": None, "digits": 3}
    digits = len(format_value(metric, 1.0).partition(".")[2])
    return {"name": metric, "title": find(metric).title, "direction": find(metric).direction, "digits": digits}
