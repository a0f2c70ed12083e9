"""What the stored cells say of each method and metric, with how sure one can be of it."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ccc.metrics.registry import find
from ccc.report.cells import REFERENCES, VARIANTS, Cell, row_label, sorted_methods
from ccc.report.statistics import Comparison, Ranking, bootstrap_intervals, friedman, wilcoxon_against_best

SEED, CONFIDENCE, LEVEL = 0, 0.95, 0.05


@dataclasses.dataclass(frozen=True)
class Contest:
    """All methods of one dataset by one metric of single pictures, references left out.

    Methods are called by (method, variant). `comparison` is None for fewer than two methods or no picture that all
    have, `ranking` for fewer than three.
    """

    dataset: str
    metric: str
    comparison: Comparison | None
    ranking: Ranking | None


@dataclasses.dataclass(frozen=True)
class Figure:
    """One method, variant, dataset and metric.

    `value`: mean of the pictures' finite values, or that of the set; `low` and `high`: its 95% interval, BCa bootstrap
    of the mean or jackknife over pictures of the set; `best`: no other method has a better value over the pictures
    that all have; `tied`: best, or not significantly worse than the best (Wilcoxon, Holm-corrected `holm` at 0.05);
    `mean_rank`: over the pictures that all methods have. What does not exist is None; `reason` says why, or what to
    know of the value.
    """

    method: str
    variant: str
    dataset: str
    label: str
    metric: str
    title: str
    direction: str | None
    kind: str
    n: int
    infinite: int
    value: float | None
    median: float | None
    sd: float | None
    low: float | None
    high: float | None
    best: bool
    tied: bool
    p: float | None
    holm: float | None
    mean_rank: float | None
    reason: str


class Summary(NamedTuple):
    """`figures` in the tables' order of methods, variants, datasets and metrics; `contests` by (dataset, metric)."""

    figures: list[Figure]
    contests: dict[tuple[str, str], Contest]


def contests(cells: Sequence[Cell]) -> dict[tuple[str, str], Contest]:
    """Paired tests by (dataset, metric) for every metric of single pictures that has a direction."""
    found = {}
    for dataset in sorted({cell.dataset for cell in cells}):
        mine = [cell for cell in cells if cell.dataset == dataset and cell.method not in REFERENCES]
        for metric, direction in _directions(mine).items():
            rows = {cell.key[:2]: values for cell in mine if (values := cell.values(metric))}
            if direction and rows:
                best = _best(mine, metric, direction)
                found[dataset, metric] = Contest(dataset, metric, *_tests(rows, direction, best[0] if best else None))
    return found


def _directions(cells: Iterable[Cell]) -> dict[str, str | None]:
    return {name: direction for cell in cells for name, direction in cell.directions.items()}


def _best(cells: Sequence[Cell], metric: str, direction: str) -> list[tuple[str, str]]:
    """Methods and variants of the best value, in the order given."""
    values = _comparable(cells, metric)
    best = (min if direction == "lower" else max)(values.values(), default=None)
    return [key for key, value in values.items() if value == best]


def _comparable(cells: Sequence[Cell], metric: str) -> dict[tuple[str, str], float]:
    """What methods are compared by: their values, or means over the pictures for which all have a finite number.

    The latter where some lack one that others have, such as the PSNR of a picture that equals its truth: left out of
    that method's mean alone, its best pictures would count against it.
    """
    values = {cell.key[:2]: value for cell in cells if (value := cell.value(metric)) is not None}
    rows = {
        cell.key[:2]: {name: value for name, value in cell.values(metric).items() if np.isfinite(value)}
        for cell in cells
        if cell.key[:2] in values
    }
    common = set.intersection(*map(set, rows.values())) if rows else set()
    if not common or all(len(row) == len(common) for row in rows.values()):
        return values
    return {key: float(np.mean([row[name] for name in sorted(common)])) for key, row in rows.items()}


def _tests(rows, direction: str, best) -> tuple[Comparison | None, Ranking | None]:
    names = sorted(set.union(*(set(values) for values in rows.values())))
    table = {key: [values.get(name, np.nan) for name in names] for key, values in rows.items()}
    finite = np.isfinite(np.array(list(table.values()))).all(axis=0).any()
    comparison = wilcoxon_against_best(table, direction, best) if len(table) > 1 and finite and best in table else None
    return comparison, friedman(table, direction) if len(table) > 2 and finite else None


def summarize(cells: Sequence[Cell], order: Sequence[str] | None = None) -> Summary:
    """Figures of every cell and metric, and the tests behind them."""
    rank = {name: number for number, name in enumerate(sorted_methods(cells, order))}
    cells = sorted(cells, key=lambda cell: (rank[cell.method], VARIANTS.index(cell.variant), cell.dataset))
    tests, intervals = contests(cells), _intervals(cells)
    best = {
        (dataset, metric): _best(mine, metric, direction)
        for dataset in {cell.dataset for cell in cells}
        if (mine := [cell for cell in cells if cell.dataset == dataset and cell.method not in REFERENCES])
        for metric, direction in _directions(mine).items()
        if direction and sum(cell.value(metric) is not None for cell in mine) > 1
    }
    found = []
    for cell in cells:
        key, label = cell.key[:2], row_label(cells, cell.method, cell.variant)
        for metric in cell.metrics:
            contest = tests.get((cell.dataset, metric))
            comparison, ranking = (contest.comparison, contest.ranking) if contest else (None, None)
            value = cell.value(metric)
            first = cell.method not in REFERENCES and key in best.get((cell.dataset, metric), ())
            low, high = intervals.get((cell.key, metric)) or cell.interval.get(metric) or (None, None)
            facts = find(metric)
            found.append(
                Figure(
                    cell.method, cell.variant, cell.dataset, label, metric, facts.title, cell.directions[metric],
                    facts.kind, cell.n.get(metric, cell.images), cell.infinite.get(metric, 0), value,
                    cell.median.get(metric), cell.sd.get(metric), low, high, first,
                    first or bool(comparison and key in comparison.tied(LEVEL)),
                    comparison.p.get(key) if comparison else None, comparison.holm.get(key) if comparison else None,
                    ranking.mean_rank.get(key) if ranking else None, cell.reason(metric),
                )
            )  # fmt: skip
    return Summary(found, tests)


def _intervals(cells: Sequence[Cell]) -> dict[tuple, tuple[float, float]]:
    """Bootstrap intervals by (cell, metric), all rows of one length at once."""
    rows: dict[int, dict[tuple, list[float]]] = {}
    for cell in cells:
        for metric in cell.metrics:
            values = [value for value in cell.values(metric).values() if np.isfinite(value)]
            if len(values) > 1:
                rows.setdefault(len(values), {})[cell.key, metric] = values
    found = {}
    for same in rows.values():
        intervals = bootstrap_intervals(np.array(list(same.values())), CONFIDENCE, seed=SEED)
        found |= {key: tuple(map(float, interval)) for key, interval in zip(same, intervals, strict=True)}
    return found
