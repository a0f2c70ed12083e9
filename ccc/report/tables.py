"""Tables III to VII as the paper lays them out: ours, published, and their difference where there is one to form.

A table is built once as plain values and then written as CSV, Markdown and LaTeX; the page shows the same values.
"""

import csv
import dataclasses
import io
import os
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from ccc.errors import CCCError
from ccc.files import write_text
from ccc.metrics.registry import METRICS
from ccc.report import published as paper_figures
from ccc.report.cells import (
    REFERENCES,
    VARIANTS,
    Cell,
    format_value,
    is_stand_in,
    metric_columns,
    read_cells,
    row_label,
    sorted_methods,
)

ARROWS = {"lower": "↓", "higher": "↑", None: ""}
BLANK = "–"  # there cannot be a figure: the paper has no such row, or the method was not run here


@dataclasses.dataclass(frozen=True)
class Value:
    """What stands at one place of a table. `notes`: numbers of the notes that it refers to; `reason`: of an n/a."""

    text: str
    best: bool = False
    notes: tuple[int, ...] = ()
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Column:
    """One column: its heading with the arrow of its direction; `kind` is "ours", "published" or "difference"."""

    title: str
    kind: str
    notes: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Group:
    """Neighbouring columns of one dataset, under a heading that says how many pictures."""

    title: str
    columns: tuple[Column, ...]
    notes: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Row:
    """One row; `kind` is "method", "reference" (floor or ceiling, never best) or "published" (not run here)."""

    label: str
    kind: str
    values: tuple[Value, ...]
    notes: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Table:
    """One table: `number` is roman, `notes[k - 1]` the text of note k."""

    number: str
    title: str
    groups: tuple[Group, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its files' name without suffix: "table_3"."""
        return f"table_{paper_figures.ARABIC[self.number]}"

    @property
    def columns(self) -> list[tuple[Group, Column]]:
        """All columns from left to right, each with its group."""
        return [(group, column) for group in self.groups for column in group.columns]


class _Notes:
    """Numbers notes in order of appearance; one text has one number."""

    def __init__(self):
        self.texts: list[str] = []

    def __call__(self, *texts: str) -> tuple[int, ...]:
        for text in texts:
            if text and text not in self.texts:
                self.texts.append(text)
        return tuple(dict.fromkeys(self.texts.index(text) + 1 for text in texts if text))


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where one column's figures come from."""

    kind: str
    dataset: str | None  # ours
    paper: str | None  # the paper's name of the dataset
    ours: str | None  # metric here
    metric: str  # metric of the paper


def check_columns(columns: Mapping[str, str | None]) -> dict[str, str]:
    """Leave out datasets without a counterpart. Raises CCCError for a counterpart that the paper does not have."""
    known = paper_figures.datasets()
    for dataset, paper in columns.items():
        if paper is not None and paper not in known:
            raise CCCError(f"{dataset}: the paper has no column {paper!r}; there are {', '.join(known)}")
    return {dataset: paper for dataset, paper in columns.items() if paper is not None}


def build_tables(
    cells: Sequence[Cell], columns: Mapping[str, str | None], order: Sequence[str] | None = None
) -> list[Table]:
    """Tables III to VII from stored cells.

    `columns`: by our dataset, the paper's column that it is compared with (ADE, Celeba, COCO, Ox. Flower, ImageNet;
    Fig. 9 for a `showcase` that holds the paper's pictures), or None. Datasets without a counterpart get columns
    without published figures; published columns without a dataset here stay, so that every figure of the paper is
    there. `order`: names of methods in the order of their rows. Raises CCCError for an unknown column of the paper.
    """
    columns = check_columns(columns)
    return [_build(cells, paper, columns, order) for paper in paper_figures.load().values()]


def _build(cells, paper: paper_figures.PublishedTable, columns: dict[str, str], order) -> Table:
    notes = _Notes()
    here = [cell for cell in cells if (cell.dataset == paper_figures.SHOWCASE) == (paper.number == "III")]
    groups, places = _layout(here, paper, columns, notes)
    rows, placed = [], set()
    for method in sorted_methods(here, order):
        counterpart = paper_figures.counterpart(method)
        for variant in VARIANTS:
            mine = {cell.dataset: cell for cell in here if (cell.method, cell.variant) == (method, variant)}
            if not mine:
                continue
            stands = counterpart if counterpart and _stands(counterpart, variant, mine.values()) else None
            if stands:
                placed.add(stands)
            values = [_value(place, mine, stands, paper, notes) for place in places]
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
    rows = _mark_best(rows, places)
    not_run = [name for name in paper.methods if name not in placed]
    for name in not_run:
        values = [_value(place, {}, name, paper, notes) for place in places]
        rows.append(Row(f"{paper_figures.titles()[name]} (published only)", "published", tuple(values)))
    return Table(paper.number, paper.title, tuple(groups), tuple(rows), tuple(notes.texts))


def _stands(counterpart: str, variant: str, cells) -> bool:
    """Whether the paper's figures of a method stand in the row of this variant here."""
    if variant == "plain":
        return True
    return counterpart == paper_figures.HARMONIZED and not any(is_stand_in(cell.segmenter) for cell in cells)


def _stand_in(segmenter: str | None) -> str:
    return f"masks come from {segmenter or 'an unnamed segmenter'}, which stands in for the paper's SAM"


def _layout(cells, paper, columns, notes: _Notes) -> tuple[list[Group], list[_Place]]:
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
        for name in fact.ours:
            title = METRICS[name].title + ARROWS[METRICS[name].direction]
            versions = sorted({str(cell.versions[name]) for cell in cells if name in cell.versions})
            mixed = f"cells of versions {', '.join(versions)} of this metric: run `ccc evaluate` again"
            said = notes(mixed) if len(versions) > 1 else ()
            yield _Place("ours", dataset, theirs, name, metric), Column(title, "ours", said)
    if theirs is not None:
        arrow = ARROWS[METRICS[fact.ours[0]].direction]
        impossible = _impossible(paper) if metric in paper.irreproducible else ""
        yield (
            _Place("published", dataset, theirs, None, metric),
            Column(f"{fact.title}{arrow} published", "published", notes(fact.open, impossible)),
        )
        if comparable and fact.difference and not impossible:
            title = f"{fact.title} difference"
            yield _Place("difference", dataset, theirs, fact.ours[0], metric), Column(title, "difference")


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


def _value(place: _Place, mine: Mapping[str, Cell], stands, paper, notes: _Notes) -> Value:
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
    said = notes(f"{METRICS[place.ours].title}: {reason}") if reason else ()
    return Value(format_value(place.ours, value), notes=said)


def _not_available(reason: str, notes: _Notes) -> Value:
    return Value("n/a", notes=notes(f"n/a: {reason}"), reason=reason)


def signed(value: float, printed: str) -> str:
    """`value` minus a printed figure, with the printed digits and a sign; no sign where it rounds to zero."""
    digits = -Decimal(printed).as_tuple().exponent
    text = f"{value - float(printed):+.{digits}f}"
    return text if float(text) else text[1:]


def _mark_best(rows: list[Row], places: Sequence[_Place]) -> list[Row]:
    """Mark what no method beats, among at least two methods; figures that look alike are marked alike."""
    marked = [list(row.values) for row in rows]
    for number, place in enumerate(places):
        if place.kind != "ours" or METRICS[place.ours].direction is None:
            continue
        texts = {i: row.values[number].text for i, row in enumerate(rows) if row.kind == "method"}
        figures = {i: float(text) for i, text in texts.items() if text not in ("n/a", BLANK)}
        if len(figures) < 2:
            continue
        choose = min if METRICS[place.ours].direction == "lower" else max
        for i, figure in figures.items():
            if figure == choose(figures.values()):
                marked[i][number] = dataclasses.replace(marked[i][number], best=True)
    return [dataclasses.replace(row, values=tuple(values)) for row, values in zip(rows, marked, strict=True)]


# Writing


def to_csv(table: Table) -> str:
    """One line a row; a missing figure says why in its place. Notes are in the Markdown file."""
    lines = [["method", *(f"{group.title} {column.title}" for group, column in table.columns)]]
    for row in table.rows:
        lines.append([row.label, *(f"n/a ({v.reason})" if v.reason else v.text for v in row.values)])
    return _csv(lines)


def _csv(lines) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


def to_markdown(table: Table) -> str:
    """A table of GitHub's Markdown with its notes below; the best figures are bold."""
    head = ["Method"]
    for group, column in table.columns:
        head.append(f"{_md(group.title)}<br>{_md(column.title)}{_marks(group.notes + column.notes)}")
    lines = [f"**Table {table.number}.** {_md(table.title)}", "", _md_row(head)]
    lines.append(_md_row(["---", *["---:"] * len(table.columns)]))
    for row in table.rows:
        values = [(f"**{_md(v.text)}**" if v.best else _md(v.text)) + _marks(v.notes) for v in row.values]
        lines.append(_md_row([_md(row.label) + _marks(row.notes), *values]))
    lines += ["", LEGEND, ""]
    lines += [f"{number}. {_md(text)}" for number, text in enumerate(table.notes, 1)]
    return "\n".join(lines).rstrip() + "\n"


LEGEND = (
    'Bold: best among the methods run here, references left out. "Published" columns hold the paper\'s figures; '
    f"{BLANK} means that the paper has no such figure or that the method was not run here."
)


def _marks(notes: tuple[int, ...]) -> str:
    return f" <sup>{','.join(map(str, notes))}</sup>" if notes else ""


def _md_row(words) -> str:
    return "| " + " | ".join(words) + " |"


def _md(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|#~&])", r"\\\1", " ".join(text.split()))


_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "↓": r"$\downarrow$", "↑": r"$\uparrow$", "–": "--", "[": "{[}", "]": "{]}",
}  # fmt: skip


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in " ".join(text.split()) if letter.isprintable())


