"""The plots of the report: each a vector drawing with the data behind it as CSV text."""

import csv
import dataclasses
import io
from collections.abc import Mapping, Sequence

import numpy as np

from ccc.codebook import Codebook, ColorGrid
from ccc.metrics.registry import find
from ccc.report.drawing import axes, dot, line, number, polyline, scale, span, svg, text, ticks
from ccc.report.lines import Line, datasets_of, interval
from ccc.report.lines import text as value_text
from ccc.report.previews import class_palette

LEVELS = 5  # shades of an occupancy plot, each a decade of shares
_GRID = ColorGrid()


@dataclasses.dataclass(frozen=True)
class Plot:
    """`drawings`: SVG texts by caption; `data`: CSV text, and `name`, its file's name without suffix."""

    name: str
    title: str
    about: str
    drawings: Mapping[str, str]
    data: str


def to_csv(header: Sequence[str], rows) -> str:
    """Rows as CSV text."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()


def dot_plot(lines: Sequence[Line], metric: str) -> Plot:
    """A metric of every method with its interval, a panel for each dataset."""
    fact = find(metric)
    better = {"lower": "lower is better", "higher": "higher is better", None: "neither direction is better"}
    rows, drawings = [], {}
    for dataset in datasets_of(lines):
        shown = [item for item in lines if item.cell.dataset == dataset and metric in item.figures]
        figures = [(item, item.figures[metric]) for item in shown if item.figures[metric].value is not None]
        for item in shown:
            f = item.figures[metric]
            rows.append([dataset, item.cell.method, item.cell.variant, metric, f.value, f.low, f.high, f.n])
        if not figures:
            continue
        ends = [v for _, f in figures for v in (f.value, f.low, f.high) if v is not None]
        across = scale(*span(ends), 190, 410)
        height = 18 * len(figures) + 34
        shapes = []
        for value in ticks(*span(ends)):
            shapes += [
                line(across(value), 6, across(value), height - 26, "grid"),
                text(across(value), height - 10, number(value), "middle"),
            ]
        for place, (item, figure) in enumerate(figures):
            y = 16 + 18 * place
            kind = "reference" if item.is_reference else "hollow" if item.cell.variant == "sam" else "solid"
            says = f"{item.label}: {value_text(figure)}" + (f" ({interval(figure)})" if interval(figure) else "")
            shapes.append(text(182, y + 4, _short(_plain(item), 30), "end"))
            if figure.low is not None:
                shapes.append(line(across(figure.low), y, across(figure.high), y, "whisker"))
            shapes.append(dot(across(figure.value), y, kind, says))
        label = f"{fact.title} of {len(figures)} methods on {dataset}"
        drawings[f"{dataset} (n = {figures[0][0].cell.images})"] = svg(420, height, label, shapes)
    return Plot(
        f"metric_{metric}", fact.title, f"{fact.compares}; {better[fact.direction]}.", drawings,
        to_csv(["dataset", "method", "variant", "metric", "value", "low", "high", "n"], rows),
    )  # fmt: skip


def trade_off(lines: Sequence[Line], x: str, y: str) -> Plot:
    """Each method as a point: how near to the truth, and how many of its colours."""
    rows, drawings = [], {}
    for dataset in datasets_of(lines):
        points = [
            (item, item.figures[x].value, item.figures[y].value)
            for item in lines
            if item.cell.dataset == dataset and {x, y} <= set(item.figures)
        ]
        points = [point for point in points if None not in point]
        rows += [[dataset, item.cell.method, item.cell.variant, a, b] for item, a, b in points]
        if not points:
            continue
        box = (44, 26, 400, 250)
        names = (find(x).title + (" in dB" if x == "psnr" else ""), find(y).title)
        across, up, shapes = axes(
            span([a for _, a, _ in points], 0.12), span([b for *_, b in points], 0.12), box, names
        )
        taken: list[tuple[float, float, float, float]] = []
        for item, a, b in points:
            kind = "reference" if item.is_reference else "hollow" if item.cell.variant == "sam" else "solid"
            says = f"{item.label}: {names[0]} {a:.2f}, {names[1]} {b:.3f}"
            shapes.append(dot(across(a), up(b), kind, says))
            taken.append((across(a) - 5, up(b) - 5, across(a) + 5, up(b) + 5))
        for item, a, b in points:
            shapes += _label(across(a), up(b), _short(_plain(item), 24), box, taken)
        label = f"{find(y).title} against {find(x).title} on {dataset}"
        drawings[dataset] = svg(410, 290, label, shapes)
    return Plot(
        "trade_off", f"{find(y).title} against {find(x).title}",
        "To the right: nearer to the truth pixel by pixel. Higher: more of the truth's colour classes, or of others, "
        "appear. A gray picture stands low and may stand far right.",
        drawings, to_csv(["dataset", "method", "variant", x, y], rows),
    )  # fmt: skip


def _label(x, y, words, box, taken) -> list[str]:
    """Words beside a point where they cover nothing placed before; none where there is no room."""
    width = 5.6 * len(words)
    for dx, dy, anchor in (
        (8, 4, "start"), (-8, 4, "end"), (0, -9, "middle"), (0, 17, "middle"), (8, -7, "start"), (8, 15, "start"),
        (-8, -7, "end"), (-8, 15, "end"),
    ):  # fmt: skip
        left = x + dx - {"start": 0, "middle": width / 2, "end": width}[anchor]
        area = (left, y + dy - 10, left + width, y + dy + 2)
        inside = area[0] >= box[0] and area[2] <= box[2] + 8 and area[1] >= box[1] - 4 and area[3] <= box[3]
        if inside and not any(
            area[0] < other[2] and other[0] < area[2] and area[1] < other[3] and other[1] < area[3] for other in taken
        ):
            taken.append(area)
            return [text(x + dx, y + dy, words, anchor)]
    return []


def _plain(item: Line) -> str:
    return item.label.removeprefix("Reference: ")  # references are gray dots


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"


def occupancy(counts: Mapping[str, np.ndarray], truth: np.ndarray, dataset: str) -> Plot:
    """Which colour classes the pixels of each method fall into, beside the truth.

    `counts`: by label int64 `(400,)`, over all pictures; `truth`: of the true pictures.
    """
    rows, drawings = [], {}
    true_share = truth / truth.sum()
    for label, found in {"Truth": truth, **counts}.items():
        share = found / max(found.sum(), 1)
        rows += [
            [dataset, label, k, *(f"{v:g}" for v in _GRID.centers[k]), found[k]] for k in np.flatnonzero(found).tolist()
        ]
        occupied = int((found > 0).sum())
        common = np.minimum(share, true_share).sum()
        caption = f"{label}: {occupied} classes" + ("" if label == "Truth" else f", {common:.0%} of pixels as in truth")
        drawings[caption] = svg(
            200, 200, f"colour classes of {label} on {dataset}: {occupied} of 400 occupied", _occupied(share), "gamut"
        )
    return Plot(
        f"gamut_{dataset}", dataset,
        "Columns are a from -100 (green) to 100 (red), rows b from 100 (yellow, top) to -100 (blue). A class with at "
        "least a hundredth of the pixels is drawn in full colour, and paler by a fifth for each tenfold fewer.",
        drawings, to_csv(["dataset", "source", "class", "a", "b", "pixels"], rows),
    )  # fmt: skip


def _occupied(share: np.ndarray) -> list[str]:
    """Occupied classes in their colours under veils of the page's ground, one path a shade."""
    with np.errstate(divide="ignore"):
        level = np.clip(np.ceil(-np.log10(share) - 2), 0, LEVELS - 1)
    side = _GRID.delta
    shapes = ['<use href="#classes"/>']
    for shade in range(1, LEVELS + 1):
        chosen = (share == 0) if shade == LEVELS else (level == shade) & (share > 0)
        if chosen.any():
            path = _cells(chosen.reshape(side, side), 200 / side)
            shapes.append(f'<path d="{path}" class="veil" opacity="{shade / LEVELS:g}"/>')
    shapes += ['<path d="M100 0v200M0 100h200" class="cross"/>', '<path d="M.5.5h199v199h-199z" class="frame"/>']
    return shapes


