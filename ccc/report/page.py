"""The report: a folder of static pages that opens from disk and needs nothing outside it."""

import dataclasses
import functools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import jinja2

from ccc.codebook import Codebook
from ccc.core.files import folder_aside, put_folder, sha256, write_json, write_text
from ccc.metrics.registry import FORMAT, find
from ccc.report import cards, plots, timing, training_run
from ccc.report.cells import Cell, read_cells
from ccc.report.codebook import describe, draw
from ccc.report.formats import csv_text
from ccc.report.layout import Table
from ccc.report.lines import datasets_of, interval, lines_of, metrics_of, of_base, text
from ccc.report.overview import table_1, table_2
from ccc.report.pictures import BENCHMARK, collect, columns_of, link, page_data, previews_of
from ccc.report.previews import ERROR_STOPS, LARGEST_ERROR, read_counts
from ccc.report.summary import Figure, summarize
from ccc.report.tables import build_tables
from ccc.report.training_data import training_data

PARTS = ("pictures", "data")  # folders of the report that are made again with every page


def write_report(
    folder: str | os.PathLike,
    run: str,
    metrics: Sequence[str | os.PathLike],
    results: str | os.PathLike,
    *,
    columns: Mapping[str, str] | None = None,
    not_run: Mapping[str, str] | None = None,
    model: str | os.PathLike | None = None,
    harmonize: Mapping[str, object] | None = None,
    titles: Mapping[str, str] | None = None,
    codebook: str | os.PathLike | None = None,
    training: str | os.PathLike | None = None,
    shards: Sequence[str | os.PathLike] = (),
    timings: str | os.PathLike | None = None,
    weights: Mapping[str, str | os.PathLike] | None = None,
    max_pictures: int = 50,
    rerun: str = "snakemake --cores all",
    provenance: Mapping[str, str] | None = None,
    progress=iter,
) -> Path:
    """Write the pages with `pictures/` and `data/` beside them into `folder`; return the path of `index.html`.

    `run`: its name; `metrics`: JSON files of `ccc evaluate`; `results`: the folder with `benchmarks`, `colorized`,
    `previews` and `index`; `columns`, `not_run`, `model`, `harmonize`, `titles`: see `ccc.report.results.write_tables`;
    `codebook`: of `ccc codebook`; `training`: folder of `ccc train`; `shards`: tars of `ccc shard`, whose numbers are
    told; `timings`: folder of Snakemake's benchmark files, `<method>/<dataset>.tsv`, as far as there are any;
    `weights`: files of weights by what uses them, whose checksums are told; `max_pictures`: how many of each dataset
    are shown, the first by name; `rerun`: the command that made the run; `provenance`: facts about this moment and
    machine, the only part that differs between equal runs. Raises CCCError where a picture of a cell is missing.
    """
    folder, results, cells = Path(folder), Path(results), read_cells(metrics, titles)
    summary = summarize(cells)
    lines = lines_of(cells, summary)
    book = Codebook.load(codebook) if codebook else None
    with folder_aside(folder) as aside:
        shown = _collect(lines, results, aside, max_pictures, progress)
        drawn = _plots(lines, book, results, timings)
        _write_data(aside / "data", cells, training, codebook, book, drawn)
        for part in PARTS:
            put_folder(aside / part, folder / part)

    common = {
        "run": run, "lines": lines, "datasets": datasets_of(lines), "metrics": metrics_of(lines), "find": find,
        "rerun": rerun, "shown": shown, "harmonization": (folder / "harmonization.html").is_file(),
        "book": describe(book) if book else None,
    }  # fmt: skip
    render = functools.partial(_render, folder, common)
    render(
        "index.html",
        cards=[cards.card(lines, summary, dataset, shown[dataset], folder, rerun) for dataset in common["datasets"]],
        grouped=cards.by_method(lines), missing=cards.missing(lines), not_run=not_run or {},
        stand_ins=cards.stand_ins(lines), headline=cards.headline_metric(lines), provenance=dict(provenance or {}),
        weights=[(use, Path(file).name, sha256(file)) for use, file in (weights or {}).items()],
    )  # fmt: skip
    tables = [table_1(), table_2(model, harmonize), *build_tables(cells, columns or {}, None, not_run, summary)]
    render("tables.html", tables=tables)
    _render_plots(render, drawn, training, training_data(results, shards))
    _render_pictures(render, folder, lines, shown, rerun)
    return folder / "index.html"


