"""Vector drawings in the page's own colours: axes, dots, lines, areas. Every shape is written as SVG text."""

import html
import math
from collections.abc import Sequence


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """About `count` round numbers from `low` to `high`."""
    if not high > low:
        return [low]
    step = 10 ** math.floor(math.log10((high - low) / count))
    step *= min((m for m in (1, 2, 5, 10)), key=lambda m: abs((high - low) / (step * m) - count))
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 10) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def scale(low: float, high: float, start: float, end: float):
    """A function from values in [low, high] to places in [start, end]; equal bounds go to the middle."""
    if low == high:
        return lambda value: (start + end) / 2
    return lambda value: start + (value - low) / (high - low) * (end - start)


def span(values: Sequence[float], margin: float = 0.05) -> tuple[float, float]:
    """The values' range with a margin on both sides."""
    low, high = min(values), max(values)
    room = (high - low or abs(high) or 1) * margin
    return low - room, high + room


def svg(width: float, height: float, label: str, shapes: Sequence[str], kind: str = "") -> str:
    """A drawing of `width` x `height` units that scales with the page; `label` says what it shows."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{html.escape(label)}" class="drawing {kind}" '
        f'style="max-width: {width:g}px">' + "".join(shapes) + "</svg>"
    )


def text(x: float, y: float, words: str, anchor: str = "start", kind: str = "") -> str:
    """Words at a place; `anchor`: start, middle or end."""
    attributes = (f' text-anchor="{anchor}"' if anchor != "start" else "") + (f' class="{kind}"' if kind else "")
    return f'<text x="{x:.4g}" y="{y:.4g}"{attributes}>{html.escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line; `kind`: its class."""
    return f'<line x1="{x1:.4g}" y1="{y1:.4g}" x2="{x2:.4g}" y2="{y2:.4g}" class="{kind}"/>'


def dot(x: float, y: float, kind: str, title: str, radius: float = 4) -> str:
    """A dot that says on hover what it is."""
    return (
        f'<circle cx="{x:.4g}" cy="{y:.4g}" r="{radius:g}" class="{kind}"><title>{html.escape(title)}</title></circle>'
    )


def polyline(points: Sequence[tuple[float, float]], kind: str) -> str:
    """A line through points."""
    return f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" class="{kind}"/>'


def number(value: float) -> str:
    """A tick's number, short."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


def axes(
    x: tuple[float, float], y: tuple[float, float], box: tuple[float, float, float, float], names: tuple[str, str]
):
    """Axes over the box (left, top, right, bottom): two scales, and the shapes of grid, ticks and names."""
    left, top, right, bottom = box
    across, up = scale(*x, left, right), scale(*y, bottom, top)
    shapes = []
    for value in ticks(*x):
        shapes += [
            line(across(value), top, across(value), bottom, "grid"),
            text(across(value), bottom + 14, number(value), "middle"),
        ]
    for value in ticks(*y):
        shapes += [line(left, up(value), right, up(value), "grid"), text(left - 5, up(value) + 4, number(value), "end")]
    shapes.append(text((left + right) / 2, bottom + 29, names[0], "middle", "name"))
    shapes.append(text(left - 30, top - 8, names[1], "start", "name"))
    return across, up, shapes
