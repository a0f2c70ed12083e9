"""Every table and every figure of a run, as files."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ccc.core.files import write_text, written_whole
from ccc.report.cells import VARIANTS, Cell, read_cells, sorted_methods
from ccc.report.formats import FORMATS, csv_text
from ccc.report.notes import notes_text
from ccc.report.overview import table_1, table_2
from ccc.report.summary import Contest, Figure, summarize
from ccc.report.tables import build_overall, build_tables

LONG = ("method", "variant", "segmenter", "dataset", "metric", "image", "value")
_FACTS = ("name", "width", "height")  # columns of a cell's CSV that are no figures
_FIGURE = (
    "method", "variant", "dataset", "label", "metric", "direction", "kind", "n", "infinite", "value", "median", "sd",
    "low", "high", "best", "tied", "p", "holm", "mean_rank", "reason",
)  # fmt: skip


def long_form(cells: Sequence[Cell], order: Sequence[str] | None = None) -> dict[str, list]:
    """Every stored figure, in columns: `LONG`; figures of whole sets have an empty image.

    Figures that could not be computed have no row: the tables say why.
    """
    rows = []
    rank = {name: number for number, name in enumerate(sorted_methods(cells, order))}
    for cell in sorted(cells, key=lambda cell: (rank[cell.method], VARIANTS.index(cell.variant), cell.dataset)):
        front = (cell.method, cell.variant, cell.segmenter or "", cell.dataset)
        for metric in dict.fromkeys(name for row in cell.pictures for name in row if name not in _FACTS):
            rows += [(*front, metric, name, value) for name, value in cell.values(metric).items()]
        rows += [(*front, metric, "", value) for metric, value in cell.set.items() if value is not None]
    return dict(zip(LONG, map(list, zip(*rows, strict=True)), strict=True)) if rows else {name: [] for name in LONG}


def write_tables(
    metrics: Sequence[str | os.PathLike],
    out_dir: str | os.PathLike,
    columns: Mapping[str, str | None],
    order: Sequence[str] | None = None,
    not_run: Mapping[str, str] | None = None,
    model: str | os.PathLike | None = None,
    harmonize: Mapping[str, object] | None = None,
    titles: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write all tables and figures into `out_dir`; return the paths.

    table_1 to table_7 and all_<dataset>, each as csv, md and tex; `results.csv` and `results.parquet`, every stored
    figure; `statistics.csv`, every cell with intervals and tests; `friedman.csv`, whether methods differ at all;
    `notes.md`. docs/metrics.md describes their columns. `metrics`, `titles`, `columns`, `order`, `not_run`: as
    `read_cells` and `build_tables` take them; `model`, `harmonize`: as `table_2` does. Equal input gives equal bytes.
    Raises CCCError for metrics that cannot be read, for a model that is none and for an unknown column of the paper.
    """
    cells, out_dir = read_cells(metrics, titles), Path(out_dir)
    summary = summarize(cells, order)
    tables = [table_1(), table_2(model, harmonize), *build_tables(cells, columns, order, not_run, summary)]
    tables += build_overall(cells, order, not_run, summary)
    results = long_form(cells, order)
    texts = {f"{table.name}.{suffix}": write(table) for table in tables for suffix, write in FORMATS.items()}
    texts |= {
        "results.csv": csv_text([LONG, *zip(*results.values(), strict=True)]),
        "statistics.csv": _statistics(summary.figures),
        "friedman.csv": _friedman(summary.contests),
        "notes.md": notes_text(tables),
    }
    for name, text in texts.items():
        write_text(out_dir / name, text)
    _write_parquet(out_dir / "results.parquet", results)
    return [out_dir / name for name in [*texts, "results.parquet"]]


def _statistics(figures: Sequence[Figure]) -> str:
    return csv_text([_FIGURE, *([_word(getattr(figure, name)) for name in _FIGURE] for figure in figures)])


def _friedman(found: Mapping[tuple, Contest]) -> str:
    head = ("dataset", "metric", "methods", "pictures", "statistic", "p")
    rows = [
        (*key, len(c.ranking.mean_rank), c.ranking.pictures, c.ranking.statistic, c.ranking.p)
        for key, c in found.items()
        if c.ranking
    ]
    return csv_text([head, *rows])


def _word(value):
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value


def _write_parquet(path: Path, columns: Mapping[str, list]) -> None:
    import pyarrow
    from pyarrow import parquet

    types = {name: pyarrow.float64() if name == "value" else pyarrow.string() for name in LONG}
    table = pyarrow.table({name: pyarrow.array(values, types[name]) for name, values in columns.items()})
    with written_whole(path) as aside:
        parquet.write_table(table, aside)
