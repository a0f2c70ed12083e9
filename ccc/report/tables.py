"""Tables III to VII with ours beside the published figures, tables of other papers, and all metrics of each dataset."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence

from ccc.metrics.registry import find
from ccc.report import field
from ccc.report import published as paper_figures
from ccc.report.layout import BLANK, Column, Notes, Row, Table, Value
from ccc.report.published import PublishedTable
from ccc.report.results import FLOORS, NOT_AVAILABLE, MethodResult, Results, by_variant, is_stand_in

Mine = Sequence[MethodResult]  # results of one dataset, or of one method
ARROWS = {"lower": "↓", "higher": "↑", None: ""}


def build_tables(results: Results) -> list[Table]:
    """Tables III to VII, those of other papers whose benchmarks were run, then all metrics of each dataset.

    Datasets without a counterpart in the paper get columns without published figures; published columns without a
    dataset here stay, so that every figure of the paper is there.
    """
    ran = {results.columns.get(dataset) for dataset in results.datasets}
    others = [table for table in paper_figures.others() if ran & set(table.datasets)]
    tables = [_paper_table(results, paper) for paper in [*paper_figures.load().values(), *others]]
    return tables + [_overall(results, dataset) for dataset in results.datasets]


def _overall(results: Results, dataset: str) -> Table:
    """All metrics of a dataset, also those that the paper does not have; a note names the methods that were not run."""
    notes, here = Notes(), results.on(dataset)
    group, columns = _heading(dataset, None, here, 0), []
    seen = results.leakage.get(dataset)
    absent: dict[str, list[str]] = {}
    for name, reason in results.not_run.items():
        absent.setdefault(reason, []).append(name)
    left_out = "; ".join(f"{', '.join(names)} ({reason})".removesuffix(" ()") for reason, names in absent.items())
    said = notes(
        results.cautions.get(dataset, ""), f"seen in training? {seen}" if seen else "",
        f"not run: {left_out}" if left_out else "",
    )  # fmt: skip
    for name in dict.fromkeys(name for result in here for name in result.estimates):
        title = find(name).title + ARROWS[find(name).direction]
        more = notes(_mixed(name, here), _ceiling(name, here))
        columns.append(Column(title, "ours", group, dataset, name, notes=more, group_notes=said))
    rows, _ = _rows(here, columns, None, notes)
    return Table("", f"All metrics: {dataset}", tuple(columns), tuple(rows), tuple(notes.texts), name=f"all_{dataset}")


def _paper_table(results: Results, paper: PublishedTable) -> Table:
    notes = Notes()
    here = [r for r in results.methods if (r.dataset == paper_figures.SHOWCASE) == (paper.number == "III")]
    columns = [
        column
        for dataset, theirs in _datasets(here, paper, results.columns)
        for column in _group(dataset, theirs, [r for r in here if r.dataset == dataset], paper, results, notes)
    ]
    rows, placed = _rows(here, columns, paper, notes)
    for name in [name for name in paper.methods if name not in placed]:
        reasons = [reason for ours, reason in results.not_run.items() if paper.counterpart(ours) == name]
        label = f"{paper.titles[name]} (published only)"
        rows.append(_not_run(label, reasons, columns, notes, name, paper))
    for name, reason in results.not_run.items():
        if paper.counterpart(name) not in paper.methods:
            rows.append(_not_run(f"{name} (not run)", [reason], columns, notes))
    return Table(paper.number, paper.title, tuple(columns), tuple(rows), tuple(notes.texts), name=paper.name)


def _datasets(here: Mine, paper: PublishedTable, columns: Mapping[str, str]) -> list[tuple[str | None, str | None]]:
    """Ours and the paper's dataset of each group: the paper's that were run first, then ours, then the paper's rest."""
    names = sorted({result.dataset for result in here})
    if paper.number == "III":
        return [(name, paper_figures.FIGURE_9) for name in names] or [(None, paper_figures.FIGURE_9)]
    ran = [(name, theirs) for theirs in paper.datasets for name in names if columns.get(name) == theirs]
    ours = [(name, None) for name in names if paper.number and columns.get(name) not in paper.datasets]
    return ran + ours + [(None, theirs) for theirs in paper.datasets if theirs not in dict(ran).values()]


