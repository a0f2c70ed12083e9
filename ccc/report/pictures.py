"""Pictures of the report: their place in its folder, and the data that pages need to show and sort them."""

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ccc.core.decode import picture_size
from ccc.core.errors import CCCError
from ccc.core.files import write_bytes
from ccc.metrics.registry import find
from ccc.report.previews import KINDS
from ccc.report.results import MethodResult, Results, format_value

BENCHMARK = "benchmark"  # the "method" of gray and true pictures
EXTRA = {  # columns of the metrics' CSV about harmonization
    "changed_share": "Share of pixels changed",
    "mean_ab_shift": "Mean shift in ab",
}


def link(source: Path, target: Path) -> None:
    """Make `target` a file of the same content: a hard link where the file system has them, else a copy.

    The project replaces files and never changes them in place, so the link keeps its content. Raises CCCError if
    `source` is missing.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise CCCError(f"{source}: missing, though its metrics exist; make it again") from None
    except OSError:
        write_bytes(target, source.read_bytes())


def columns_of(mine: Sequence[MethodResult]) -> list[dict]:
    """Columns of one dataset's pictures, from gray to truth; `mine`: its results in order.

    `measured`: key of the results whose numbers a column shows, None for the truth, and for gray where nothing measured
    it.
    """
    keys = {result.key for result in mine}
    gray = {"method": BENCHMARK, "variant": "gray", "label": "Gray"}
    truth = {"method": BENCHMARK, "variant": "truth", "label": "Truth", "measured": None}
    gray["measured"] = "gray/plain" if "gray/plain" in keys else None
    others = [r for r in mine if r.method != "gray"]  # the same pictures as the input
    results = [{"method": r.method, "variant": r.variant, "label": r.label, "measured": r.key} for r in others]
    return [column | {"key": f"{column['method']}/{column['variant']}"} for column in (gray, *results, truth)]


def folder_of(column: Mapping, dataset: str, results: Path) -> Path:
    """The folder of a column's pictures in the results."""
    if column["method"] == BENCHMARK:
        return results / "benchmarks" / dataset / column["variant"]
    return results / "colorized" / column["key"] / dataset


def collect(results: Results, dataset: str, source: Path, target: Path, most: int) -> list[str]:
    """Link pictures and previews of a dataset into `target`, as `<key>/<dataset>/<kind>/<name>`; returns the names.

    `source`: the folder of results; `most`: how many, the first by name. Raises CCCError where one is missing or has
    no measurement.
    """
    mine = results.on(dataset)
    columns = columns_of(mine)
    truth = folder_of(columns[-1], dataset, source)
    if not (names := sorted(path.stem for path in truth.glob("*.png"))[:most]):
        raise CCCError(
            f"{truth}: no pictures; the pages show those of a run, whose folder --results gives, with benchmarks/, "
            "colorized/ and previews/; without them use the tables of `ccc tables`"
        )
    for result in mine:
        measured = set(results.pictures(result).index)
        if measured and not measured.issuperset(names):
            raise CCCError(f"{result.key}/{dataset}: was measured on other pictures than the rest; evaluate it again")
    for column in columns:
        for name in names:
            base = target / column["key"] / dataset
            link(folder_of(column, dataset, source) / f"{name}.png", base / "picture" / f"{name}.png")
            for kind, suffix in KINDS.items():
                preview = source / "previews" / column["key"] / dataset / kind / f"{name}{suffix}"
                link(preview, base / kind / f"{name}{suffix}")
    return names


def page_data(results: Results, dataset: str, names: Sequence[str], folder: Path, rerun: str) -> dict:
    """Data for the script of a dataset's page: columns, names, metrics and values of every picture.

    `folder`: the report's pictures; `rerun`: the command that makes the run again. `values`: by column and metric, a
    number for each of `names`, None where it is not finite; `rows`: by column, the line of its CSV of each picture.
    """
    mine = results.on(dataset)
    columns, tables = columns_of(mine), {result.key: results.pictures(result) for result in mine}
    values, rows, metrics = {}, {}, {}
    for column in columns:
        table = tables.get(column["measured"])
        if table is None or table.empty:
            continue
        shown = table.reindex(names).replace([np.inf, -np.inf], np.nan).round(6)
        shown = shown.astype(object).where(shown.notna(), None).dropna(axis=1, how="all")
        values[column["key"]] = {metric: shown[metric].tolist() for metric in shown}
        rows[column["key"]] = (table.index.get_indexer(list(names)) + 2).tolist()
        metrics |= dict.fromkeys(shown)
    truth = folder / columns[-1]["key"] / dataset / "picture"
    shown = [
        column | {"source": source(column, dataset), "command": rerun_command(column, dataset, rerun)}
        for column in columns
    ]
    return {
        "dataset": dataset, "names": list(names), "sizes": [picture_size(truth / f"{name}.png") for name in names],
        "columns": shown, "metrics": list(map(_fact, metrics)), "values": values, "rows": rows,
        "suffixes": {"picture": ".png", **KINDS},
    }  # fmt: skip


def source(column: Mapping, dataset: str) -> str:
    """The folder of a column's pictures as a target of the workflow."""
    return folder_of(column, dataset, Path("results")).as_posix()


def rerun_command(column: Mapping, dataset: str, rerun: str) -> str:
    """The command that recomputes a column's pictures and everything that depends on them."""
    return f"{rerun} --forcerun {shlex.quote(source(column, dataset))}"


def _fact(metric: str) -> dict:
    if metric in EXTRA:
        return {"name": metric, "title": EXTRA[metric], "direction": None, "digits": 3}
    digits = len(format_value(metric, 1.0).partition(".")[2])
    return {"name": metric, "title": find(metric).title, "direction": find(metric).direction, "digits": digits}
