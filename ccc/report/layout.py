"""A table as plain values, before it is CSV, Markdown, LaTeX or part of a page."""

import dataclasses

from ccc.report.results import Estimate

ARABIC = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7}
BLANK = "–"  # there cannot be a figure: the paper has no such row, or the method was not run here


@dataclasses.dataclass(frozen=True)
class Value:
    """What stands at one place of a table.

    `best`: no method run here has a better one; `tied`: not significantly worse than the best; `notes`: numbers of the
    notes that it refers to; `reason`: of an n/a; `estimate`: what stands behind one of ours.
    """

    text: str
    best: bool = False
    tied: bool = False
    notes: tuple[int, ...] = ()
    reason: str = ""
    estimate: Estimate | None = None


@dataclasses.dataclass(frozen=True)
class Column:
    """One column; `kind` is "ours", "published" or "difference".

    `group`: title of the neighbouring columns of one dataset; `dataset`, `metric`: ours; `paper`, `printed`: the
    paper's names of both; `notes` and `group_notes`: numbers of notes.
    """

    title: str
    kind: str
    group: str = ""
    dataset: str | None = None
    metric: str = ""
    paper: str | None = None
    printed: str = ""
    notes: tuple[int, ...] = ()
    group_notes: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Row:
    """One row; `kind` is "method", "reference" (floor or ceiling, never best), "published" or "not run"."""

    label: str
    kind: str
    values: tuple[Value, ...]
    notes: tuple[int, ...] = ()
    key: tuple[str, str] | None = None  # method and variant


@dataclasses.dataclass(frozen=True)
class Table:
    """One table: `notes[k - 1]` is the text of note k, `head` stands over the rows' labels.

    `number`: the paper's roman one; "" for a table that is not in it. `name`: its files' name without suffix.
    """

    number: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    head: str = "Method"
    name: str = ""

    def __post_init__(self):
        if not self.name:
            object.__setattr__(self, "name", f"table_{ARABIC[self.number]}")

    @property
    def heading(self) -> str:
        """What stands before its title: "Table III. "."""
        return f"Table {self.number}. " if self.number else ""

    @property
    def groups(self) -> list[Column]:
        """The first column of each group."""
        return [c for k, c in enumerate(self.columns) if not k or c.group != self.columns[k - 1].group]


class Notes:
    """Numbers notes in order of appearance; one text has one number."""

    def __init__(self):
        self.texts: list[str] = []

    def __call__(self, *texts: str) -> tuple[int, ...]:
        for text in texts:
            if text and text not in self.texts:
                self.texts.append(text)
        return tuple(dict.fromkeys(self.texts.index(text) + 1 for text in texts if text))