def _cells(chosen: np.ndarray, size: float) -> str:
    """A path over the chosen cells of `(rows, columns)`, row 0 (lowest b) at the bottom, neighbours in one run."""
    parts = []
    for row, cells in enumerate(chosen):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], cells.astype(int), [0]])))
        for start, end in edges.reshape(-1, 2):
            y = (len(chosen) - 1 - row) * size
            parts.append(f"M{start * size:g} {y:g}h{(end - start) * size:g}v{size:g}H{start * size:g}z")
    return "".join(parts)


def class_symbol() -> str:
    """The 400 classes in their colours, to be used by all occupancy plots of a page."""
    size = 200 // _GRID.delta
    squares = []
    for k, (red, green, blue) in enumerate(class_palette()):
        x, y = k % _GRID.delta * size, (_GRID.delta - 1 - k // _GRID.delta) * size
        squares.append(f'<path d="M{x} {y}h{size}v{size}h-{size}z" fill="#{red:02x}{green:02x}{blue:02x}"/>')
    return (
        '<svg width="0" height="0" aria-hidden="true" class="symbols"><defs><g id="classes" '
        'shape-rendering="crispEdges">' + "".join(squares) + "</g></defs></svg>"
    )


def balance(book: Codebook, upsilon: float = 0.5) -> Plot:
    """Share of each kept class in the training pictures, and in the loss once Eq. 15 weighs it."""
    from ccc.loss import class_weights

    counts = np.bincount(book.lookup, weights=book.counts, minlength=book.size)
    weights = class_weights(counts, upsilon).astype(np.float64)
    order = np.argsort(-counts, kind="stable")
    before, after = counts / counts.sum(), counts * weights / (counts * weights).sum()
    box = (66, 24, 640, 220)
    low = np.floor(np.log10(min(before[before > 0].min(), after[after > 0].min())))
    across, up = scale(0, max(book.size - 1, 1), box[0], box[2]), scale(low, 0, box[3], box[1])
    shapes = []
    for power in range(int(low), 1):
        shapes += [
            line(box[0], up(power), box[2], up(power), "grid"),
            text(box[0] - 6, up(power) + 4, f"{100 * 10.0**power:g} %", "end"),
        ]
    for values, kind in ((before, "series"), (after, "series dashed")):
        shapes.append(polyline([(across(i), up(np.log10(values[k]))) for i, k in enumerate(order) if values[k]], kind))
    shapes.append(text((box[0] + box[2]) / 2, box[3] + 20, "kept classes, the commonest first", "middle", "name"))
    rows = [
        [int(book.active[k]), *(f"{v:g}" for v in book.centers[k]), int(counts[k]), before[k], weights[k], after[k]]
        for k in order.tolist()
    ]
    effective = [float(np.exp(-(p[p > 0] * np.log(p[p > 0])).sum())) for p in (before, after)]
    return Plot(
        "class_balance", "Classes before and after balancing",
        f"Share of the {book.size} kept classes in the training pictures (line) and in the loss, once Eq. 15 with "
        f"trade-off {upsilon:g} weighs each class (dashed), on a logarithmic scale. The shares are as varied as "
        f"{effective[0]:.1f} equally common classes before, {effective[1]:.1f} after (exponential of the entropy). "
        "Training weighs each batch by its own counts; this is over all pictures.",
        {"": svg(660, 250, "share of each class before and after balancing", shapes)},
        to_csv(["class", "a", "b", "pixels", "share_before", "weight", "share_after"], rows),
    )  # fmt: skip
