"""From stored cells to results: order, labels, intervals, paired tests, cautions."""

import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas

from ccc.assets import PUBLISHED
from ccc.core.files import sha256
from ccc.core.stored import read_json, reading
from ccc.data import leakage as leaks
from ccc.metrics.registry import find
from ccc.report import published
from ccc.report.cells import SIZE, VARIANTS, Cell, read_cells
from ccc.report.differing import differing, lineage, packaged, said
from ccc.report.overview import read_model
from ccc.report.results import FLOORS, LEVEL, REFERENCES, VALUES, Contest, Estimate, MethodResult, Results, is_stand_in
from ccc.report.statistics import FEWEST, Comparison, Ranking, bootstrap_intervals, friedman, wilcoxon_against_best

SEED, CONFIDENCE = 0, 0.95
ELSEWHERE = "not known: no shards of the photographs of CCC's training were compared (`ccc leakage` does it)"
SHIPPED = "not known: the photographs of the packaged model's training are not shipped (docs/trained-model.md)"


def read_results(
    metrics: Iterable[str | os.PathLike],
    run: str = "benchmark",
    columns: Mapping[str, str | None] | None = None,
    not_run: Mapping[str, str] | None = None,
    titles: Mapping[str, str] | None = None,
    cautions: Mapping[str, str] | None = None,
    model: str | os.PathLike | None = None,
    harmonize: Mapping[str, str] | None = None,
    weights: Mapping[str, str | os.PathLike] | None = None,
    leakage: Iterable[str | os.PathLike] = (),
    interval: str = "bca",
) -> Results:
    """All results of a run, from its metric files.

    `metrics`, `titles`: as `read_cells` takes them; `columns`: by our dataset, the paper's column that it is compared
    with (ADE, Celeba, COCO, Ox. Flower, ImageNet; Fig. 9 for a `showcase` that holds the paper's pictures), or None;
    `not_run`: reasons by method without metrics; `cautions`: by dataset; `model`: file of `ccc train`, None for the
    packaged one where pictures name it; `harmonize`: all parameters of Algorithm 1, and `upsample`; `weights`: files by
    their user; `leakage`: files of `ccc leakage` about that model's photographs; `interval`: the `method` of
    `bootstrap_intervals`. Raises CCCError for an unreadable file and an unknown column.
    """
    columns = {name: paper for name, paper in (columns or {}).items() if paper is not None}
    published.check_columns(columns)
    cells = read_cells(metrics, titles)
    ran = {cell.method for cell in cells}
    if model is None and packaged(cells):
        model = PUBLISHED
    made = read_model(model) if model else {}
    found = summarize(cells, made, harmonize or {}, interval)
    compared = dict(map(_leakage, leakage))
    if before := made.get("started_from"):  # ImageNet, or another model's training
        compared = {
            name: f"{words}; not compared with what it started from, {before}" for name, words in compared.items()
        }
    unknown = SHIPPED if made.get("sha256") == sha256(PUBLISHED) else ELSEWHERE
    elsewhere = {name: unknown for name in found.datasets if model and name != published.SHOWCASE}
    return dataclasses.replace(
        found, run=run, columns=columns, cautions=dict(cautions or {}), leakage=elsewhere | compared,
        not_run={name: reason for name, reason in (not_run or {}).items() if name not in ran},
        weights={use: (Path(file).name, sha256(file)) for use, file in (weights or {}).items()},
    )  # fmt: skip


def _leakage(path: str | os.PathLike) -> tuple[str, str]:
    """Name of a benchmark and the findings of `ccc leakage`, in words. Raises CCCError for another file."""
    facts = read_json(path, "file of `ccc leakage`", "run it again", leaks.Leakage)
    with reading(path, "not what `ccc leakage` found", "run it again"):
        return facts["benchmark"], leaks.words(facts)


def summarize(
    cells: Sequence[Cell],
    model: Mapping[str, object] | None = None,
    harmonize: Mapping[str, str] | None = None,
    interval: str = "bca",
) -> Results:
    """Results of stored cells alone: estimates of every cell and metric, the tests behind them, and all values.

    `model`: as `read_model` gives it; `harmonize`: parameters of Algorithm 1; `interval`: as `bootstrap_intervals`
    takes its `method`.
    """
    model, harmonize = dict(model or {}), dict(harmonize or {})
    rank = {name: number for number, name in enumerate(sorted_methods(cells))}
    cells = sorted(cells, key=lambda cell: (rank[cell.method], VARIANTS.index(cell.variant), cell.dataset))
    intervals, found, contests = _intervals(cells, interval), {cell.key: {} for cell in cells}, []
    for dataset in sorted({cell.dataset for cell in cells}):
        mine = [cell for cell in cells if cell.dataset == dataset]
        for metric in dict.fromkeys(name for cell in mine for name in cell.stored):
            estimates, contest = _compare(mine, metric, intervals)
            for key, estimate in estimates.items():
                found[key][metric] = estimate
            contests += [contest] if contest else []
    plain = {(cell.method, cell.dataset): cell for cell in cells if cell.variant == "plain"}
    unlike = {cell.key: differing(cell, plain.get((cell.method, cell.dataset)), model, harmonize) for cell in cells}
    labels = {cell.key: _label(cells, cell) for cell in cells}
    methods = tuple(
        MethodResult(
            cell.method, cell.variant, cell.dataset, cell.title, labels[cell.key], cell.segmenter, cell.images,
            (*cell.notes, *lineage(cell, plain, model), *said(cell, unlike, labels), *_cautions(cell)),
            unlike[cell.key], {metric: found[cell.key][metric] for metric in cell.stored},
        )
        for cell in cells
    )  # fmt: skip
    columns = not_run = cautions = weights = {}
    protocols = {cell.dataset: cell.protocol for cell in cells if cell.protocol}
    return Results(
        "", methods, tuple(contests), columns, not_run, cautions, model, harmonize, weights, interval=interval,
        protocols=protocols, values=_long_form(cells),
    )  # fmt: skip


