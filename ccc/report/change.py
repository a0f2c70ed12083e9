"""What harmonization changes: each method's harmonized pictures against its plain ones."""

from collections import defaultdict

import numpy as np
import pandas

from ccc.report.results import LEVEL, MethodResult, Results
from ccc.report.statistics import FEWEST, bootstrap_intervals, holm, wilcoxon_against_best

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
        for metric in results.metrics:
            rows += _judged([row for pair in mine if (row := _change(metric, *pair))])
    _add_intervals(rows, results.interval)
    return pandas.DataFrame(rows, columns=COLUMNS)


def _change(
    metric: str, before: MethodResult, after: MethodResult, old: pandas.DataFrame, new: pandas.DataFrame
) -> dict:
    """One row without interval, and what this needs; {} where a value is missing. `old`, `new`: values by picture."""
    row: dict = {"dataset": before.dataset, "metric": metric, "method": before.method, "pictures": 0}
    row |= {"before": before.value(metric), "after": after.value(metric), "outcome": "untested"}
    if None in row.values():
        return {}
    if metric in old and metric in new:
        values = pandas.concat([old[metric], new[metric]], axis=1, keys=["before", "after"])
        values = values[np.isfinite(values).all(axis=1)]
        if values.empty:
            return {}
        row |= values.mean().to_dict() | {"pictures": len(values), "each": values["after"] - values["before"]}
        if (direction := before.estimates[metric].direction) and row["each"].any():
            test = wilcoxon_against_best(values.to_dict("list"), direction)
            row |= {"p": test.p.popitem()[1], "best": test.best, "behind": test.behind.popitem()[1]}
    row["difference"] = row["after"] - row["before"]
    if row["difference"] == 0 and "p" not in row:
        row["outcome"] = "same"
    return row


def _judged(rows: list[dict]) -> list[dict]:
    """The rows of one dataset and metric, with `holm` and `outcome` of those tested."""
    corrected = holm({row["method"]: row["p"] for row in rows if "p" in row})
    for row in (row for row in rows if "p" in row):
        row["holm"] = corrected[row["method"]]
        if len(corrected) * 2.0 ** (1 - row["pictures"]) >= LEVEL:  # the least p of so many pictures
            row["outcome"] = "few"
        elif row["holm"] < LEVEL and row["behind"]:
            row["outcome"] = "better" if row["best"] == "after" else "worse"
        else:
            row["outcome"] = "alike"
    return rows


def _add_intervals(rows: list[dict], method: str) -> None:
    """`low` and `high` of the differences, those of one number of pictures at once."""
    alike = defaultdict(list)
    for row in rows:
        if row["pictures"] >= (FEWEST if method == "bootstrap-t" else 2):
            alike[row["pictures"]].append(row)
    for same in alike.values():
        table = np.array([row["each"] for row in same])
        for row, (low, high) in zip(same, bootstrap_intervals(table, method=method).tolist(), strict=True):
            row |= {"low": low, "high": high}
