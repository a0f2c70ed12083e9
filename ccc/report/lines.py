"""The cells of a run as the pages list them: a line for each, with its figures by metric."""

import dataclasses
from collections.abc import Mapping, Sequence

from ccc.metrics.registry import find
from ccc.report.cells import REFERENCES, Cell, format_value, row_label
from ccc.report.layout import NOT_AVAILABLE
from ccc.report.summary import Figure, Summary


@dataclasses.dataclass(frozen=True)
class Line:
    """One method, variant and dataset: its `cell`, what it is called, and its figures by metric."""

    cell: Cell
    label: str
    figures: Mapping[str, Figure]

    @property
    def key(self) -> str:
        """Method and variant: "ccc/plain"."""
        return f"{self.cell.method}/{self.cell.variant}"

    @property
    def is_reference(self) -> bool:
        """Whether it is a floor or ceiling, never best."""
        return self.cell.method in REFERENCES

    def value(self, metric: str) -> float | None:
        """A metric's value, None where there is none."""
        return self.figures[metric].value if metric in self.figures else None


def lines_of(cells: Sequence[Cell], summary: Summary) -> list[Line]:
    """Lines by dataset, and in the summary's order of methods and variants within each."""
    figures: dict[tuple, dict[str, Figure]] = {}
    for figure in summary.figures:
        figures.setdefault((figure.method, figure.variant, figure.dataset), {})[figure.metric] = figure
    by_key = {cell.key: cell for cell in cells}
    lines = [Line(by_key[key], row_label(cells, *key[:2]), mine) for key, mine in figures.items()]
    return sorted(lines, key=lambda line: line.cell.dataset)


def metrics_of(lines: Sequence[Line]) -> list[str]:
    """Names of all metrics that any line has, in order of appearance."""
    return list(dict.fromkeys(metric for line in lines for metric in line.figures))


def datasets_of(lines: Sequence[Line]) -> list[str]:
    """Names of the datasets, in order of appearance."""
    return list(dict.fromkeys(line.cell.dataset for line in lines))


def of_base(lines: Sequence[Line], base: str) -> str | None:
    """The name that a metric has in these lines ("cnr" may be "cnr_256"), the first with a value; None without one."""
    named = (metric for metric in metrics_of(lines) if base in (metric, find(metric).base))
    return next((metric for metric in named if any(line.value(metric) is not None for line in lines)), None)


def text(figure: Figure) -> str:
    """A figure's value in the tables' digits."""
    return NOT_AVAILABLE if figure.value is None else format_value(figure.metric, figure.value)


def interval(figure: Figure) -> str:
    """A figure's 95% interval in the tables' digits; "" without one."""
    if figure.low is None or figure.high is None:
        return ""
    return f"{format_value(figure.metric, figure.low)} to {format_value(figure.metric, figure.high)}"
