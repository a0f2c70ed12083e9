"""What is said when a run has ended well: which metrics have no value and why, and where the report lies."""

import json
from collections.abc import Iterable
from pathlib import Path


def unavailable(summaries: Iterable[str]) -> list[str]:
    """A line for each reason why metrics have no value in cells: which, in how many cells, and the reason.

    `summaries`: the JSON files of the cells. A metric without a value for some pictures alone is none of them.
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
