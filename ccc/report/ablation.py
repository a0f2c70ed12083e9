"""Results of `ccc.harmonize.ablation` as text."""

from collections.abc import Mapping, Sequence


def ablation_cells(rows: Sequence[Mapping]) -> list[tuple[str, ...]]:
    """Head and rows as text, for a table on a terminal or a page."""
    head = ("colours", "delta", "Psi", "pixels changed", "mean ab shift", "classes a segment", "PSNR (dB)", "CNR")
    formats = {"changed_share": "{:.1%}", "mean_ab_shift": "{:.2f}", "classes_per_segment": "{:.2f}", "psnr": "{:.2f}"}
    words = [head]
    for row in rows:
        numbers = [
            "n/a" if row[key] is None else form.format(row[key]) for key, form in (formats | {"cnr": "{:.3f}"}).items()
        ]
        setting = ("as they are", "") if row["delta"] is None else (f"{row['delta']:g}", f"{row['min_pixels']:g}")
        words.append((row["colors"], *setting, *numbers))
    return words
