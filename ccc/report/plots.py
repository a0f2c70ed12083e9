"""The plots of the report: drawings by matplotlib in the page's own colours, each with the data behind it."""

import base64
import dataclasses
import html
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median_high
from typing import Any

import numpy as np
import pandas
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from PIL import Image

from ccc.codebook import Codebook, ColorGrid
from ccc.core.stored import read_numbers
from ccc.metrics.registry import find
from ccc.report.front import brief_labels
from ccc.report.previews import class_counts, class_palette
from ccc.report.results import MethodResult, Results

# Paul Tol's "muted" and two more: every method has one colour in all plots, in the tables' order; references are gray.
COLORS = (
    "#4477aa", "#cc6677", "#228833", "#aa8800", "#aa3377", "#0099aa", "#882255", "#999933", "#6655cc", "#cc6600",
    "#117755", "#77402a",
)  # fmt: skip
INK = {"#010101": "var(--text)", "#020202": "var(--muted)", "#030303": "var(--line)", "#040404": "var(--ground)"}
TEXT, MUTED, LINE, GROUND = INK
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "font.size": 9.5, "text.color": TEXT, "axes.labelcolor": MUTED, "axes.edgecolor": LINE,
    "xtick.color": MUTED, "ytick.color": MUTED, "axes.grid": True, "grid.color": LINE, "grid.linewidth": 0.7,
    "axes.axisbelow": True, "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False,
    "xtick.major.size": 0, "ytick.major.size": 0, "axes.formatter.useoffset": False,
}  # fmt: skip
TIMES = ["method", "dataset", "pictures", "seconds_per_picture"]  # columns of `read_timings`
LEVELS = 5  # shades of an occupancy plot, each a decade of shares


@dataclasses.dataclass(frozen=True)
class Plot:
    """`drawings`: HTML by caption; `data`: the numbers behind them, and `name`, their file's name without suffix."""

    name: str
    title: str
    about: str
    drawings: Mapping[str, str]
    data: pandas.DataFrame


def _axes(width: float, height: float) -> Axes:
    """Axes of a new figure of that size in points."""
    with rc_context(_STYLE):
        return Figure(figsize=(width / 72, height / 72)).subplots()


def _svg(axes: Axes, label: str) -> str:
    """A drawing as SVG: unclipped, scalable, in colours of the style sheet, deterministic.

    `label` describes it. A shape with gid "title: words" shows the words on hover.
    """
    file = io.StringIO()
    with rc_context(_STYLE | {"svg.hashsalt": label}):
        figure: Any = axes.figure
        box = figure.get_tightbbox().padded(0.04)  # "tight" would draw everything twice
        figure.savefig(file, format="svg", metadata={"Date": None}, bbox_inches=box, transparent=True)
    text = file.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text[text.index("<svg") :], flags=re.S)
    text = re.sub(r'<g id="title: (.*?)">', r"<g><title>\1</title>", text)
    text = re.sub(r' id="(?![mp][0-9a-f]{10}")[\w.]+"', "", text)  # keep the ids that are referenced
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    for ink, name in INK.items():
        text = text.replace(ink, name)
    width, height = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)[0]
    size = f'style="width: {float(width) * 4 / 3:.0f}px" viewBox="0 0 {width} {height}"'
    return f'<svg {size} role="img" aria-label="{html.escape(label)}" class="drawing">' + text[text.index(">") + 1 :]


def method_colors(results: Results) -> dict[str, str]:
    """A colour for each method of a run, the same in all plots; the page's quiet one for references."""
    methods = dict.fromkeys(result.method for result in results.methods if not result.is_reference)
    colors = {method: COLORS[k % len(COLORS)] for k, method in enumerate(methods)}
    return {result.method: colors.get(result.method, MUTED) for result in results.methods}


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Write the rows' names at the left, the first on top."""
    place: Any = {"ha": "right", "va": "center_baseline", "transform": axes.get_yaxis_transform()}
    for row, name in enumerate(names):  # as text: a tick takes five times as long
        axes.text(-0.02, row, _short(name, 34), color=TEXT, **place)
    axes.set_yticks([])
    axes.set_ylim(len(names) - 0.4, -0.6)


