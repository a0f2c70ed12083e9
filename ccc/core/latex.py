"""Text for LaTeX."""

import re

_TEX = str.maketrans({
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "α": r"$\alpha$", "β": r"$\beta$", "Δ": r"$\Delta$", "Υ": r"$\Upsilon$", "Φ": r"$\Phi$",
    "δ": r"$\delta$", "Ψ": r"$\Psi$", "↓": r"$\downarrow$", "↑": r"$\uparrow$", "–": "--", "[": "{[}", "]": "{]}",
    "`": r"\textasciigrave{}", "\0": "{}",
})  # fmt: skip
_TYPEWRITER = _TEX | str.maketrans({'"': r"\char34{}", "'": r"\textquotesingle{}"})
CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")  # as in Markdown


def escaped(text: str) -> str:
    """Text on one line with the special characters of LaTeX escaped; characters that do not print are left out.

    Text between backticks becomes `\\texttt`, and pairs of double quotes become LaTeX's.
    """
    line = "".join(filter(str.isprintable, " ".join(text.split())))
    parts = CODE.split(re.sub("-(?=-)", "-\0", line))  # "--", as before an option, would become a dash
    words = [rf"\texttt{{{part.translate(_TYPEWRITER)}}}" if k % 2 else part.translate(_TEX)
             for k, part in enumerate(parts)]  # fmt: skip
    return re.sub('"([^"]*)"', r"``\1''", "".join(words))
