"""A table as plain values, before it is CSV, Markdown, LaTeX or part of a page."""

import dataclasses

from ccc.report.summary import Figure

ARABIC = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7}
BLANK = "–"  # there cannot be a figure: the paper has no such row, or the method was not run here
NOT_AVAILABLE = "n/a"


@dataclasses.dataclass(frozen=True)
class Value:
    """What stands at one place of a table.

    `best`: no method run here has a better one; `tied`: not significantly worse than the best; `notes`: numbers of the
    notes that it refers to; `reason`: of an n/a; `figure`: what stands behind one of ours.
    """

    text: str
    best: bool = False
    tied: bool = False
    notes: tuple[int, ...] = ()
    reason: str = ""
    figure: Figure | None = None


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
    """One row; `kind` is "method", "reference" (floor or ceiling, never best), "published" or "not run"."""

    label: str
    kind: str
    values: tuple[Value, ...]
    notes: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Table:
    """One table: `notes[k - 1]` is the text of note k, `head` stands over the rows' labels.

    `number`: the paper's roman one; "" for a table that is not in it, which has a `slug` for its files.
    """

    number: str
    title: str
    groups: tuple[Group, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    head: str = "Method"
    slug: str = ""

    @property
    def name(self) -> str:
        """Its files' name without suffix: "table_3"."""
        return self.slug or f"table_{ARABIC[self.number]}"

    @property
    def heading(self) -> str:
        """What stands before its title: "Table III. "."""
        return f"Table {self.number}. " if self.number else ""

    @property
    def columns(self) -> list[tuple[Group, Column]]:
        """All columns from left to right, each with its group."""
        return [(group, column) for group in self.groups for column in group.columns]


class Notes:
    """Numbers notes in order of appearance; one text has one number."""

    def __init__(self):
        self.texts: list[str] = []

    def __call__(self, *texts: str) -> tuple[int, ...]:
        for text in texts:
            if text and text not in self.texts:
                self.texts.append(text)
        return tuple(dict.fromkeys(self.texts.index(text) + 1 for text in texts if text))
