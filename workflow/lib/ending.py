"""The last lines of a successful run: metrics without a value and the reasons, and the path of the report."""

import json
from collections.abc import Iterable
from pathlib import Path


def unavailable(summaries: Iterable[str]) -> list[str]:
    """One line per reason for missing values: the metrics, the number of cells, and the reason.

    `summaries`: the JSON files of the cells. Metrics that lack a value only for some pictures are not listed.
    """
    reasons: dict[str, dict[str, set[str]]] = {}
    cells = set()
    for path in map(Path, summaries):
        summary = json.loads(path.read_text(encoding="utf-8"))
        cells.add(path.parent)
        for name, reason in summary["missing"].items():
            if (summary["mean"] | summary["set"]).get(name) is None:
                reasons.setdefault(reason, {}).setdefault(name, set()).add(path.parent)
    lines = []
    for reason, names in reasons.items():
        here = set.union(*names.values())
        places = "" if here == cells else f" in {len(here)} of {len(cells)} cells"
        lines.append(f"n/a{places}: {', '.join(names)}: {reason}")
    return lines
