"""What a reader of the tables must know, beside them."""

from collections.abc import Sequence

from ccc.report import published as paper_figures
from ccc.report.formats import LEGEND, md, md_row
from ccc.report.layout import Table


def notes_text(tables: Sequence[Table]) -> str:
    """All notes of all tables, and why Table III's MSE and PSNR are nobody's target, as Markdown."""
    lines = ["# Notes to the tables", "", LEGEND, ""]
    for table in tables:
        lines += [f"## {table.heading}{md(table.title)}", ""]
        lines += [f"{number}. {md(text)}" for number, text in enumerate(table.notes, 1)] + [""]
    return "\n".join(lines) + "\n## Why Table III's MSE and PSNR cannot be reproduced\n\n" + table_3_arithmetic()


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
        md_row(["Method", "MSE", "PSNR", "-10 log10(MSE)", "PSNR minus that, dB"]),
        md_row(["---", *["---:"] * 4]),
        *(md_row([paper_figures.titles()[g.method], g.mse, g.psnr, f"{g.floor:.2f}", f"{g.gap:+.2f}"]) for g in three),
        "",
        f"Table IV obeys the inequality in {sum(g.possible for g in four)} of {len(four)} pairs, by "
        f"{min(g.gap for g in four):.2f} to {max(g.gap for g in four):.2f} dB: there, MSE is on [0, 1] and PSNR is the "
        "mean over pictures, as here.",
    ]
    return "\n".join(lines) + "\n"