def _tex_marks(notes: tuple[int, ...]) -> str:
    return rf"\textsuperscript{{{','.join(map(str, notes))}}}" if notes else ""


def to_latex(table: Table) -> str:
    """A table* with booktabs rules, as wide as the text; needs the packages booktabs and graphicx."""
    datasets, rules, metrics, start = "", "", "Method", 2
    for group in table.groups:
        width = len(group.columns)
        datasets += rf" & \multicolumn{{{width}}}{{c}}{{{_tex(group.title)}{_tex_marks(group.notes)}}}"
        rules += rf"\cmidrule(lr){{{start}-{start + width - 1}}}"
        metrics += "".join(f" & {_tex(column.title)}{_tex_marks(column.notes)}" for column in group.columns)
        start += width
    lines = [
        r"% \usepackage{booktabs,graphicx}",
        r"\begin{table*}",
        r"\centering",
        rf"\caption{{{_tex(table.title)}. {_tex(LEGEND)}}}",
        rf"\label{{tab:ccc-{paper_figures.ARABIC[table.number]}}}",
        r"\resizebox{\linewidth}{!}{%",
        rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
        r"\toprule",
        datasets + r" \\",
        rules,
        metrics + r" \\",
    ]
    kind = None
    for row in table.rows:
        if row.kind != kind:
            lines.append(r"\midrule")
            kind = row.kind
        values = [(rf"\textbf{{{_tex(v.text)}}}" if v.best else _tex(v.text)) + _tex_marks(v.notes) for v in row.values]
        lines.append(" & ".join([_tex(row.label) + _tex_marks(row.notes), *values]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}}"]
    if table.notes:
        lines += ["", r"\smallskip", r"\begin{minipage}{\linewidth}\footnotesize"]
        lines += [rf"\textsuperscript{{{number}}}~{_tex(text)}.\par" for number, text in enumerate(table.notes, 1)]
        lines.append(r"\end{minipage}")
    return "\n".join([*lines, r"\end{table*}", ""])