def _dot(axes: Axes, result: MethodResult, x: float, y: float, color: str, size: float, words: str) -> None:
    """Draw a method, hollow if harmonized; its label and `words` show on hover."""
    face = GROUND if result.variant == "sam" else color
    (dot,) = axes.plot(x, y, "o", color=color, markerfacecolor=face, markersize=size)
    dot.set_gid(f"title: {result.label}: {words}")


def dot_plot(results: Results, metric: str) -> Plot:
    """A metric of every method with its interval, a panel for each dataset."""
    fact, colors, drawings = find(metric), method_colors(results), {}
    better = {"lower": "lower is better", "higher": "higher is better", None: "neither direction is better"}
    for dataset in results.datasets:
        shown = [(r, r.estimates[metric], value) for r in results.on(dataset) if (value := r.value(metric)) is not None]
        if not shown:
            continue
        axes, label = _axes(270, 24 + 14 * len(shown)), f"{fact.title} of {len(shown)} methods on {dataset}"
        for place, (result, e, value) in enumerate(shown):
            color = colors[result.method]
            if e.low is not None and e.high is not None:
                axes.plot([e.low, e.high], [place, place], color=color, linewidth=1.5, alpha=0.6)
            _dot(axes, result, value, place, color, 5.5, e.text + (f" ({e.interval})" if e.interval else ""))
        _name_rows(axes, [brief_labels(results)[result.key] for result, *_ in shown])
        axes.locator_params(axis="x", nbins=5)
        drawings[f"{dataset} (n = {shown[0][0].images})"] = _svg(axes, label)
    columns = ["dataset", "method", "variant", "metric", "value", "low", "high", "n"]
    data = results.statistics()[columns].query("metric == @metric").sort_values("dataset", kind="stable")
    return Plot(f"metric_{metric}", fact.title, f"{fact.compares}; {better[fact.direction]}.", drawings, data)


def trade_off(results: Results, x: str, y: str) -> Plot:
    """Each method as a point: fidelity against number of colours, `y` or the same of a dataset's own size."""
    colors, drawings, rows, own = method_colors(results), {}, [], {}
    for dataset in results.datasets:
        own[dataset] = name = results.named(find(y).base or y, dataset) or y
        names = (find(x).title + (" in dB" if x == "psnr" else ""), find(name).title)
        points = [
            (r, a, b) for r in results.on(dataset) if (a := r.value(x)) is not None and (b := r.value(name)) is not None
        ]
        if not points:
            continue
        axes, label = _axes(330, 230), f"{names[1]} against {find(x).title} on {dataset}"
        for result, a, b in points:
            rows.append({"dataset": dataset, "method": result.method, "variant": result.variant, x: a, name: b})
            _dot(axes, result, a, b, colors[result.method], 6, f"{names[0]} {a:.2f}, {names[1]} {b:.3f}")
        axes.margins(0.15)
        _name_points(axes, [(a, b, _short(brief_labels(results)[r.key], 24)) for r, a, b in points])
        axes.set(xlabel=names[0], ylabel=names[1])
        drawings[dataset] = _svg(axes, label)
    return Plot(
        "trade_off", f"{' or '.join(find(name).title for name in dict.fromkeys(own.values()))} against {find(x).title}",
        "To the right: nearer to the truth pixel by pixel. Higher: more of the truth's colour classes, or of others, "
        "appear. A gray picture stands low and may stand far right. Points whose names would cover others say them on "
        "hover.",
        drawings, pandas.DataFrame(rows, columns=["dataset", "method", "variant", x, *dict.fromkeys(own.values())]),
    )  # fmt: skip