def sorted_methods(cells: Sequence[Cell]) -> list[str]:
    """Names of the cells' methods: the paper's in its order, others by name, references last."""
    papers = list(published.titles())

    def place(name: str) -> tuple:
        its = published.counterpart(name)
        return name in REFERENCES, papers.index(its) if its else len(papers), name

    return sorted({cell.method for cell in cells}, key=place)


def _cautions(cell: Cell) -> Iterator[str]:
    """Notes on a reference, and on harmonization with other means than the paper's."""
    if cell.method in REFERENCES:
        yield f"{REFERENCES[cell.method]}; never marked as best"
    if cell.variant == "sam" and is_stand_in(cell.segmenter):
        maker = cell.segmenter or "an unnamed segmenter"
        yield f"masks come from {maker}, which stands in for the paper's SAM"
    if cell.variant == "sam" and any(made.endswith("--ab picture") for made in cell.made):
        yield "Algorithm 1 had the a and b of 8-bit pictures: none of the method's own lay beside them"


def _label(cells: Sequence[Cell], cell: Cell) -> str:
    """Label of a method's variant: its title, with the segmenter's name if harmonized.

    Methods of equal title get their names in brackets; references are labelled as such.
    """
    label = cell.title
    if any(other.title == label and other.method != cell.method for other in cells):
        label += f" [{cell.method}]"
    if cell.variant == "sam":
        mine = [other for other in cells if (other.method, other.variant) == (cell.method, "sam")]
        label += " + " + " / ".join(sorted({other.segmenter or "unnamed segmenter" for other in mine}))
    return f"Reference: {label}" if cell.method in REFERENCES else label


def _compare(
    cells: Sequence[Cell], metric: str, intervals: Mapping[tuple, tuple[float, float]]
) -> tuple[dict[tuple, Estimate], Contest | None]:
    """One metric of all cells of a dataset: the estimates by cell, and the test, where it is one of single pictures."""
    mine = [cell for cell in cells if metric in cell.stored]
    methods = [cell for cell in mine if cell.method not in REFERENCES]
    direction = methods[-1].stored[metric]["directions"] if methods else None
    rows = pandas.DataFrame({cell.key: values for cell in methods if len(values := cell.values(metric))}).sort_index()
    best = _best(methods, metric, direction) if direction else []
    comparison, ranking = (
        _tests(rows, direction, best[0] if best else None) if direction and len(rows) else (None, None)
    )
    floors = {
        cell.key: _against_floors(cell, mine, metric, direction) for cell in methods if direction and cell.key in best
    }
    if sum(cell.value(metric) is not None for cell in methods) < 2:
        best = []
    tied = {*best, *(comparison.tied(LEVEL) if comparison else ())}
    estimates = {}
    for cell in mine:
        key, stored = cell.key, cell.stored[metric]
        low, high = intervals.get((key, metric)) or stored["interval"] or (None, None)
        value, reason = cell.value(metric), cell.reason(metric)
        estimates[key] = Estimate(
            metric, stored["directions"], str(stored["versions"] or ""),
            cell.images if stored["n"] is None else stored["n"],
            stored["infinite"] or 0, value, stored["median"], stored["sd"], low, high,
            best=key in best, tied=key in tied,
            p=comparison.p.get(key) if comparison else None, holm=comparison.holm.get(key) if comparison else None,
            mean_rank=ranking.mean_rank.get(key) if ranking else None,
            reason="" if value is not None else reason,
            caution="; ".join(filter(None, (reason, _beyond(cell, metric, mine)))) if value is not None else "",
            **floors.get(key, {}),
        )  # fmt: skip
    if not direction or rows.empty:
        return estimates, None
    tests = (comparison.pictures, len(comparison.holm)) if comparison else (0, 0)
    ranks = (len(ranking.mean_rank), ranking.statistic, ranking.p) if ranking else ()
    return estimates, Contest(cells[0].dataset, metric, *tests, *ranks)