FORMATS: dict[str, Callable[[Table], str]] = {"csv": to_csv, "md": to_markdown, "tex": to_latex}


def to_long(cells: Sequence[Cell], order: Sequence[str] | None = None) -> str:
    """Every stored figure as a line of CSV, in full precision.

    Columns: method, variant, segmenter, dataset, metric, image, value; figures of whole sets have an empty image.
    Figures that could not be computed have no line: the tables say why.
    """
    lines = [["method", "variant", "segmenter", "dataset", "metric", "image", "value"]]
    rank = {name: number for number, name in enumerate(sorted_methods(cells, order))}
    for cell in sorted(cells, key=lambda cell: (rank[cell.method], VARIANTS.index(cell.variant), cell.dataset)):
        front = [cell.method, cell.variant, cell.segmenter or "", cell.dataset]
        for metric in metric_columns(cell):
            lines += [[*front, metric, row["name"], row[metric]] for row in cell.pictures if row[metric]]
        lines += [[*front, metric, "", repr(value)] for metric, value in cell.set.items() if value is not None]
    return _csv(lines)


def notes_text(tables: Sequence[Table]) -> str:
    """All notes of all tables, and why Table III's MSE and PSNR are nobody's target, as Markdown."""
    lines = ["# Notes to the tables", "", LEGEND, ""]
    for table in tables:
        lines += [f"## Table {table.number}: {_md(table.title)}", ""]
        lines += [f"{number}. {_md(text)}" for number, text in enumerate(table.notes, 1)] + [""]
    return "\n".join(lines) + "\n## Why Table III's MSE and PSNR cannot be reproduced\n\n" + table_3_arithmetic()


