"""The report: a folder of static, self-contained pages that open from disk."""

import base64
import dataclasses
import functools
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import jinja2

from ccc.codebook import Codebook
from ccc.core.errors import CCCError
from ccc.core.files import folder_aside, put_folder, write_json, write_text
from ccc.core.latex import CODE
from ccc.metrics.field import PROTOCOLS
from ccc.metrics.registry import find
from ccc.report import field, front, harmonization, plots
from ccc.report.classes import true_classes
from ccc.report.codebook import describe, draw
from ccc.report.formats import all_tables
from ccc.report.pictures import collect, columns_of, link, page_data, rerun_command
from ccc.report.previews import ERROR_STOPS, LARGEST_ERROR, read_counts
from ccc.report.results import Results, format_value
from ccc.report.training_data import training_data
from ccc.settings.evaluation import Report
from ccc.settings.training import Recipe

Name = str | os.PathLike  # of a file or folder
PARTS = ("data", "pictures")  # folders that are rewritten with every report
SOME = ("field.html", "harmonization.html")  # pages that not every report has
OWN = "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; script-src "  # begins a page's policy
POLICY = "the policy of this page"  # placeholder in the template until the scripts are rendered
HISTORY, PREVIEW = "history.csv", "preview.png"  # of a folder of `ccc train`


def write_report(
    summary: str | os.PathLike,
    folder: str | os.PathLike,
    source: str | os.PathLike = "results",
    *,
    codebook: str | os.PathLike | None = None,
    training: str | os.PathLike | None = None,
    shards: Sequence[str | os.PathLike] = (),
    comparisons: Sequence[str | os.PathLike] = (),
    ablations: Sequence[str | os.PathLike] = (),
    max_pictures: int = Report().pictures,
    rerun: str = "snakemake --cores all",
    provenance: Mapping[str, str] | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
) -> Path:
    """Write the pages with `pictures/` and `data/` beside them into `folder`; return the path of `index.html`.

    `summary`: of `ccc tables`; `source`: the folder with `benchmarks`, `colorized`, `previews`, `index` and, where jobs
    were timed, `timings`; `codebook`: of `ccc codebook`; `training`: folder of `ccc train`; `shards`: tars of
    `ccc shard`, for the table of training data; `comparisons`, `ablations`: of `ccc compare` and `ccc ablate`, see
    `ccc.report.harmonization`; `max_pictures`: how many of each dataset are shown; `rerun`: the command that made the
    run; `provenance`: what differs between equal runs, such as the date. Raises CCCError where a picture is
    missing, or where `folder` holds an index.html, `pictures/` or `data/` that no report wrote.
    """
    folder, source, results = Path(folder), Path(source), Results.read(summary)
    book = Codebook.load(codebook) if codebook else None
    _refuse_others(folder)
    harmonized = harmonization.content(results, folder, comparisons, ablations)
    photographs = training_data(source, shards)
    curves = list(plots.training_curves(Path(training) / HISTORY)) if training else []
    with folder_aside(folder) as scratch:
        shown = {name: collect(results, name, source, scratch / "pictures", max_pictures) for name in results.datasets}
        drawn = _plots(results, book, source)
        _write_data(scratch / "data", results, training, codebook, book, drawn)
        for part in progress(PARTS):
            put_folder(scratch / part, folder / part)

    theirs = field.sections(results, tables := all_tables(results))
    common = {
        **{name: getattr(results, name) for name in ("run", "datasets", "metrics")}, "results": results, "shown": shown,
        "rerun": rerun, "harmonization": bool(harmonized), "field": bool(theirs), "book": book and describe(book),
        **{f.__name__: f(results) for f in (front.stand_in_masks, front.interval_words, front.headline_metrics)},
    }  # fmt: skip
    render = functools.partial(_render, folder, written := set(), common)
    _render_front(render, results, shown, rerun, provenance or {})
    render("tables.html", tables=[table for table in tables if table.number])
    if theirs:
        render("field.html", tables=theirs, protocols=PROTOCOLS)
    render(
        "plots.html", plots=drawn, training=bool(training), training_data=photographs, curves=curves,
    )  # fmt: skip
    render("classes.html", classes={name: true_classes(results, name, shown[name]) for name in results.datasets})
    if harmonized:
        render("harmonization.html", **harmonized)
    _render_pictures(render, results, shown, folder / "pictures", rerun)
    for stale in {*folder.glob("pictures-*.html"), *(folder / name for name in SOME)} - written:  # of an earlier run
        stale.unlink(missing_ok=True)
    return folder / "index.html"