def _group(
    dataset: str | None, theirs: str | None, mine: Mine, paper: PublishedTable, results: Results, notes: Notes
) -> Iterator[Column]:
    """The columns of one dataset; `mine`: its results here, `theirs`: the paper's name of it."""
    comparable = dataset is not None and theirs is not None and results.columns.get(dataset) == theirs
    caution = results.cautions.get(dataset or "", "")
    formed = comparable and not caution and any(_stands([r], paper) in paper.methods and not r.differs for r in mine)
    if formed and dataset and theirs and not paper.number:
        formed = not field.unlike(results, dataset, theirs, paper)
    title = _heading(
        dataset, theirs if comparable or dataset is None else None, mine, paper.pictures.get(theirs or "", 0)
    )
    said_by = "" if paper.number else f", {paper.protocol or field.UNSTATED}"
    title += f", {field.protocol_of(results, dataset)}" if dataset and not paper.number else ""
    group = functools.partial(Column, group=title, dataset=dataset, paper=theirs)
    columns = []
    for metric in paper.metrics:
        fact, names = paper.metrics[metric], []
        impossible = _impossible(paper) if metric in paper_figures.IRREPRODUCIBLE.get(paper.number, ()) else ""
        if dataset is not None:
            found = {base: dict.fromkeys(name for result in mine for name in result.named(base)) for base in fact.ours}
            names = [name for base, called in found.items() for name in called or [base]]
        for name in names:
            head = find(name).title + ARROWS[find(name).direction]
            columns.append(group(head, "ours", metric=name, notes=notes(_mixed(name, mine), _ceiling(name, mine))))
        if theirs is not None:
            head = f"{fact.title}{ARROWS[find(fact.ours[0]).direction]} published{said_by}"
            said = notes(fact.open, impossible)
            ours = names[-1] if names else ""
            columns.append(group(head, "published", metric=ours, printed=metric, notes=said))
        if formed and fact.difference and not impossible:
            head = f"{fact.title} difference"
            columns.append(group(head, "difference", metric=names[0], printed=metric))
    said = notes(*_group_notes(mine, dataset, theirs, comparable, formed, caution, paper))
    return (dataclasses.replace(column, group_notes=said) for column in columns)


def _mixed(name: str, results: Mine) -> str:
    """A note where results mix versions of a metric; "" otherwise."""
    versions = sorted({r.estimates[name].version for r in results if name in r.estimates} - {""})
    if len(versions) < 2:
        return ""
    return f"cells of versions {', '.join(versions)} of this metric: run `ccc evaluate` again"


def _ceiling(name: str, results: Mine) -> str:
    """A note with the oracle's CNR for comparison; "" for another metric or without an oracle."""
    oracle = next((r.estimates[name] for r in results if r.key == "oracle/plain" and r.value(name) is not None), None)
    if oracle is None or find(name).base != "cnr":
        return ""
    return (
        f"the oracle, the truth through 56x56 classes, has a {find(name).title} of {oracle.text}; "
        "recall is the part of CNR that is classes of the truth"
    )


def _heading(dataset: str | None, theirs: str | None, results: Mine, printed: int) -> str:
    """Title of a group of columns: our dataset, the paper's, and the number of pictures."""
    if dataset is None:
        return f"{theirs}, published (n = {printed})"
    counts = sorted({result.images for result in results})
    n = f"n = {counts[0]}" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]}"
    return f"{theirs}: {dataset} ({n})" if theirs and dataset != theirs else f"{dataset} ({n})"


def _group_notes(
    mine: Mine, dataset: str | None, theirs: str | None, same: bool, formed: bool, caution: str, paper: PublishedTable
) -> list[str]:
    said = [caution]
    if theirs is not None and not paper.number:
        said += paper.notes
        if {result.images for result in mine} - {paper.pictures[theirs]}:
            said.append(f"published figures of {theirs} are of {paper.pictures[theirs]:,} pictures")
    elif dataset is not None and theirs is not None:
        if not same:
            said.append("other pictures than the paper's Fig. 9, so no difference is formed")
        elif formed:
            said.append("difference = ours - published, for rows whose method, weights and data are the paper's")
        else:
            why = "" if caution else ": no row's method, weights and data are all the paper's"
            said.append(f"no difference is formed{why}")
        if same and paper.number != "III":
            said.append(f"the paper does not list its {paper.pictures[theirs]} pictures: ours are others")
    if len({result.images for result in mine}) > 1:
        said.append("methods were measured on different numbers of pictures: run `ccc evaluate` again")
    return said


def _impossible(paper: PublishedTable) -> str:
    gaps = paper_figures.psnr_gaps(paper.number)
    return (
        "published MSE and PSNR cannot both be right: a mean PSNR is at least -10 log10 of the mean MSE, and "
        f"{sum(~gaps.possible)} of {len(gaps)} rows lie {-gaps.gap.max():.2f} to {-gaps.gap.min():.2f} dB below; no "
        "difference is formed (see notes.md)"
    )


