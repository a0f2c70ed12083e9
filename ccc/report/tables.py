"""Tables III to VII as the paper lays them out: ours, published, and their difference where there is one to form."""

import dataclasses
from collections.abc import Mapping, Sequence
from decimal import Decimal

from ccc.metrics.registry import find
from ccc.report import published as paper_figures
from ccc.report.cells import REFERENCES, VARIANTS, Cell, format_value, is_stand_in, row_label, sorted_methods
from ccc.report.columns import ARROWS, Place, check_columns, heading, mixed, place_columns
from ccc.report.layout import BLANK, NOT_AVAILABLE, Column, Group, Notes, Row, Table, Value
from ccc.report.summary import Figure, Summary, summarize


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
    places = [Place("ours", dataset, None, name, name, direction) for name, direction in directions.items()]
    columns = [
        Column(find(name).title + ARROWS[direction], "ours", notes(mixed(name, here)))
        for name, direction in directions.items()
    ]
    rows, _ = _rows(cells, here, places, None, order, figures, notes)
    rows += [
        _row_not_run(f"{name} (not run)", "not run", [reason], places, None, None, notes)
        for name, reason in not_run.items()
    ]
    group = Group(heading(dataset, None, here, None), tuple(columns))
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
    groups, places = place_columns(here, paper, columns, notes)
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


def _value(place: Place, mine: Mapping[str, Cell], stands, paper, notes: Notes, figure: Figure | None = None) -> Value:
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


def _mark_best(rows: list[Row], places: Sequence[Place]) -> list[Row]:
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
