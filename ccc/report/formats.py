"""Tables as CSV, Markdown and LaTeX, and their notes, by pandas."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas

from ccc.core.files import write_text, written_whole
from ccc.core.latex import CODE, escaped
from ccc.report import published as paper_figures
from ccc.report.change import changes
from ccc.report.front import interval_words
from ccc.report.overview import table_1, table_2
from ccc.report.results import Results
from ccc.report.tables import BLANK, Table, Value, build_tables

LEGEND = (
    "Bold: best among the methods run here, references left out; italic (underlined in LaTeX): not told apart from the "
    "best by these pictures, which does not make the two equal: a paired Wilcoxon test at 0.05, with Holm's correction "
    "for the methods of one column, not for the metrics and benchmarks. The best is tested against gray and one colour "
    "too, where they were run; a note says where it is not better. "
    f'"Published" columns hold the paper\'s figures; {BLANK}: the paper has no such figure, or the method '
    "was not run here."
)
STATISTICS = [
    "method", "variant", "dataset", "label", "metric", "direction", "kind", "n", "infinite", "value", "median", "sd",
    "low", "high", "best", "tied", "p", "holm", "mean_rank", "reason", "caution",
    "p_gray", "p_constant", "not_better_than",
]  # fmt: skip
FRIEDMAN = ["dataset", "metric", "methods", "pictures", "statistic", "p"]


def write_tables(results: Results, folder: str | os.PathLike) -> list[Path]:
    """Write all tables and values into `folder`; return the paths.

    table_1 to table_7 and all_<dataset>, each as csv, md and tex; `results.csv` and `results.parquet`, every stored
    value; `statistics.csv`, every estimate with interval and tests; `friedman.csv`, whether methods differ at all;
    `harmonization.csv`, harmonized against plain pictures, if both were run; `notes.md`. docs/metrics.md describes
    their columns. Equal results give equal bytes.
    """
    folder, tables = Path(folder), all_tables(results)
    contests = pandas.DataFrame(results.contests, columns=list(FRIEDMAN) + ["others"]).dropna(subset="p")
    texts = {f"{table.name}.{suffix}": write(table) for table in tables for suffix, write in FORMATS.items()}
    texts |= {
        "results.csv": results.values.to_csv(index=False),
        "statistics.csv": results.statistics()[STATISTICS].to_csv(index=False),
        "friedman.csv": contests.astype({"methods": int})[FRIEDMAN].to_csv(index=False),
        "notes.md": notes_text(results, tables),
    }
    (folder / "harmonization.csv").unlink(missing_ok=True)  # of an earlier run
    if len(harmonized := changes(results)):
        texts["harmonization.csv"] = harmonized.to_csv(index=False)
    for name, text in texts.items():
        write_text(folder / name, text)
    with written_whole(folder / "results.parquet") as scratch:
        results.values.to_parquet(scratch, index=False)
    return [folder / name for name in [*texts, "results.parquet"]]


def all_tables(results: Results) -> list[Table]:
    """Tables I to VII, then all metrics of each dataset."""
    return [table_1(), table_2(results.model, results.harmonize), *build_tables(results)]


def compares(table: Table) -> bool:
    """Whether the table compares methods and needs the legend of the marks."""
    return any(row.kind != "part" for row in table.rows)


def to_csv(table: Table) -> str:
    """A table as CSV; missing numbers are empty, so that columns stay numeric.

    The last two columns give the reasons for missing numbers and the notes on the row and its figures.
    """
    head = [table.head.lower(), *(f"{column.group} {column.title}".strip() for column in table.columns)]
    rows = []
    for row in table.rows:
        missing = [f"{name}: {_plain(v.reason)}" for name, v in zip(head[1:], row.values, strict=True) if v.reason]
        texts = ["" if v.reason or v.text == BLANK else v.text for v in row.values]
        filled = [(column, v) for column, v, text in zip(table.columns, row.values, texts, strict=True) if text]
        said = [*row.notes, *(k for column, v in filled for k in (*column.group_notes, *column.notes, *v.notes))]
        notes = "; ".join(_plain(table.notes[k - 1]) for k in dict.fromkeys(said))
        rows.append([_no_formula(row.label), *texts, _no_formula("; ".join(missing)), _no_formula(notes)])
    return pandas.DataFrame(rows, columns=[*map(_no_formula, head), "missing", "notes"]).to_csv(index=False)


def _plain(text: str) -> str:
    """Text without the backticks around code."""
    return CODE.sub(r"\1", text)


def _no_formula(text: str) -> str:
    """Text that no spreadsheet evaluates as a formula: titles and reasons may come from anywhere."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def to_markdown(table: Table) -> str:
    """A table of GitHub's Markdown with its notes below."""
    head = [table.head]
    for column in table.columns:
        over = f"{md(column.group)}<br>" if column.group else ""
        head.append(f"{over}{md(column.title)}{_md_marks(column.group_notes + column.notes)}")
    rows = [
        [md(row.label) + _md_marks(row.notes), *(_md_emphasis(v) + _md_marks(v.notes) for v in row.values)]
        for row in table.rows
    ]
    lines = [f"**{table.heading}{md(table.title)}**", "", md_table(rows, head), ""]
    lines += [LEGEND, ""] if compares(table) else []
    lines += [f"{number}. {md(text)}" for number, text in enumerate(table.notes, 1)]
    return "\n".join(lines).rstrip() + "\n"


def md_table(rows: Sequence[Sequence[str]], head: Sequence[str]) -> str:
    """Rows of text as a table of GitHub's Markdown, right-aligned but for the first column."""
    frame = pandas.DataFrame(rows, columns=list(head))
    align = ["left"] + ["right"] * (len(head) - 1)
    return frame.to_markdown(index=False, tablefmt="pipe", disable_numparse=True, colalign=align)


