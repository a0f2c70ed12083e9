"""The page on harmonization: pictures before and after, what it changes by each metric, other parameters."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import pandas
import pydantic
from typing_extensions import TypedDict

from ccc.core.errors import CCCError
from ccc.core.files import part_of_path
from ccc.core.stored import LOOSE, read_json
from ccc.harmonize.ablation import read_ablation
from ccc.report.ablation import ablation_cells
from ccc.report.change import changes
from ccc.report.front import headline_metrics
from ccc.report.plots import ablation_plot
from ccc.report.results import Results, format_value

NUMBERS = ("before", "after", "difference", "low", "high")  # columns of `changes` in a metric's digits


@pydantic.with_config(LOOSE)
class _Figure(TypedDict):
    """One entry of comparisons.json."""

    name: str
    file: Annotated[str, pydantic.AfterValidator(part_of_path)]
    changed_share: float
    mean_ab_shift: float
    segmenter: str


def content(
    results: Results,
    folder: Path,
    comparisons: Sequence[str | os.PathLike],
    ablations: Sequence[str | os.PathLike] = (),
) -> dict[str, Any]:
    """What `sections` and `outcomes` give; {} for a run without harmonization."""
    if not comparisons and all(result.variant == "plain" for result in results.methods):
        return {}
    return sections(folder, comparisons, ablations) | {"outcomes": outcomes(results)}


def sections(
    folder: Path, comparisons: Sequence[str | os.PathLike], ablations: Sequence[str | os.PathLike] = ()
) -> dict[str, Any]:
    """Content of the page: `sections` of pictures by method and benchmark, and `tables` with a plot each.

    `folder`: the report's; `comparisons`: folders of `ccc compare` in it, shown by their path below it; `ablations`:
    CSV files of `ccc ablate`, shown by their name without suffix. Raises CCCError for another file.
    """
    found = []
    for place in map(Path, comparisons):
        try:
            pictures = read_json(
                place / "comparisons.json", "list of figures", "run `ccc compare` again", list[_Figure]
            )
            below = place.resolve().relative_to(folder.resolve()).as_posix()
        except (CCCError, ValueError) as error:
            raise CCCError(f"{place}: no figures of `ccc compare` in {folder} ({error})") from None
        found.append({"title": below.removeprefix("harmonization/"), "folder": below, "pictures": pictures})
    tables = []
    for path in map(Path, ablations):
        rows = read_ablation(path)
        facts = {"pictures": int(rows[0]["pictures"]), "segmenter": rows[0]["segmenter"]}
        plot = ablation_plot(rows, path.stem)
        tables.append({"title": path.stem, "cells": ablation_cells(rows), "drawings": plot, **facts})
    return {"sections": found, "tables": tables}


def outcomes(results: Results) -> dict[str, dict[str, dict[str, dict]]]:
    """Rows of `changes` for the metrics of the first page, by dataset, method's label and metric, figures as text."""
    labels = {(r.method, r.dataset): r.short_label for r in results.methods if r.variant == "plain"}
    found: dict[str, dict[str, dict[str, dict]]] = {}
    figures = changes(results)
    for row in figures[figures["metric"].isin(headline_metrics(results))].to_dict("records"):
        known = {name: value for name, value in row.items() if not pandas.isna(value)}
        texts = {name: format_value(row["metric"], known[name]) for name in NUMBERS if name in known}
        mine = found.setdefault(row["dataset"], {}).setdefault(labels[row["method"], row["dataset"]], {})
        mine[row["metric"]] = known | texts
    return found
