"""Tables as CSV, Markdown and LaTeX."""

import csv
import io
import re
from collections.abc import Callable

from ccc.report.layout import BLANK, Table, Value


def any_figures(table: Table) -> bool:
    """Whether the table compares methods, and so needs the legend of its marks."""
    return any(row.kind != "part" for row in table.rows)


def to_csv(table: Table) -> str:
    """One line a row; a missing figure says why in its place. Notes are in the Markdown file."""
    lines = [[table.head.lower(), *(f"{group.title} {column.title}".strip() for group, column in table.columns)]]
    for row in table.rows:
        lines.append([row.label, *(f"n/a ({v.reason})" if v.reason else v.text for v in row.values)])
    return csv_text(lines)


def csv_text(lines) -> str:
    """Rows of values as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


def to_markdown(table: Table) -> str:
    """A table of GitHub's Markdown with its notes below."""
    head = [table.head]
    for group, column in table.columns:
        over = f"{md(group.title)}<br>" if group.title else ""
        head.append(f"{over}{md(column.title)}{_marks(group.notes + column.notes)}")
    lines = [f"**{table.heading}{md(table.title)}**", "", md_row(head)]
    lines.append(md_row(["---", *["---:"] * len(table.columns)]))
    for row in table.rows:
        values = [_md_emphasis(v) + _marks(v.notes) for v in row.values]
        lines.append(md_row([md(row.label) + _marks(row.notes), *values]))
    lines += ["", LEGEND, ""] if any_figures(table) else [""]
    lines += [f"{number}. {md(text)}" for number, text in enumerate(table.notes, 1)]
    return "\n".join(lines).rstrip() + "\n"


def _md_emphasis(value: Value) -> str:
    text = md(value.text)
    return f"**{text}**" if value.best else f"_{text}_" if value.tied else text


LEGEND = (
    "Bold: best among the methods run here, references left out; italic (underlined in LaTeX): not significantly worse "
    "than the best, by a paired Wilcoxon test over the pictures with Holm's correction at 0.05. "
    f'"Published" columns hold the paper\'s figures; {BLANK}: the paper has no such figure, or the method '
    "was not run here."
)


def _marks(notes: tuple[int, ...]) -> str:
    return f" <sup>{','.join(map(str, notes))}</sup>" if notes else ""


def md_row(words) -> str:
    return "| " + " | ".join(words) + " |"


def md(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|#~&])", r"\\\1", " ".join(text.split()))


_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "α": r"$\alpha$", "β": r"$\beta$", "Δ": r"$\Delta$", "Υ": r"$\Upsilon$", "Φ": r"$\Phi$",
    "δ": r"$\delta$", "Ψ": r"$\Psi$", "↓": r"$\downarrow$", "↑": r"$\uparrow$", "–": "--", "[": "{[}", "]": "{]}",
}  # fmt: skip


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in " ".join(text.split()) if letter.isprintable())


def _tex_marks(notes: tuple[int, ...]) -> str:
    return rf"\textsuperscript{{{','.join(map(str, notes))}}}" if notes else ""


def _tex_emphasis(value: Value) -> str:
    text = _tex(value.text)
    return rf"\textbf{{{text}}}" if value.best else rf"\underline{{{text}}}" if value.tied else text


def to_latex(table: Table) -> str:
    """A table* with booktabs rules, as wide as the text; needs the packages booktabs and graphicx."""
    datasets, rules, metrics, start = "", "", _tex(table.head), 2
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
        rf"\caption{{{_tex(table.title)}.{' ' + _tex(LEGEND) if any_figures(table) else ''}}}",
        rf"\label{{tab:ccc-{table.name.replace('_', '-')}}}",
        r"\resizebox{\linewidth}{!}{%",
        rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
        r"\toprule",
        *([datasets + r" \\", rules] if any(group.title for group in table.groups) else []),
        metrics + r" \\",
    ]
    kind = None
    for row in table.rows:
        if row.kind != kind:
            lines.append(r"\midrule")
            kind = row.kind
        values = [_tex_emphasis(v) + _tex_marks(v.notes) for v in row.values]
        lines.append(" & ".join([_tex(row.label) + _tex_marks(row.notes), *values]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}}"]
    if table.notes:
        lines += ["", r"\smallskip", r"\begin{minipage}{\linewidth}\footnotesize"]
        lines += [rf"\textsuperscript{{{number}}}~{_tex(text)}.\par" for number, text in enumerate(table.notes, 1)]
        lines.append(r"\end{minipage}")
    return "\n".join([*lines, r"\end{table*}", ""])


FORMATS: dict[str, Callable[[Table], str]] = {"csv": to_csv, "md": to_markdown, "tex": to_latex}
