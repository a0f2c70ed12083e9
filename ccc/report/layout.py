"""A table as plain values, from which CSV, Markdown, LaTeX and pages are rendered."""

import dataclasses

from ccc.report.results import Estimate

ARABIC = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7}
BLANK = "–"  # no figure exists: the paper has no such row, or the method was not run


@dataclasses.dataclass(frozen=True)
class Value:
    """One cell of a table.

    `best`: no method run here is better; `tied`: not significantly worse than the best; `notes`: numbers of its notes;
    `reason`: of an n/a; `estimate`: the source of a value of ours.
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
    """One table: `notes[k - 1]` is the text of note k, `head` the title of the column of labels.

    `number`: the paper's roman number; "" for other tables. `name`: file name without suffix.
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
        """The prefix of its title: "Table III. "."""
        return f"Table {self.number}. " if self.number else ""

    @property
    def groups(self) -> list[Column]:
        """The first column of each group."""
        return [c for k, c in enumerate(self.columns) if not k or c.group != self.columns[k - 1].group]


class Notes:
    """Numbers notes in order of appearance; equal texts share a number."""

    def __init__(self):
        self.texts: list[str] = []

    def __call__(self, *texts: str) -> tuple[int, ...]:
        for text in texts:
            if text and text not in self.texts:
                self.texts.append(text)
        return tuple(dict.fromkeys(self.texts.index(text) + 1 for text in texts if text))
