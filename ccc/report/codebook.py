"""A codebook described in words and drawn as in the paper's Fig. 6 and 7."""

import os
from typing import Any

import numpy as np

from ccc.codebook import PAPER_SHARE, PAPER_SIZE, REACHABLE, Codebook, ColorGrid
from ccc.color import lab_to_rgb, rgb_to_lab
from ccc.core.files import written_whole


def describe(codebook: Codebook) -> list[tuple[str, str]]:
    """Names and descriptions of a codebook's facts: classes kept, dropped, moved and clamped."""
    cells, dropped, moves = int(codebook.counts.sum()), codebook.dropped, codebook.moves
    far, clamped = "no cell is moved", "not counted"
    if dropped.size:
        moved = codebook.counts[dropped]
        far = (
            f"{moved.sum():,} cells ({moved.sum() / cells:.2g} of all), moved by "
            f"{np.average(moves[dropped], weights=moved):.1f} on average and {moves[dropped].max():.1f} at most in ab, "
            f"between bin centres; {runs(dropped)}"
        )
    if codebook.clamped is not None:
        clamped = f"{codebook.clamped:,} cells ({codebook.clamped / cells:.2g} of all) lay outside the grid"
    kept = (
        f"{codebook.size} of {codebook.grid.size} classes; the paper kept {PAPER_SIZE}, and 8-bit sRGB reaches "
        f"{REACHABLE}, of which {(codebook.counts > 0).sum()} occur here"
    )
    share = f"{codebook.threshold:,} of {cells:,} cells, a share of {codebook.threshold / cells:.3g}"
    return [
        ("kept", kept), ("threshold", f"{share}; the paper's is {PAPER_SHARE:.3g}"), ("classes", runs(codebook.active)),
        ("dropped", f"{len(dropped)} classes that occur: {far}"), ("clamped", clamped), ("mapping", codebook.mapping),
    ]  # fmt: skip


def runs(numbers: np.ndarray) -> str:
    """Sorted whole numbers as text, neighbours joined: `[1, 2, 3, 7]` gives "1-3 7"."""
    parts = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    return " ".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else f"{part[0]}" for part in parts)


def class_colors(grid: ColorGrid) -> np.ndarray:
    """A colour for every grid class: float32 `(grid.size, 3)` sRGB in [0, 1], its bin centre as vivid as sRGB allows.

    The lightness, from 5 to 95, is the one at which clipping to sRGB changes the centre least; ties go to the one
    nearest to 65.
    """
    lightness = np.arange(5, 96, 5)
    centers = grid.centers
    lab = np.empty((len(lightness), len(centers), 3), np.float32)
    lab[..., 0], lab[..., 1:] = lightness[:, None], centers
    rgb = lab_to_rgb(lab)
    error = np.linalg.norm(rgb_to_lab(rgb) - lab, axis=-1).round(1)
    best = np.lexsort((np.broadcast_to(np.abs(lightness - 65)[:, None], error.shape), error), axis=0)[0]
    return rgb[best, np.arange(len(centers))]


def draw(codebook: Codebook, path: str | os.PathLike) -> None:
    """Draw which classes are kept, in their colours, and how often every class occurs, as SVG.

    Left the kept classes in colour (the paper's Fig. 7); in the middle the class matrix with what is kept, dropped and
    absent, the share of each as a shade (Fig. 6); right all classes by falling share, with the threshold. Equal
    codebooks give equal bytes. Source: Fig. 4 to 7.
    """
    from matplotlib import rc_context
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    grid = codebook.grid
    low, high = -grid.beta, grid.alpha * grid.delta - grid.beta
    placed: dict[str, Any] = {"origin": "lower", "extent": (low, high, low, high), "interpolation": "none"}
    shape, cells = (grid.delta, grid.delta), codebook.counts.sum()
    kept = np.isin(np.arange(grid.size), codebook.active)
    share = np.where(codebook.counts > 0, codebook.counts / cells, np.nan)
    colors = class_colors(grid)
    fixed: dict[Any, Any] = {"svg.hashsalt": "ccc", "svg.fonttype": "path", "font.size": 9}
    with rc_context(fixed | {"image.composite_image": False}), written_whole(path) as scratch:
        figure = Figure(figsize=(15, 4.8), layout="constrained")
        left, middle, right = figure.subplots(1, 3, width_ratios=(1.08, 1.19, 1))
        painted = np.concatenate([colors, kept[:, None]], axis=1).reshape(*shape, 4)
        left.imshow(painted, **placed)
        left.set_title(f"{codebook.size} classes kept, in colour (the paper kept {PAPER_SIZE})")
        shades = middle.imshow(share.reshape(shape), cmap="viridis", norm=LogNorm(), **placed)
        figure.colorbar(shades, ax=middle, label="share of all cells")
        half = grid.alpha / 2
        for a, b in grid.centers[codebook.dropped]:
            for sign in (1, -1):
                middle.plot([a - half, a + half], [b - sign * half, b + sign * half], color="crimson", linewidth=0.8)
        middle.set_title("how often each class occurs; crossed out: dropped")
        for axes in (left, middle):
            ticks = range(low, high + 1, 50)
            axes.set(xlabel="a", ylabel="b", xticks=ticks, yticks=ticks, facecolor="0.93")
        order = np.argsort(-codebook.counts, kind="stable")[: int((codebook.counts > 0).sum())]
        right.bar(np.arange(1, len(order) + 1), share[order], width=1, color=colors[order])
        right.axhline(codebook.threshold / cells, color="black", linewidth=0.8)
        right.axvline(PAPER_SIZE + 0.5, color="black", linewidth=0.8, linestyle="dashed")
        right.set(yscale="log", xlabel="classes by falling share", xlim=(0.5, REACHABLE + 0.5))
        right.set_title(f"line: threshold; dashed: {PAPER_SIZE}, as the paper kept")
        figure.savefig(scratch, format="svg", metadata={"Date": None})