def _name_points(axes: Axes, points: Sequence[tuple[float, float, str]]) -> None:
    """Write each point's name beside it, unless it would cover a point or another name."""
    axes.get_xlim(), axes.get_ylim()  # computes the limits
    frame = axes.get_window_extent()
    places = [axes.transData.transform(point[:2]) for point in points]
    taken = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in places]
    for x, y, words in points:
        for dx, dy, align in ((7, -3, "left"), (-7, -3, "right"), (0, 7, "center"), (0, -14, "center")):
            text = axes.annotate(words, (x, y), (dx, dy), textcoords="offset points", ha=align, size=8.5, color=TEXT)
            box = text.get_window_extent()
            inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 + 60 and frame.y0 <= box.y0
            if inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()


def occupancy(counts: Mapping[str, np.ndarray], dataset: str) -> Plot:
    """The colour classes of each method's pixels, beside the truth.

    `counts`: by label int64 `(400,)`, over all pictures; the first are those of the true ones.
    """
    frames, drawings = [], {}
    shares = {label: found / max(found.sum(), 1) for label, found in counts.items()}
    truth = next(iter(shares.values()))
    for k, (label, share) in enumerate(shares.items()):
        found = class_counts(counts[label])
        frames.append(found.assign(dataset=dataset, source=label)[["dataset", "source", *found]])
        common = f", {np.minimum(share, truth).sum():.0%} overlap" if k else ""
        says = f"colour classes of {label} on {dataset}: {len(found)} of {len(share)} occupied"
        drawings[f"{label}: {len(found)} classes{common}"] = (
            f'<img class="gamut" width="200" height="200" alt="{html.escape(says)}" src="{_class_map(share)}">'
        )
    return Plot(
        f"gamut_{dataset}", dataset,
        "Columns are a from -100 (green) to 100 (red), rows b from 100 (yellow, top) to -100 (blue). A class with at "
        "least a hundredth of the pixels is drawn in full colour, and paler by a fifth for each tenfold fewer. The "
        "overlap is that of the histograms of all pixels; it does not tell how many pixels have their own true class.",
        drawings, pandas.concat(frames),
    )  # fmt: skip


def _class_map(share: np.ndarray) -> str:
    """The occupied classes in their colours, rarer ones fainter, as the address of a picture of one pixel a class."""
    with np.errstate(divide="ignore"):
        level = np.clip(np.ceil(-np.log10(share) - 2), 0, LEVELS - 1)
    alpha = np.where(share > 0, 255 * (1 - level / LEVELS), 0).astype(np.uint8)
    side = ColorGrid().delta
    picture = np.concatenate([class_palette(), alpha[:, None]], axis=1).reshape(side, side, 4)[::-1]
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def balance(book: Codebook, upsilon: float) -> Plot:
    """Share of each kept class in the training pictures, and in the loss once Eq. 15 weighs it."""
    from ccc.loss import class_weights

    counts, weights = book.kept_counts, class_weights(book.kept_counts, upsilon).astype(np.float64)
    order = np.argsort(-counts, kind="stable")
    before, after = counts / counts.sum(), counts * weights / (counts * weights).sum()
    axes, label = _axes(520, 190), "share of each class before and after balancing"
    for share, style in ((before, "-"), (after, "--")):
        axes.plot(share[order], style, color=TEXT, linewidth=1.3)
    axes.set(yscale="log", xlabel="kept classes, the commonest first")
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    axes.minorticks_off()
    effective = [float(np.exp(-(p[p > 0] * np.log(p[p > 0])).sum())) for p in (before, after)]
    data = pandas.DataFrame({
        "class": book.active, "a": book.centers[:, 0], "b": book.centers[:, 1], "pixels": counts.astype(int),
        "share_before": before, "weight": weights, "share_after": after,
    })  # fmt: skip
    return Plot(
        "class_balance", "Classes before and after balancing",
        f"Share of the {book.size} kept classes in the training pictures (line) and in the loss, once Eq. 15 with "
        f"trade-off {upsilon:g} weighs each class (dashed), on a logarithmic scale. The shares are as varied as "
        f"{effective[0]:.1f} equally common classes before, {effective[1]:.1f} after (exponential of the entropy). "
        "Training weighs each batch by its own counts; this is over all pictures.",
        {"": _svg(axes, label)}, data.iloc[order],
    )  # fmt: skip