def _render_front(render: Callable, results: Results, shown: Mapping, rerun: str, provenance: Mapping) -> None:
    headline = front.headline_metrics(results)
    matrix = {(m, d): front.verdict(results, d, m) for m in results.metrics for d in results.datasets}
    strips = {dataset: front.strip(results, dataset, shown[dataset]) for dataset in results.datasets}
    best = {d: next(filter(None, (matrix[m, d] for m in headline)), None) for d in results.datasets}
    again = {
        dataset: (won["best"], rerun_command({"method": won["best"].method, "key": won["best"].key}, dataset, rerun))
        for dataset, won in best.items()
        if won
    }
    render(
        "index.html", matrix=matrix, strips=strips, again=again, missing=front.missing(results),
        grouped=front.by_method(results), brief=front.brief_labels(results), provenance=dict(provenance),
        cautions={metric: front.cautions(results, metric, matrix) for metric in results.metrics},
    )  # fmt: skip


def _render_pictures(render: Callable, results: Results, shown: Mapping, folder: Path, rerun: str) -> None:
    for dataset in results.datasets:
        render(
            "pictures.html", f"pictures-{dataset}.html", dataset=dataset, count=results.on(dataset)[0].images,
            data=page_data(results, dataset, shown[dataset], folder, rerun),
            error_stops=ERROR_STOPS, largest_error=LARGEST_ERROR,
        )  # fmt: skip


def _write_data(
    data: Path, results: Results, training: Name | None, codebook: Name | None, book: Codebook | None, drawn: Mapping
) -> None:
    """Fill `data` with the sources of the pages: metrics of every cell, training, codebook, data of the plots."""
    for result in results.methods:
        path = data / "metrics" / result.key / f"{result.dataset}.json"
        write_json(path, dataclasses.asdict(result))
        write_text(path.with_suffix(".csv"), results.pictures(result).to_csv())
    if training:
        for name in (HISTORY, PREVIEW):
            link(Path(training) / name, data / "training" / name)
    if codebook and book:
        link(Path(codebook), data / "codebook.json")
        draw(book, data / "codebook.svg")
    for plot in (plot for group in drawn.values() for plot in group):
        write_text(data / "plots" / f"{plot.name}.csv", plot.data.to_csv(index=False))


def _plots(results: Results, book: Codebook | None, source: Path) -> dict[str, list[plots.Plot]]:
    drawn = {"metrics": [plots.dot_plot(results, metric) for metric in results.metrics]}
    x, y = results.named("psnr"), results.named("cnr")
    drawn["trade_off"] = [plots.trade_off(results, x, y)] if x and y else []
    drawn["gamut"] = []
    for dataset in results.datasets:
        _, *columns, truth = columns_of(results.on(dataset))
        places = {c["label"]: source / "previews" / c["key"] / dataset for c in (truth, *columns)}
        drawn["gamut"].append(plots.occupancy({label: read_counts(place) for label, place in places.items()}, dataset))
    upsilon = results.model.get("upsilon", Recipe().upsilon)
    drawn["codebook"] = [plots.balance(book, upsilon)] if book else []
    timings = plots.read_timings(source / "timings", results)
    drawn["timing"] = [plots.timing(timings, results)] if len(timings) else []
    return drawn


def _static(name: str) -> str:
    return Path(__file__).with_name("static").joinpath(name).read_text(encoding="utf-8")


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ccc.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {  # ty: ignore[unsupported-operator]  jinja2 annotates only its own
        "static": _static, "policy": POLICY, "find": find, "digits": format_value,
    }  # fmt: skip
    environment.filters["url"] = lambda text: quote(text, safe="/")
    environment.filters["code"] = lambda text: CODE.sub(r"<code>\1</code>", str(text))
    return environment


def _render(
    folder: Path, written: set[Path], common: Mapping, template: str, target: str | None = None, **values
) -> None:
    path = folder / (target or template)
    page = _environment().get_template(template).render(**common, **values, page=path.name)
    write_text(path, page.replace(POLICY, _policy(page), 1))
    written.add(path)


def _policy(page: str) -> str:
    """Content security policy of a page: its own scripts by checksum, inline styles, and local pictures only."""
    scripts = re.findall("<script>(.*?)</script>", page, re.DOTALL)  # input texts are escaped and contain none
    digests = sorted({base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts})
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
    return OWN + allowed


def _refuse_others(folder: Path) -> None:
    """Raise CCCError if `folder` holds files that a report would replace, and no earlier report."""
    found, page = [name for name in (*PARTS, "index.html") if (folder / name).exists()], folder / "index.html"
    own = page.is_file() and OWN in page.read_text(encoding="utf-8", errors="replace")
    if found and not own and not (folder / "data/metrics").is_dir():
        raise CCCError(
            f"{folder}: holds {' and '.join(found)}, not of `ccc report`; write to another folder, or remove them"
        )
