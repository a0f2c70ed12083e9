"""Comparability with tables of other papers: protocols of the pictures, and why no difference is formed."""

from collections.abc import Sequence

from ccc.metrics.field import PROTOCOLS
from ccc.metrics.registry import find
from ccc.report.layout import Table
from ccc.report.published import PublishedTable, others
from ccc.report.results import Results

UNSTATED = "protocol not stated"
KEPT = "aspect kept or not known"  # `ccc prepare` had no protocol, or other software made the pictures


def protocol_of(results: Results, dataset: str) -> str:
    """How a dataset's pictures were resized: a name of `PROTOCOLS`, or `KEPT` if unknown."""
    return results.protocols.get(dataset) or KEPT


def unlike(results: Results, dataset: str, theirs: str, paper: PublishedTable) -> list[str]:
    """Differences between the pictures of a dataset and of `theirs`, the paper's dataset, in words."""
    ours, counts = protocol_of(results, dataset), sorted({result.images for result in results.on(dataset)})
    said = []
    if paper.protocol != ours:
        said.append(f"protocol: ours {ours}, published {paper.protocol or 'not stated'}")
    if counts != [paper.pictures[theirs]]:
        said.append(f"pictures: ours {', '.join(f'{n:,}' for n in counts)}, published {paper.pictures[theirs]:,}")
    return said


def sections(results: Results, tables: Sequence[Table]) -> list[tuple[Table, list[dict]]]:
    """The tables of other papers, each with its `reasons`."""
    papers = {paper.name: paper for paper in others()}
    return [(table, reasons(results, papers[table.name])) for table in tables if table.name in papers]


def reasons(results: Results, paper: PublishedTable) -> list[dict]:
    """For each dataset that was run and each metric of a table: what is compared, and why no difference is formed.

    A row has `dataset`, `theirs`, `protocol` (ours in words), `published` (theirs), `metric` (the printed name), `ours`
    (title and what it compares, of each of our columns) and `why`, [] where differences are formed.
    """
    rows = []
    for dataset, theirs in results.columns.items():
        if theirs not in paper.pictures or dataset not in results.datasets:
            continue
        same = [r for r in results.on(dataset) if r.variant == "plain" and paper.counterpart(r.method)]
        methods = [] if same else ["method: none of the table's was run here"]
        if same and all(result.differs for result in same):
            methods = [f"weights: {result.title}: {'; '.join(result.differs)}" for result in same]
        caution = [results.cautions[dataset]] if results.cautions.get(dataset) else []
        ours = protocol_of(results, dataset)
        for metric in paper.metrics.values():
            rows.append({
                "dataset": dataset, "theirs": theirs, "protocol": PROTOCOLS.get(ours, ours),
                "published": PROTOCOLS.get(paper.protocol, UNSTATED), "metric": metric.title,
                "ours": [(find(name).title, find(name).compares) for name in metric.ours],
                "why": [
                    *unlike(results, dataset, theirs, paper),
                    *([] if metric.difference else [f"metric: {metric.open}"]), *methods, *caution,
                ],
            })  # fmt: skip
    return rows