def _rows(here: Mine, columns: Sequence[Column], paper: PublishedTable | None, notes: Notes) -> tuple[list[Row], set]:
    """Rows of all methods run, the best marked, and the paper's methods whose figures they contain."""
    rows, placed = [], set()
    for mine in by_variant(here):
        first = next(iter(mine.values()))
        stands = _stands(list(mine.values()), paper) if paper else None
        placed.add(stands)
        values = tuple(_value(column, mine, stands, paper, notes) for column in columns)
        said = list(dict.fromkeys(note for result in mine.values() for note in result.notes))
        if stands == paper_figures.HARMONIZED:
            said.append(
                "the paper does not say whether its tables show CCC with or without harmonization; "
                "its figures stand beside the plain pictures, and beside those harmonized with SAM"
            )
        kind = "reference" if first.is_reference else "method"
        rows.append(Row(first.label, kind, values, notes(*said), (first.method, first.variant)))
    return _mark_best(rows, columns), placed


def _not_run(
    label: str,
    reasons: Sequence[str],
    columns: Sequence[Column],
    notes: Notes,
    stands: str | None = None,
    paper: PublishedTable | None = None,
) -> Row:
    """A row of a method that was not run: published figures if any, n/a if there is a reason."""
    said = [f"not run: {reason}" for reason in reasons]
    values = [
        Value(NOT_AVAILABLE, reason=said[0])
        if said and column.kind == "ours"
        else _value(column, {}, stands, paper, notes)
        for column in columns
    ]
    return Row(label, "published" if paper else "not run", tuple(values), notes(*said))


def _stands(mine: Mine, paper: PublishedTable) -> str | None:
    """The paper's method whose figures belong in this row; None without one."""
    name = paper.counterpart(mine[0].method)
    sam = name == paper_figures.HARMONIZED and not any(is_stand_in(result.segmenter) for result in mine)
    return name if mine[0].variant == "plain" or sam else None


def _value(
    column: Column, mine: Mapping[str, MethodResult], stands: str | None, paper: PublishedTable | None, notes: Notes
) -> Value:
    printed = paper.values.get((stands, column.paper, column.printed)) if paper and stands and column.paper else None
    if column.kind == "published":
        return Value(printed or BLANK)
    result = mine.get(column.dataset or "")
    if result is None:
        return (
            _not_available("not evaluated on this dataset", notes) if mine and column.kind == "ours" else Value(BLANK)
        )
    estimate, value = result.estimates.get(column.metric), result.value(column.metric)
    if column.kind == "difference":
        return Value(BLANK if printed is None or value is None or result.differs else signed(value, printed))
    if estimate is None or value is None:
        return _not_available(estimate.reason if estimate else "not computed in this run", notes)
    floors = " and ".join(FLOORS[name] for name in estimate.not_better_than)
    said = notes(
        f"{find(column.metric).title}: {estimate.caution}" if estimate.caution else "",
        f"the best method, but not better than {floors} by a paired Wilcoxon test at 0.05 (p: statistics.csv)"
        if floors
        else "",
    )
    return Value(estimate.text, tied=estimate.tied, notes=said, estimate=estimate)


def _not_available(reason: str, notes: Notes) -> Value:
    return Value(NOT_AVAILABLE, notes=notes(f"n/a: {reason}"), reason=reason)


def signed(value: float, printed: str) -> str:
    """`value` minus a printed figure, with its digits and a sign; without sign if it rounds to zero."""
    text = f"{value - float(printed):+.{paper_figures.digits(printed)}f}"
    return text if float(text) else text[1:]


def _mark_best(rows: list[Row], columns: Sequence[Column]) -> list[Row]:
    """Mark the best of at least two methods in each column.

    Equal printed figures are marked too, unless the difference is significant.
    """
    marked = [list(row.values) for row in rows]
    for number, column in enumerate(columns):
        cells = {i: row.values[number] for i, row in enumerate(rows) if row.kind == "method"}
        mine = {i: value.estimate for i, value in cells.items() if value.estimate}
        if column.kind != "ours" or find(column.metric).direction is None or len(mine) < 2:
            continue
        texts = {estimate.text for estimate in mine.values() if estimate.best}
        for i, estimate in mine.items():
            alike = estimate.text in texts and (estimate.tied or estimate.p is None)
            if estimate.best or alike:
                marked[i][number] = dataclasses.replace(cells[i], best=True, tied=True)
    return [dataclasses.replace(row, values=tuple(values)) for row, values in zip(rows, marked, strict=True)]
