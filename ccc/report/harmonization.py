"""The page on harmonization: what it changed, before and after, and what other parameters would have done."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import jinja2

from ccc.core.errors import CCCError
from ccc.core.files import write_text
from ccc.harmonize.ablation import read_ablation
from ccc.report.ablation import ablation_cells


def write_page(
    page: str | os.PathLike, figures: Sequence[str | os.PathLike], ablations: Sequence[str | os.PathLike] = ()
) -> None:
    """Write one HTML file that opens from disk.

    `figures`: folders of `ccc compare` at or below the page's own folder, shown by their path below it; `ablations`:
    CSV files of `ccc ablate`, shown by their name without suffix. Raises CCCError where one is something else.
    """
    page = Path(page)
    sections = []
    for folder in map(Path, figures):
        try:
            lines = json.loads((folder / "comparisons.json").read_text(encoding="utf-8"))
            below = folder.resolve().relative_to(page.parent.resolve()).as_posix()
        except (OSError, ValueError) as error:
            raise CCCError(f"{folder}: no figures of `ccc compare` beside {page} ({error})") from None
        sections.append({"title": below.removeprefix("harmonization/"), "folder": below, "lines": lines})
    tables = []
    for path in map(Path, ablations):
        rows = read_ablation(path)
        facts = {"pictures": int(rows[0]["pictures"]), "segmenter": rows[0]["segmenter"]}
        tables.append({"title": path.stem, "cells": ablation_cells(rows), **facts})
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ccc.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    template = environment.get_template("harmonization.html")
    write_text(page, template.render(sections=sections, tables=tables))
