"""Content of the first page: best method per metric and benchmark, significance, pictures, missing values."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from ccc.core.errors import few
from ccc.metrics.registry import find
from ccc.report.pictures import columns_of
from ccc.report.results import FLOORS, LEVEL, Contest, Estimate, MethodResult, Results, by_variant, is_stand_in
from ccc.report.statistics import COVERAGE

HEADLINE = ("lpips_alex", "ciede2000", "cnr", "ssim", "psnr", "fid_64")  # rows of the matrix, if measured
JUDGES = ("lpips_alex", "ciede2000", "psnr")  # the first one measured selects a method's worst picture


def headline_metrics(results: Results) -> list[str]:
    """Metrics of the matrix; the first is the default of the headline table."""
    names = dict.fromkeys(results.named(base, dataset) for base in HEADLINE for dataset in results.datasets)
    return list(filter(None, names)) or results.metrics[:1]


def interval_words(results: Results) -> str:
    """How the run's intervals were computed and how often they cover the mean, as sentences."""
    name = {"bca": "BCa", "bootstrap-t": "bootstrap-t"}[results.interval]
    other = "; the setting report.interval: bootstrap-t gives wider ones" if results.interval == "bca" else ""
    return (
        f"95 % intervals of means are {name} ones. Of skewed values such as CNR and other ratios they cover "
        f"the true mean less often: {COVERAGE[results.interval]} % of the time for 50 lognormal values{other}."
    )


def verdict(results: Results, dataset: str, metric: str) -> dict | None:
    """The best method of a dataset by a metric and whether its lead is significant; None if no method has a value.

    `best`, `estimate`: the winner's; `sign`: "real", "floor" (better than the methods, not than gray or one colour),
    "tied", "few" (pictures), "alone" (no other method) or "untested"; `words`: a sentence about the others; `gray`: the
    estimate of the gray pictures, if better.
    """
    direction, mine = find(metric).direction, results.on(dataset)
    ranked = [(value, r) for r in mine if not r.is_reference and (value := r.value(metric)) is not None]
    if not ranked or direction is None:
        return None
    ranked.sort(key=lambda pair: pair[0], reverse=direction == "higher")
    value, best = next((pair for pair in ranked if pair[1].estimates[metric].best), ranked[0])
    sign, words = _judge(best, [r for _, r in ranked if r is not best], metric, results.contest(dataset, metric))
    if floors := _floors(best.estimates[metric]):
        sign, words = ("floor", f"{words}, but {floors}") if sign == "real" else (sign, f"{words}; {floors}")
    elif beaten := _beaten(best.estimates[metric]):
        words = f"{words}; better than {beaten}"
    gray = next((r.estimates.get(metric) for r in mine if r.key == "gray/plain"), None)
    if gray and (gray.value is None or not (gray.value < value if direction == "lower" else gray.value > value)):
        gray = None
    return {
        "metric": find(metric), "dataset": dataset, "best": best, "estimate": best.estimates[metric], "sign": sign,
        "words": words, "gray": gray,
    }  # fmt: skip


def _judge(best: MethodResult, others: list[MethodResult], metric: str, contest: Contest | None) -> tuple[str, str]:
    tied = [result for result in others if result.estimates[metric].tied]
    rivals = [result for result in tied if result.method != best.method]
    alone = all(result.method == best.method for result in others)
    if not others:
        return "alone", "no other method was run"
    if contest is None or not contest.others:
        return "untested", "not tested: one figure for the whole set" if find(metric).kind == "set" else "not tested"
    if contest.too_few:
        words = f"cannot be told: {contest.pictures} pictures are too few for a test of {len(others) + 1} methods"
        return "few", words
    if rivals:
        names = ", ".join(result.label for result in rivals)
        return "tied", f"no: not told apart from {names} by {contest.pictures} pictures"
    if tied:
        against = "no other method was run" if alone else "yes, against each other method"
        return "alone" if alone else "real", f"{against} (its own variant {tied[0].label} is not told apart)"
    largest = max([0.001, *(p for result in others if (p := result.estimates[metric].holm) is not None)])
    sure = f"(corrected p at most {largest:.3f})"
    if alone:
        return "alone", f"no other method was run; better than its own variant {others[0].label} {sure}"
    return "real", f"yes, against each of {len(others)} {sure}"


def _floors(estimate: Estimate) -> str:
    """Words on the references that the best method is not better than; "" for none."""
    said = []
    for name in estimate.not_better_than:
        p = getattr(estimate, f"p_{name}")
        if p is None:
            said.append(f"not compared with {FLOORS[name]}: too few pictures have values of both")
        else:
            how = "not told apart from" if p >= LEVEL else "not better than"
            said.append(f"{how} {FLOORS[name]} ({_p(p)})")
    return " and ".join(said)


