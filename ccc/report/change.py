"""What harmonization changes: each method's harmonized pictures against its plain ones."""

import itertools
from collections.abc import Iterator, Sequence
from operator import itemgetter

import numpy as np
import pandas

from ccc.report.results import LEVEL, MethodResult, Results
from ccc.report.statistics import FEWEST, bootstrap_intervals, holm, signed_ranks

COLUMNS = ["dataset", "metric", "method", "pictures", "before", "after", "difference", "low", "high", "p", "holm",
           "outcome"]  # fmt: skip


def changes(results: Results) -> pandas.DataFrame:
    """A row for each metric of the methods that have both variants on a dataset, in columns `COLUMNS`.

    `before`, `after`: means over the `pictures` that have a finite value of both, or values of the whole set (pictures
    0); `difference`: of the two, with its 95% interval `low` to `high`; `p`: of the paired Wilcoxon test over the
    pictures that changed, `holm`: corrected for the methods of a dataset; `outcome`: "better" or "worse" where it is
    significant in mean and ranks, "alike" where not, "same" where nothing changed, "few" where so few changed that
    nothing could be significant, "untested" for a metric of sets or without direction. Missing numbers are None.
    """
    plain = {(r.method, r.dataset): r for r in results.methods if r.variant == "plain"}
    both = [(before, r) for r in results.methods if r.variant == "sam" and (before := plain.get((r.method, r.dataset)))]
    rows = []
    for dataset in results.datasets:
        mine = [(*pair, *map(results.pictures, pair)) for pair in both if pair[0].dataset == dataset]
        rows += [row for metric in results.metrics for pair in mine if (row := _change(metric, *pair))]
    _add_intervals(rows, results.interval)
    _add_tests(rows)
    for _, alike in itertools.groupby(rows, itemgetter("dataset", "metric")):
        _judge(list(alike))
    return pandas.DataFrame(rows, columns=COLUMNS)


def _change(
    metric: str, before: MethodResult, after: MethodResult, old: pandas.DataFrame, new: pandas.DataFrame
) -> dict:
    """One row without interval and test, and what these need; {} where a value is missing.

    `old`, `new`: values by picture.
    """
    row: dict = {"dataset": before.dataset, "metric": metric, "method": before.method, "pictures": 0}
    row |= {"before": before.value(metric), "after": after.value(metric), "each": np.empty(0)}
    if row["before"] is None or row["after"] is None:
        return {}
    if metric in old and metric in new:
        values = pandas.concat([old[metric], new[metric]], axis=1).to_numpy()
        values = values[np.isfinite(values).all(axis=1)]
        if not len(values):
            return {}
        row["pictures"], row["each"] = len(values), values[:, 1] - values[:, 0]
        row["before"], row["after"] = values.mean(axis=0).tolist()
    row["sign"] = {"higher": 1, "lower": -1, None: 0}[before.estimates[metric].direction]
    gained = row["sign"] * row["each"]
    return row | {"difference": row["after"] - row["before"], "changed": gained[gained != 0]}


def _of_one_length(rows: Sequence[dict], name: str, least: int) -> Iterator[tuple[list[dict], np.ndarray]]:
    """Rows whose `name` has one length, `least` or more, and these values as a table."""
    found = sorted((row for row in rows if len(row[name]) >= least), key=lambda row: len(row[name]))
    for _, alike in itertools.groupby(found, lambda row: len(row[name])):
        same = list(alike)
        yield same, np.array([row[name] for row in same])


def _add_intervals(rows: Sequence[dict], method: str) -> None:
    """Set `low` and `high` of the mean difference."""
    for same, table in _of_one_length(rows, "each", FEWEST if method == "bootstrap-t" else 2):
        for row, (low, high) in zip(same, bootstrap_intervals(table, method=method).tolist(), strict=True):
            row |= {"low": low, "high": high}


def _add_tests(rows: Sequence[dict]) -> None:
    """Set `p` and `favoured`, whether the ranks speak for harmonization, of rows with pictures that changed."""
    for same, table in _of_one_length(rows, "changed", 1):
        _, p, favoured_by_ranks = signed_ranks(table)
        for row, own_p, favoured in zip(same, p.tolist(), favoured_by_ranks.tolist(), strict=True):
            row |= {"p": own_p, "favoured": favoured}


def _judge(rows: Sequence[dict]) -> None:
    """Set `holm` and `outcome` of the rows of one dataset and metric."""
    corrected = holm({row["method"]: row["p"] for row in rows if "p" in row})
    for row in rows:
        gain = row["difference"] * row["sign"]
        least = 2.0 ** (1 - len(row["changed"]))  # the smallest p of so many pictures
        row["holm"] = corrected.get(row["method"])
        if row["holm"] is None:
            row["outcome"] = "untested" if row["difference"] else "same"
        elif least < LEVEL and row["holm"] < LEVEL and gain and row["favoured"] == (gain > 0):
            row["outcome"] = "better" if gain > 0 else "worse"
        else:
            row["outcome"] = "few" if least * len(corrected) >= LEVEL else "alike"
