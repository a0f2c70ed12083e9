"""Tables III to VII as the paper lays them out: ours, published, and their difference where there is one to form."""

import dataclasses
from collections.abc import Mapping, Sequence
from decimal import Decimal

from ccc.core.errors import CCCError
from ccc.metrics.registry import METRICS, find
from ccc.report import published as paper_figures
from ccc.report.cells import REFERENCES, VARIANTS, Cell, format_value, is_stand_in, row_label, sorted_methods
from ccc.report.layout import BLANK, NOT_AVAILABLE, Column, Group, Notes, Row, Table, Value
from ccc.report.summary import Figure, Summary, summarize

ARROWS = {"lower": "↓", "higher": "↑", None: ""}


@dataclasses.dataclass(frozen=True)
class _Place:
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


def build_tables(
    cells: Sequence[Cell],
    columns: Mapping[str, str | None],
    order: Sequence[str] | None = None,
    not_run: Mapping[str, str] | None = None,
    summary: Summary | None = None,
) -> list[Table]:
    """Tables III to VII from stored cells.

    `columns`: by our dataset, the paper's column that it is compared with (ADE, Celeba, COCO, Ox. Flower, ImageNet;
    Fig. 9 for a `showcase` that holds the paper's pictures), or None. Datasets without a counterpart get columns
    without published figures; published columns without a dataset here stay, so that every figure of the paper is
    there. `order`: names of methods in the order of their rows. `not_run`: reasons by name of the methods that have no
    cells. `summary`: what `summarize` gave for these cells, where it is at hand. Raises CCCError for an unknown column
    of the paper.
    """
    columns = check_columns(columns)
    by_place, not_run = _by_place(cells, order, summary), _not_run(cells, not_run)
    return [_build(cells, paper, columns, order, not_run, by_place) for paper in paper_figures.load().values()]


def build_overall(
    cells: Sequence[Cell],
    order: Sequence[str] | None = None,
    not_run: Mapping[str, str] | None = None,
    summary: Summary | None = None,
) -> list[Table]:
    """For every dataset a table of all its metrics, those of pyiqa and whatever else the paper does not have included.

    Arguments as of `build_tables`.
    """
    by_place, not_run = _by_place(cells, order, summary), _not_run(cells, not_run)
    return [_overall(cells, dataset, order, not_run, by_place) for dataset in sorted({cell.dataset for cell in cells})]


def _overall(cells, dataset: str, order, not_run, figures) -> Table:
    notes = Notes()
    here = [cell for cell in cells if cell.dataset == dataset]
    directions = {name: direction for cell in here for name, direction in cell.directions.items()}
    places = [_Place("ours", dataset, None, name, name, direction) for name, direction in directions.items()]
    columns = [
        Column(find(name).title + ARROWS[direction], "ours", notes(_mixed(name, here)))
        for name, direction in directions.items()
    ]
    rows, _ = _rows(cells, here, places, None, order, figures, notes)
    rows += [
        _row_not_run(f"{name} (not run)", "not run", [reason], places, None, None, notes)
        for name, reason in not_run.items()
    ]
    group = Group(_heading(dataset, None, here, None), tuple(columns))
    return Table("", f"All metrics: {dataset}", (group,), tuple(rows), tuple(notes.texts), slug=f"all_{dataset}")


def _by_place(cells, order, summary: Summary | None) -> dict[tuple, Figure]:
    figures = (summary or summarize(cells, order)).figures
    return {(figure.method, figure.variant, figure.dataset, figure.metric): figure for figure in figures}


def _not_run(cells, not_run: Mapping[str, str] | None) -> dict[str, str]:
    run = {cell.method for cell in cells}
    return {name: reason for name, reason in (not_run or {}).items() if name not in run}


def _build(cells, paper: paper_figures.PublishedTable, columns: dict[str, str], order, not_run, figures) -> Table:
    notes = Notes()
    here = [cell for cell in cells if (cell.dataset == paper_figures.SHOWCASE) == (paper.number == "III")]
    groups, places = _layout(here, paper, columns, notes)
    rows, placed = _rows(cells, here, places, paper, order, figures, notes)
    for name in [name for name in paper.methods if name not in placed]:
        reasons = [reason for ours, reason in not_run.items() if paper_figures.counterpart(ours) == name]
        label = f"{paper_figures.titles()[name]} (published only)"
        rows.append(_row_not_run(label, "published", reasons, places, name, paper, notes))
    for name, reason in not_run.items():
        if paper_figures.counterpart(name) not in paper.methods:
            rows.append(_row_not_run(f"{name} (not run)", "not run", [reason], places, None, paper, notes))
    return Table(paper.number, paper.title, tuple(groups), tuple(rows), tuple(notes.texts))


def _rows(cells, here, places, paper, order, figures, notes: Notes) -> tuple[list[Row], set[str]]:
    """Rows of all methods that have cells, the best marked, and the paper's methods whose figures stand in them."""
    rows, placed = [], set()
    for method in sorted_methods(here, order):
        counterpart = paper_figures.counterpart(method) if paper else None
        for variant in VARIANTS:
            mine = {cell.dataset: cell for cell in here if (cell.method, cell.variant) == (method, variant)}
            if not mine:
                continue
            stands = counterpart if counterpart and _stands(counterpart, variant, mine.values()) else None
            if stands:
                placed.add(stands)
            values = [
                _value(place, mine, stands, paper, notes, figures.get((method, variant, place.dataset, place.ours)))
                for place in places
            ]
            kind = "reference" if method in REFERENCES else "method"
            said = [note for cell in mine.values() for note in cell.notes]
            if method in REFERENCES:
                said.append(f"{REFERENCES[method]}; never marked as best")
            if variant == "sam":
                said += [_stand_in(cell.segmenter) for cell in mine.values() if is_stand_in(cell.segmenter)]
            if stands == paper_figures.HARMONIZED:
                said.append(
                    "the paper does not say whether its tables show CCC with or without harmonization; "
                    "its figures stand beside the plain pictures, and beside those harmonized with SAM"
                )
            rows.append(Row(row_label(cells, method, variant), kind, tuple(values), notes(*said)))
    return _mark_best(rows, places), placed