def published() -> dict:
    """The paper's tables as typed: `published.yaml` itself."""
    return paper_figures.raw()


def table_3_arithmetic() -> str:
    """Why Table III's MSE and PSNR cannot be reproduced, from its own figures, as Markdown (PAPER.md 3.6)."""
    three, four = paper_figures.psnr_gaps("III"), paper_figures.psnr_gaps("IV")
    wrong = sum(not gap.possible for gap in three)
    lines = [
        "A picture's PSNR is -10 log10 of its MSE, where pictures range from 0 to 1. That function is convex, so by "
        "Jensen's inequality the mean PSNR of some pictures is never below -10 log10 of their mean MSE. In Table III "
        f"{wrong} of {len(three)} rows are below, by {-max(g.gap for g in three):.2f} to "
        f"{-min(g.gap for g in three):.2f} dB, which is more than rounding explains: MSE and PSNR were not computed "
        "from the same pixels of the same eight pictures. No method can reach both, and no difference is formed.",
        "",
        _md_row(["Method", "MSE", "PSNR", "-10 log10(MSE)", "PSNR minus that, dB"]),
        _md_row(["---", *["---:"] * 4]),
        *(_md_row([paper_figures.titles()[g.method], g.mse, g.psnr, f"{g.floor:.2f}", f"{g.gap:+.2f}"]) for g in three),
        "",
        f"Table IV obeys the inequality in {sum(g.possible for g in four)} of {len(four)} pairs, by "
        f"{min(g.gap for g in four):.2f} to {max(g.gap for g in four):.2f} dB: there, MSE is on [0, 1] and PSNR is the "
        "mean over pictures, as here.",
    ]
    return "\n".join(lines) + "\n"


def write_tables(
    metrics: Sequence[str | os.PathLike],
    out_dir: str | os.PathLike,
    columns: Mapping[str, str | None],
    order: Sequence[str] | None = None,
) -> list[Path]:
    """Write table_3 to table_7 as csv, md and tex, `results.csv` and `notes.md` into `out_dir`; return their paths.

    `metrics`, `columns`, `order`: as `read_cells` and `build_tables` take them. Equal input gives equal bytes. Raises
    CCCError for metrics that cannot be read and for an unknown column of the paper.
    """
    cells = read_cells(metrics)
    tables = build_tables(cells, columns, order)
    texts = {f"{table.name}.{suffix}": write(table) for table in tables for suffix, write in FORMATS.items()}
    texts |= {"results.csv": to_long(cells, order), "notes.md": notes_text(tables)}
    paths = []
    for name, text in texts.items():
        write_text(Path(out_dir) / name, text)
        paths.append(Path(out_dir) / name)
    return paths