def _against_floors(best: Cell, cells: Sequence[Cell], metric: str, direction: str) -> dict[str, Any]:
    """Fields of the best method's estimate: its tests against the references that are floors."""
    found: dict[str, Any] = {}
    for floor in (cell for cell in cells if cell.method in FLOORS and cell.variant == "plain"):
        rows = pandas.DataFrame({"best": best.values(metric), floor.method: floor.values(metric)}).sort_index()
        if rows.isna().all().any():  # not measured
            continue
        measured, beaten = _finite(rows.dropna()), False
        if 2.0 ** (1 - len(measured)) < LEVEL:  # the least p of so many pictures
            test = wilcoxon_against_best(measured.to_dict("list"), direction)
            (found[f"p_{floor.method}"],) = test.p.values()
            beaten = test.best == "best" and floor.method not in test.tied(LEVEL)
        if not beaten:
            found["not_better_than"] = (*found.get("not_better_than", ()), floor.method)
    return found


def _finite(rows: pandas.DataFrame) -> pandas.DataFrame:
    """Infinite values, such as the PSNR of a gray photograph's gray version, as ones beyond all differences."""
    values = rows.to_numpy()
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
    beyond = 2 * (high - low) + 1
    return rows.clip(low - beyond, high + beyond)


def _beyond(cell: Cell, metric: str, cells: Sequence[Cell]) -> str:
    """A caution about a CNR above 1 or above the oracle's; "" without one."""
    value, found = cell.value(metric), {other.key[:2]: other.value(metric) for other in cells}
    oracle = found.get(("oracle", "plain"))
    counts = metric.startswith("cnr") and not find(metric).range.startswith("0 to 1")  # no share of true classes
    if value is None or cell.method in REFERENCES or not counts:
        return ""
    if value > 1:
        return "above 1: more classes than the truth has, by noise"
    above = oracle is not None and value > oracle
    return f"above the oracle's {oracle:.3f}: more classes than the truth shows through 56x56 classes" if above else ""


def _best(cells: Sequence[Cell], metric: str, direction: str) -> list[tuple]:
    """Keys of the cells of the best value, in the order given."""
    values = _comparable(cells, metric)
    best = (min if direction == "lower" else max)(values.values(), default=None)
    return [key for key, value in values.items() if value == best]


def _comparable(cells: Sequence[Cell], metric: str) -> dict[tuple, float]:
    """The values by which methods are compared: their own, or means over the pictures where all are finite.

    The latter if only some have a finite value, such as the PSNR of a picture that equals its truth: leaving it out of
    that method's mean alone would count its best pictures against it.
    """
    values = {cell.key: value for cell in cells if (value := cell.value(metric)) is not None}
    rows = pandas.DataFrame({cell.key: cell.values(metric) for cell in cells if cell.key in values})
    finite = rows.replace([np.inf, -np.inf], np.nan).sort_index()
    common = finite.dropna()
    if common.empty or len(common) == len(finite.dropna(how="all")):
        return values
    return {key: float(np.mean(common[key].to_numpy())) for key in values}


def _tests(rows: pandas.DataFrame, direction: str, best: Any) -> tuple[Comparison | None, Ranking | None]:
    """Tests of values with a column per method; None for too few methods or no common picture."""
    table = {key: rows[key].tolist() for key in rows}
    finite = np.isfinite(rows).all(axis=1).any()
    comparison = wilcoxon_against_best(table, direction, best) if len(table) > 1 and finite and best in table else None
    return comparison, friedman(table, direction) if len(table) > 2 and finite else None


def _intervals(cells: Sequence[Cell], method: str) -> dict[tuple, tuple[float, float]]:
    """Bootstrap intervals by (cell, metric), all rows of one length at once."""
    rows: dict[int, dict[tuple, pandas.Series]] = {}
    for cell in cells:
        for metric in cell.stored:
            values = cell.values(metric)
            values = values[np.isfinite(values)]
            if len(values) >= (FEWEST if method == "bootstrap-t" else 2):
                rows.setdefault(len(values), {})[cell.key, metric] = values
    found = {}
    for same in rows.values():
        intervals = bootstrap_intervals(np.array(list(same.values())), CONFIDENCE, seed=SEED, method=method)
        found |= {key: tuple(map(float, interval)) for key, interval in zip(same, intervals, strict=True)}
    return found


def _long_form(cells: Sequence[Cell]) -> pandas.DataFrame:
    """Every stored value, in columns `VALUES`; those of whole sets have an empty image."""
    rows = []
    for cell in cells:
        front = (cell.method, cell.variant, cell.segmenter or "", cell.dataset)
        for metric in cell.pictures.columns.drop(SIZE, errors="ignore"):
            rows += [(*front, metric, name, value) for name, value in cell.values(metric).items()]
        sets = {metric: stored["set"] for metric, stored in cell.stored.items()}
        rows += [(*front, metric, "", value) for metric, value in sets.items() if value is not None]
    return pandas.DataFrame(rows, columns=list(VALUES)).astype(dict.fromkeys(VALUES[:-1], str) | {"value": float})
