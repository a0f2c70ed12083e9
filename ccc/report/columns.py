"""The columns of the paper's tables: which of ours stand beside which published ones, and what to say of them."""

import dataclasses
from collections.abc import Mapping, Sequence

from ccc.core.errors import CCCError
from ccc.metrics.registry import find
from ccc.report import published as paper_figures
from ccc.report.cells import Cell
from ccc.report.layout import Column, Group, Notes

ARROWS = {"lower": "↓", "higher": "↑", None: ""}


@dataclasses.dataclass(frozen=True)
class Place:
    """Where one column's figures come from."""

    kind: str
    dataset: str | None  # ours
    paper: str | None  # the paper's name of the dataset
    ours: str | None  # metric here
    metric: str  # metric of the paper
    direction: str | None = None  # of ours


def check_columns(columns: Mapping[str, str | None]) -> dict[str, str]:
    """Leave out datasets without a counterpart. Raises CCCError for a counterpart that the paper does not have."""
    known = paper_figures.datasets()
    for dataset, paper in columns.items():
        if paper is not None and paper not in known:
            raise CCCError(f"{dataset}: the paper has no column {paper!r}; there are {', '.join(known)}")
    return {dataset: paper for dataset, paper in columns.items() if paper is not None}


def place_columns(cells, paper, columns, notes: Notes) -> tuple[list[Group], list[Place]]:
    """Groups of columns, the paper's datasets first and in its order, then ours without a counterpart.

    `cells`: of one of the paper's tables; `columns`: what `check_columns` gave. Returns the groups, and where each of
    their columns gets its figures.
    """
    datasets = sorted({cell.dataset for cell in cells})
    counterparts = {name: columns.get(name) for name in datasets}
    if paper.number == "III":
        order: list[tuple[str | None, str | None]] = [(name, paper_figures.FIGURE_9) for name in datasets]
        order = order or [(None, paper_figures.FIGURE_9)]
    else:
        order = []
        for theirs in paper.datasets:
            mine = [name for name in datasets if counterparts[name] == theirs]
            order += [(name, theirs) for name in mine] or [(None, theirs)]
        ran = [pair for pair in order if pair[0]]
        order = ran + [(name, None) for name in datasets if counterparts[name] not in paper.datasets]
        order += [(None, theirs) for theirs in paper.datasets if theirs not in {theirs for _, theirs in ran}]
    groups, places = [], []
    for dataset, theirs in order:
        mine = [cell for cell in cells if cell.dataset == dataset]
        comparable = dataset is not None and counterparts.get(dataset) == theirs is not None
        group_columns = []
        for metric in paper.metrics:
            for place, column in _columns_of(metric, mine, dataset, theirs, comparable, paper, notes):
                places.append(place)
                group_columns.append(column)
        title = heading(dataset, theirs if comparable or dataset is None else None, mine, paper)
        said = _group_notes(mine, dataset, theirs, comparable, paper)
        groups.append(Group(title, tuple(group_columns), notes(*said)))
    return groups, places


def _columns_of(metric, cells, dataset, theirs, comparable, paper, notes):
    fact = paper_figures.METRICS[metric]
    if dataset is not None:
        names = [name for base in fact.ours for name in _names(base, cells)]
        for name in names:
            title = find(name).title + ARROWS[find(name).direction]
            place = Place("ours", dataset, theirs, name, metric, find(name).direction)
            yield place, Column(title, "ours", notes(mixed(name, cells)))
    if theirs is not None:
        arrow = ARROWS[find(fact.ours[0]).direction]
        impossible = _impossible(paper) if metric in paper.irreproducible else ""
        yield (
            Place("published", dataset, theirs, None, metric),
            Column(f"{fact.title}{arrow} published", "published", notes(fact.open, impossible)),
        )
        if comparable and fact.difference and not impossible:
            title = f"{fact.title} difference"
            yield Place("difference", dataset, theirs, names[0], metric), Column(title, "difference")


def mixed(name: str, cells: Sequence[Cell]) -> str:
    """What to say of a metric where cells hold figures of more than one version of it; "" where they do not."""
    versions = sorted({str(cell.versions[name]) for cell in cells if name in cell.versions})
    if len(versions) < 2:
        return ""
    return f"cells of versions {', '.join(versions)} of this metric: run `ccc evaluate` again"


def _names(base: str, cells: Sequence[Cell]) -> list[str]:
    """What a metric is called in these cells: CNR has the pictures' size in its name."""
    return list(dict.fromkeys(name for cell in cells for name in cell.named(base))) or [base]


def heading(dataset, theirs, cells, paper) -> str:
    """What a group of columns is called: its dataset, ours and the paper's, and how many pictures it has."""
    if dataset is None:
        return f"{theirs}, published (n = {paper.pictures})"
    counts = sorted({cell.images for cell in cells})
    n = f"n = {counts[0]}" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]}"
    return f"{theirs}: {dataset} ({n})" if theirs and dataset != theirs else f"{dataset} ({n})"


def _group_notes(cells, dataset, theirs, comparable, paper) -> list[str]:
    said = []
    if dataset is not None and theirs is not None:
        if not comparable:
            said.append("other pictures than the paper's Fig. 9, so no difference is formed")
        elif paper.number == "III":
            said.append("difference = ours - published")
        else:
            said.append(
                f"difference = ours - published; the paper does not list its {paper.pictures} pictures: ours are others"
            )
    if len({cell.images for cell in cells}) > 1:
        said.append("methods were measured on different numbers of pictures: run `ccc evaluate` again")
    return said


def _impossible(paper) -> str:
    gaps = paper_figures.psnr_gaps(paper.number)
    return (
        "published MSE and PSNR cannot both be right: a mean PSNR is at least -10 log10 of the mean MSE, and "
        f"{sum(not gap.possible for gap in gaps)} of {len(gaps)} rows lie {-max(gap.gap for gap in gaps):.2f} to "
        f"{-min(gap.gap for gap in gaps):.2f} dB below; no difference is formed (see notes.md)"
    )