def _render_plots(render, drawn, training, data) -> None:
    curves = training_run.curves(training) if training else []
    symbols = plots.class_symbol()
    render("plots.html", plots=drawn, symbols=symbols, curves=curves, training=bool(training), training_data=data)


def _write_data(data: Path, cells, training, codebook, book, drawn) -> None:
    """Fill `data` with what the pages show: stored metrics, training, codebook, and the numbers behind the plots."""
    for cell in cells:
        _write_cell(cell, data / "metrics" / cell.method / cell.variant / f"{cell.dataset}.json")
    if training:
        for name in (training_run.HISTORY, training_run.PREVIEW):
            link(Path(training) / name, data / "training" / name)
    if codebook:
        link(Path(codebook), data / "codebook.json")
        draw(book, data / "codebook.svg")
    for plot in (plot for group in drawn.values() for plot in group):
        write_text(data / "plots" / f"{plot.name}.csv", plot.data)


def _write_cell(cell: Cell, path: Path) -> None:
    """All families of a cell as one JSON with its CSV beside it; `read_cells` takes them."""
    facts = {field.name: getattr(cell, field.name) for field in dataclasses.fields(cell) if field.name != "pictures"}
    write_json(path, {"format": FORMAT} | facts)
    write_text(path.with_suffix(".csv"), csv_text([list(cell.pictures[0]), *(row.values() for row in cell.pictures)]))


def _render_pictures(render, folder: Path, lines, shown: Mapping[str, Sequence[str]], rerun: str) -> None:
    """One page of pictures for each dataset; those of datasets that are gone go too."""
    for stale in folder.glob("pictures-*.html"):
        stale.unlink()
    for dataset in datasets_of(lines):
        mine = [line for line in lines if line.cell.dataset == dataset]
        data = page_data(mine, shown[dataset], columns_of(mine), rerun)
        render(
            "pictures.html", f"pictures-{dataset}.html", dataset=dataset, data=data, count=mine[0].cell.images,
            error_stops=ERROR_STOPS, largest_error=LARGEST_ERROR,
        )  # fmt: skip


def column_facts(table: Table) -> list[Figure | None]:
    """For each column a figure of the same dataset and metric, as far as the table shows any.

    Published columns and differences follow ours of the same metric in their group.
    """
    facts: list[Figure | None] = []
    for group in table.groups:
        last = None
        for _ in group.columns:
            place = len(facts)
            last = next((row.values[place].figure for row in table.rows if row.values[place].figure), last)
            facts.append(last)
    return facts


def _collect(lines, results: Path, target: Path, most: int, progress) -> dict[str, list[str]]:
    """Link the pictures of every dataset into `target/pictures`; returns the names shown by dataset."""
    shown = {}
    for dataset in progress(datasets_of(lines)):
        mine = [line for line in lines if line.cell.dataset == dataset]
        names = sorted(row["name"] for row in mine[0].cell.pictures)[:most]
        collect(columns_of(mine), names, dataset, results, target / "pictures")
        shown[dataset] = names
    return shown


def _plots(lines, book, results: Path, timings) -> dict[str, list[plots.Plot]]:
    drawn = {"metrics": [plots.dot_plot(lines, metric) for metric in metrics_of(lines)]}
    x, y = of_base(lines, "psnr"), of_base(lines, "cnr")
    drawn["trade_off"] = [plots.trade_off(lines, x, y)] if x and y else []
    drawn["gamut"] = []
    for dataset in datasets_of(lines):
        mine = [line for line in lines if line.cell.dataset == dataset]
        truth = read_counts(previews_of({"method": BENCHMARK, "variant": "truth"}, dataset, results))
        counts = {
            line.label: read_counts(results / "previews" / line.key / dataset)
            for line in mine
            if line.cell.method != "gray"
        }
        drawn["gamut"].append(plots.occupancy(counts, truth, dataset))
    drawn["codebook"] = [plots.balance(book)] if book else []
    seconds = timing.read(timings, lines) if timings else {}
    drawn["timing"] = [timing.plot(seconds)] if seconds else []
    return drawn


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ccc.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    static = Path(__file__).with_name("static")
    environment.globals["column_facts"] = column_facts
    environment.globals["static"] = lambda name: (static / name).read_text(encoding="utf-8")
    environment.filters |= {"text": text, "interval": interval}
    environment.filters["url"] = lambda text: quote(text, safe="/")
    return environment


def _render(folder: Path, common: Mapping, template: str, target: str | None = None, **values) -> None:
    page = _environment().get_template(template).render(**common, **values, page=target or template)
    write_text(folder / (target or template), page)