def _beaten(estimate: Estimate) -> str:
    """The references that the best method is better than, with p; "" for none."""
    tested = {FLOORS[name]: getattr(estimate, f"p_{name}") for name in FLOORS}
    return " and ".join(f"{floor} ({_p(p)})" for floor, p in tested.items() if p is not None)


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def strip(results: Results, dataset: str, names: Sequence[str]) -> dict:
    """Pictures of a dataset to step through: columns from gray to truth, names, and values of one metric.

    `worst`: index in `names` of the worst picture of `best`, the best method by that metric; None without a value.
    """
    mine = results.on(dataset)
    columns = [column for column in columns_of(mine) if column["variant"] != "sam"]
    found = {"columns": columns, "names": list(names), "metric": None, "values": {}, "worst": None, "best": None}
    metric = next((name for judge in JUDGES if (name := results.named(judge))), None)
    if metric is None or (judged := verdict(results, dataset, metric)) is None:
        return found
    values = {}
    for result in mine:
        pictures = results.pictures(result)
        if metric in pictures:
            values[result.key] = pictures[metric].reindex(names).replace([np.inf, -np.inf], np.nan)
    worst = values[judged["best"].key].dropna()
    if len(worst):
        name = worst.idxmax() if find(metric).direction == "lower" else worst.idxmin()
        found |= {"worst": list(names).index(name), "best": judged["best"]}
    values["benchmark/gray"] = values.get("gray/plain")
    shown = {c["key"]: values[c["key"]] for c in columns if values.get(c["key"]) is not None}
    words = {key: [None if np.isnan(v) else round(v, 6) for v in column.tolist()] for key, column in shown.items()}
    return found | {"metric": find(metric), "values": words}


def by_method(results: Results) -> list[tuple[MethodResult, dict[str, MethodResult]]]:
    """The first result of each method and variant, and its results by dataset; references last."""
    methods = [(next(iter(mine.values())), mine) for mine in by_variant(results.methods)]
    return sorted(methods, key=lambda row: row[0].is_reference)


def brief_labels(results: Results) -> dict[str, str]:
    """Labels by method and variant, without the part in brackets where that stays unique."""
    labels = {result.key: result.short_label for result in results.methods}
    brief = {key: re.sub(r" \([^()]*\)", "", label) for key, label in labels.items()}
    often = Counter(brief.values())
    return {key: brief[key] if often[brief[key]] == 1 else label for key, label in labels.items()}


def missing(results: Results) -> list[dict]:
    """Missing values by cause: `reason`, the `command` that fixes it, `what` is missing and in how many `cells`."""
    causes: dict[str, dict] = {}
    for name, reason in results.not_run.items():
        causes.setdefault(reason, {})[f"method {name}"] = 0
    for result in results.methods:
        for metric, estimate in result.estimates.items():
            if estimate.value is None:
                what = causes.setdefault(estimate.reason, {})
                what[find(metric).title] = what.get(find(metric).title, 0) + 1
    return [
        {"reason": reason, "what": list(what), "cells": sum(what.values()), "command": _command(reason)}
        for reason, what in causes.items()
    ]


def _command(reason: str) -> str:
    found = re.search(r"ccc weights fetch [\w.-]+", reason)
    return found[0] if found else ""


def stand_in_masks(results: Results) -> str:
    """Which segmenters replace the paper's SAM, in words; "" if none do."""
    found = sorted({str(r.segmenter) for r in results.methods if r.variant == "sam" and is_stand_in(r.segmenter)})
    return f"harmonized rows use masks of {', '.join(found)}, which stands in for the paper's SAM" if found else ""


def cautions(results: Results, metric: str, matrix: Mapping[tuple, dict | None]) -> list[str]:
    """Cautions about a metric's column in the headline table."""
    said: dict[str, list[str]] = {}
    for result in results.methods:
        estimate = result.estimates.get(metric)
        if estimate is not None and estimate.caution:
            said.setdefault(estimate.caution, []).append(f"{result.short_label} on {result.dataset}")
    for (name, dataset), found in matrix.items():
        if name == metric and found and found["gray"]:
            words = f"a gray picture is better ({found['gray'].text}): wrong colours can cost more than none"
            said.setdefault(words, []).append(f"{found['best'].short_label} on {dataset}")
    return [f"{few(where)}: {words}" for words, where in said.items()]