def _row_not_run(label: str, kind: str, reasons: Sequence[str], places, stands, paper, notes: Notes) -> Row:
    """A row of a method without cells: published figures where the paper has them, n/a where it has a reason."""
    said = [f"not run: {reason}" for reason in reasons]
    values = [
        _not_available(said[0], notes) if said and place.kind == "ours" else _value(place, {}, stands, paper, notes)
        for place in places
    ]
    return Row(label, kind, tuple(values), notes(*said))


def _stands(counterpart: str, variant: str, cells) -> bool:
    """Whether the paper's figures of a method stand in the row of this variant here."""
    if variant == "plain":
        return True
    return counterpart == paper_figures.HARMONIZED and not any(is_stand_in(cell.segmenter) for cell in cells)


def _stand_in(segmenter: str | None) -> str:
    return f"masks come from {segmenter or 'an unnamed segmenter'}, which stands in for the paper's SAM"


def _layout(cells, paper, columns, notes: Notes) -> tuple[list[Group], list[_Place]]:
    """Groups of columns, the paper's datasets first and in its order, then ours without a counterpart."""
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
        heading = _heading(dataset, theirs if comparable or dataset is None else None, mine, paper)
        said = _group_notes(mine, dataset, theirs, comparable, paper)
        groups.append(Group(heading, tuple(group_columns), notes(*said)))
    return groups, places


def _columns_of(metric, cells, dataset, theirs, comparable, paper, notes):
    fact = paper_figures.METRICS[metric]
    if dataset is not None:
        names = [name for base in fact.ours for name in _names(base, cells)]
        for name in names:
            title = find(name).title + ARROWS[find(name).direction]
            place = _Place("ours", dataset, theirs, name, metric, find(name).direction)
            yield place, Column(title, "ours", notes(_mixed(name, cells)))
    if theirs is not None:
        arrow = ARROWS[METRICS[fact.ours[0]].direction]
        impossible = _impossible(paper) if metric in paper.irreproducible else ""
        yield (
            _Place("published", dataset, theirs, None, metric),
            Column(f"{fact.title}{arrow} published", "published", notes(fact.open, impossible)),
        )
        if comparable and fact.difference and not impossible:
            title = f"{fact.title} difference"
            yield _Place("difference", dataset, theirs, names[0], metric), Column(title, "difference")


def _mixed(name: str, cells: Sequence[Cell]) -> str:
    """What to say of a metric where cells hold figures of more than one version of it; "" where they do not."""
    versions = sorted({str(cell.versions[name]) for cell in cells if name in cell.versions})
    if len(versions) < 2:
        return ""
    return f"cells of versions {', '.join(versions)} of this metric: run `ccc evaluate` again"


def _names(base: str, cells: Sequence[Cell]) -> list[str]:
    """What a metric is called in these cells: CNR has the pictures' size in its name."""
    return list(dict.fromkeys(name for cell in cells for name in cell.named(base))) or [base]


def _heading(dataset, theirs, cells, paper) -> str:
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


def _value(place: _Place, mine: Mapping[str, Cell], stands, paper, notes: Notes, figure: Figure | None = None) -> Value:
    printed = paper.values.get((stands, place.paper, place.metric)) if stands and place.paper else None
    if place.kind == "published":
        return Value(printed or BLANK)
    cell = mine.get(place.dataset)
    if cell is None:
        return _not_available("not evaluated on this dataset", notes) if mine and place.kind == "ours" else Value(BLANK)
    value, reason = cell.value(place.ours), cell.reason(place.ours)
    if place.kind == "difference":
        return Value(BLANK if printed is None or value is None else signed(value, printed))
    if value is None:
        return _not_available(reason, notes)
    said = notes(f"{find(place.ours).title}: {reason}") if reason else ()
    return Value(format_value(place.ours, value), tied=bool(figure and figure.tied), notes=said, figure=figure)


def _not_available(reason: str, notes: Notes) -> Value:
    return Value(NOT_AVAILABLE, notes=notes(f"n/a: {reason}"), reason=reason)


def signed(value: float, printed: str) -> str:
    """`value` minus a printed figure, with the printed digits and a sign; no sign where it rounds to zero."""
    digits = -Decimal(printed).as_tuple().exponent
    text = f"{value - float(printed):+.{digits}f}"
    return text if float(text) else text[1:]


def _mark_best(rows: list[Row], places: Sequence[_Place]) -> list[Row]:
    """Mark what no method beats, among at least two methods.

    Figures that look like the best are marked as it is, unless the pictures show a significant difference.
    """
    marked = [list(row.values) for row in rows]
    for number, place in enumerate(places):
        mine = {i: row.values[number] for i, row in enumerate(rows) if row.kind == "method"}
        mine = {i: value for i, value in mine.items() if value.figure and value.text not in (NOT_AVAILABLE, BLANK)}
        if place.direction is None or len(mine) < 2:
            continue
        texts = {value.text for value in mine.values() if value.figure.best}
        for i, value in mine.items():
            alike = value.text in texts and (value.figure.tied or value.figure.p is None)
            if value.figure.best or alike:
                marked[i][number] = dataclasses.replace(value, best=True, tied=True)
    return [dataclasses.replace(row, values=tuple(values)) for row, values in zip(rows, marked, strict=True)]