def read_timings(folder: str | os.PathLike, results: Results) -> pandas.DataFrame:
    """Seconds of a picture by method and dataset: the whole job, with start and loading, over its pictures.

    `folder`: holds Snakemake's `<method>/<dataset>.tsv` for the jobs that were timed; the others are left out.
    """
    rows = []
    for result in results.methods:
        path = Path(folder) / result.method / f"{result.dataset}.tsv"
        if result.variant == "plain" and path.is_file():
            seconds = read_numbers(path, ["s"], "remove it", sep="\t")["s"].mean() / result.images
            rows.append([result.method, result.dataset, result.images, seconds])
    return pandas.DataFrame(rows, columns=TIMES)


def timing(timings: pandas.DataFrame, results: Results) -> Plot:
    """Seconds of a picture by method, over all its pictures; `timings`: as `read_timings` gives them."""
    sums = timings.assign(seconds=timings["seconds_per_picture"] * timings["pictures"]).groupby("method", sort=False)
    mean = sums["seconds"].sum() / sums["pictures"].sum()
    colors, titles = method_colors(results), {result.method: result.title for result in results.methods}
    axes, label = _axes(360, 24 + 15 * len(mean)), "seconds for a picture by method"
    bars = axes.barh(range(len(mean)), mean, height=0.6, color=[colors[method] for method in mean.index])
    axes.bar_label(bars, [f" {value:.2f}" for value in mean], color=TEXT)
    _name_rows(axes, [titles[method] for method in mean.index])
    return Plot("timing", "Seconds for a picture", "", {"": _svg(axes, label)}, timings)


def training_curves(history: str | os.PathLike) -> Iterator[tuple[str, str]]:
    """A small curve for each column of a training history that has two numbers or more: its name and drawing."""
    rows = read_numbers(history, ["step"], "give the folder of `ccc train`").apply(pandas.to_numeric, errors="coerce")
    for name in rows.columns.drop(["step", "epoch"], errors="ignore"):
        if len(found := rows[["step", name]].dropna()) > 1:
            axes, label = _axes(220, 110), f"{name} by step"
            axes.plot(found["step"], found[name], color=TEXT, linewidth=1.3)
            axes.set(xlabel="step")
            axes.locator_params(nbins=4)
            yield name.replace("_", " "), _svg(axes, label)


def ablation_plot(rows: Sequence[Mapping], dataset: str) -> dict[str, str]:
    """PSNR, CNR and classes a segment against delta, a line for each upsampling, at the middle Psi, by caption.

    `rows`: as `ccc.harmonize.ablation.ablate` returns them. A dotted line is the pictures as they are.
    """
    frame = pandas.DataFrame(rows)
    psi = median_high(frame["min_pixels"].dropna().unique())
    drawings = {}
    for column, title in (("psnr", "PSNR in dB"), ("cnr", "CNR"), ("classes_per_segment", "classes a segment")):
        axes, label = _axes(230, 150), f"{title} by delta on {dataset}, Psi = {psi:g}"
        for color, (name, mine) in zip(COLORS, frame.groupby("colors", sort=False), strict=False):
            points = mine[mine["min_pixels"] == psi].sort_values("delta")
            axes.plot(points["delta"], points[column], "o-", color=color, markersize=4, label=name)
            axes.axhline(mine.loc[mine["delta"].isna(), column].iloc[0], color=color, linestyle=":")
        axes.set(xlabel="delta")
        axes.set_xticks(sorted(frame["delta"].dropna().unique()))
        axes.legend(frameon=False, fontsize=8.5, labelcolor=TEXT)
        drawings[f"{title}, Psi = {psi:g}"] = _svg(axes, label)
    return drawings
