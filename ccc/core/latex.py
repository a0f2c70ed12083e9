"""Text for LaTeX."""

_TEX = str.maketrans({
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "α": r"$\alpha$", "β": r"$\beta$", "Δ": r"$\Delta$", "Υ": r"$\Upsilon$", "Φ": r"$\Phi$",
    "δ": r"$\delta$", "Ψ": r"$\Psi$", "↓": r"$\downarrow$", "↑": r"$\uparrow$", "–": "--", "[": "{[}", "]": "{]}",
})  # fmt: skip


def escaped(text: str) -> str:
    """Text on one line with the special characters of LaTeX escaped; characters that do not print are left out."""
    return "".join(filter(str.isprintable, " ".join(text.split()))).translate(_TEX)