def _md_emphasis(value: Value) -> str:
    text = md(value.text)
    return f"**{text}**" if value.best else f"_{text}_" if value.tied else text


def _md_marks(notes: tuple[int, ...]) -> str:
    return f" <sup>{','.join(map(str, notes))}</sup>" if notes else ""


def md(text: str) -> str:
    """Text with the special characters of Markdown escaped, but for those of code between backticks."""
    parts = CODE.split(" ".join(text.split()))
    parts[1::2] = [f"`{part}`" for part in parts[1::2]]
    special = re.compile(r"([\\`*_\[\]<>|#~&])")
    # A bar ends the cell of a table, also in code, where it cannot be escaped.
    return "".join(part if k % 2 and "|" not in part else special.sub(r"\\\1", part) for k, part in enumerate(parts))


def _tex(text: str, notes: tuple[int, ...] = ()) -> str:
    """Text with the special characters of LaTeX escaped, and the numbers of its notes."""
    return escaped(text) + (rf"\textsuperscript{{{','.join(map(str, notes))}}}" if notes else "")


def _tex_value(value: Value) -> str:
    text = _tex(value.text)
    text = rf"\textbf{{{text}}}" if value.best else rf"\underline{{{text}}}" if value.tied else text
    return text + _tex("", value.notes)


def to_latex(table: Table) -> str:
    """A table* with booktabs rules, as wide as the text; needs the packages booktabs and graphicx."""
    grouped = any(column.group for column in table.columns)
    head = [("", _tex(table.head)), *((_tex(c.group, c.group_notes), _tex(c.title, c.notes)) for c in table.columns)]
    rows = [[_tex(row.label, row.notes), *map(_tex_value, row.values)] for row in table.rows]
    columns = pandas.MultiIndex.from_tuples(head) if grouped else [title for _, title in head]
    body = pandas.DataFrame(rows, columns=columns).to_latex(
        index=False, escape=False, column_format="l" + "r" * len(table.columns), multicolumn_format="c"
    )
    before, rule, after = body.partition("\\midrule\n")
    lines = after.splitlines()
    for k in range(len(rows) - 1, 0, -1):  # a rule between methods, references and methods not run
        if table.rows[k].kind != table.rows[k - 1].kind:
            lines.insert(k, "\\midrule")
    body = before + rule + "\n".join(lines)
    caption = f"{_tex(table.title)}.{' ' + _tex(LEGEND) if compares(table) else ''}"
    notes = "".join(f"{_tex('', (number,))}~{_tex(text)}.\\par\n" for number, text in enumerate(table.notes, 1))
    if notes:
        notes = f"\n\\smallskip\n\\begin{{minipage}}{{\\linewidth}}\\footnotesize\n{notes}\\end{{minipage}}\n"
    return (
        "% \\usepackage{booktabs,graphicx}\n\\begin{table*}\n\\centering\n"
        f"\\caption{{{caption}}}\n\\label{{tab:ccc-{table.name.replace('_', '-')}}}\n"
        f"\\resizebox{{\\linewidth}}{{!}}{{%\n{body}}}\n{notes}\\end{{table*}}\n"
    )


FORMATS: dict[str, Callable[[Table], str]] = {"csv": to_csv, "md": to_markdown, "tex": to_latex}


def notes_text(results: Results, tables: list[Table]) -> str:
    """Notes of all tables, and why Table III's MSE and PSNR cannot be reproduced, as Markdown."""
    lines = ["# Notes to the tables", "", LEGEND, "", interval_words(results), ""]
    if results.leakage:
        lines += ["## Benchmark pictures among the training photographs", ""]
        lines += [f"- {md(name)}: {md(words)}." for name, words in results.leakage.items()] + [""]
    for table in tables:
        lines += [f"## {table.heading}{md(table.title)}", ""]
        lines += [f"{number}. {md(text)}" for number, text in enumerate(table.notes, 1)] + [""]
    return "\n".join(lines) + "\n## Why Table III's MSE and PSNR cannot be reproduced\n\n" + table_3_arithmetic()


def table_3_arithmetic() -> str:
    """Why Table III's MSE and PSNR cannot be reproduced, from its own figures, as Markdown (PAPER.md 3.6)."""
    three, four = paper_figures.psnr_gaps("III"), paper_figures.psnr_gaps("IV")
    shown = three.assign(floor=three.floor.map("{:.2f}".format), gap=three.gap.map("{:+.2f}".format))
    return (
        "A picture's PSNR is -10 log10 of its MSE, where pictures range from 0 to 1. That function is convex, so by "
        "Jensen's inequality the mean PSNR of some pictures is never below -10 log10 of their mean MSE. In Table III "
        f"{sum(~three.possible)} of {len(three)} rows are below, by {-three.gap.max():.2f} to {-three.gap.min():.2f} "
        "dB, which is more than rounding explains: MSE and PSNR were not computed from the same pixels of the same "
        "eight pictures. No method can reach both, and no difference is formed.\n\n"
        + md_table(
            shown.drop(columns="possible").values.tolist(),
            ["Method", "MSE", "PSNR", "-10 log10(MSE)", "PSNR minus that, dB"],
        )
        + f"\n\nTable IV obeys the inequality in {sum(four.possible)} of {len(four)} pairs, by {four.gap.min():.2f} to "
        f"{four.gap.max():.2f} dB: there, MSE is on [0, 1] and PSNR is the mean over pictures, as here.\n"
    )
