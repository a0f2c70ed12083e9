"""What harmonization changes: each method's harmonized pictures against its plain ones."""

import itertools
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
    0); `difference`: of the two, with its 95% interval `low` to `high`; `p`: of the paired Wilcoxon test, `holm`:
    corrected for the methods of a dataset; `outcome`: "better" or "worse" where it is significant in mean and ranks,
    "alike" where not, "same" where no value changed, "few" where so few pictures can show nothing, "untested" for a
    metric of sets or without direction. Missing numbers are None.
    """
    plain = {(r.method, r.dataset): r for r in results.methods if r.variant == "plain"}
    both = [(before, r) for r in results.methods if r.variant == "sam" and (before := plain.get((r.method, r.dataset)))]
    rows = []
    for dataset in results.datasets:
        mine = [(*pair, *map(results.pictures, pair)) for pair in both if pair[0].dataset == dataset]
        rows += [row for metric in results.metrics for pair in mine if (row := _change(metric, *pair))]
    for pictures, alike in itertools.groupby(sorted(rows, key=itemgetter("pictures")), itemgetter("pictures")):
        if pictures:
            _measure(list(alike), results.interval)
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
    row |= {"before": before.value(metric), "after": after.value(metric), "outcome": "untested"}
    if None in row.values():
        return {}
    if metric in old and metric in new:
        values = pandas.concat([old[metric], new[metric]], axis=1).to_numpy()
        values = values[np.isfinite(values).all(axis=1)]
        if not len(values):
            return {}
        row["pictures"], row["each"] = len(values), values[:, 1] - values[:, 0]
        row["before"], row["after"] = values.mean(axis=0).tolist()
    sign = {"higher": 1, "lower": -1, None: 0}[before.estimates[metric].direction]
    return row | {"difference": row["after"] - row["before"], "sign": sign}


def _measure(rows: list[dict], interval: str) -> None:
    """Add interval, p and whether the ranks speak for harmonization to rows of one number of pictures."""
    table, signs = np.array([row["each"] for row in rows]), np.array([row["sign"] for row in rows])
    _, p, gains = signed_ranks(table * signs[:, None])
    for row, own_p, gain in zip(rows, p.tolist(), gains.tolist(), strict=True):
        if row["sign"] and row["each"].any():
            row |= {"p": own_p, "gains": gain}
    if table.shape[1] >= (FEWEST if interval == "bootstrap-t" else 2):
        for row, (low, high) in zip(rows, bootstrap_intervals(table, method=interval).tolist(), strict=True):
            row |= {"low": low, "high": high}


def _judge(rows: list[dict]) -> None:
    """Set `holm` and `outcome` of the rows of one dataset and metric."""
    corrected = holm({row["method"]: row["p"] for row in rows if "p" in row})
    for row in rows:
        gain = row["difference"] * row["sign"]
        row["holm"] = corrected.get(row["method"])
        if row["holm"] is None:
            row["outcome"] = "untested" if row["difference"] else "same"
        elif len(corrected) * 2.0 ** (1 - row["pictures"]) >= LEVEL:  # the least p of so many pictures
            row["outcome"] = "few"
        elif row["holm"] < LEVEL and row["gains"] == (gain > 0):
            row["outcome"] = "better" if gain > 0 else "worse"
        else:
            row["outcome"] = "alike"
