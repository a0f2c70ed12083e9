"""Comparison before and after harmonization, with mask outlines and magnified views of the largest changes."""

import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from skimage.segmentation import find_boundaries

from ccc.color import read_gray, rgb_to_lab
from ccc.core.errors import CCCError
from ccc.core.files import write_json, written_whole
from ccc.core.images import read_rgb
from ccc.segment.base import Segmenter
from ccc.segment.rle import decode
from ccc.segment.store import pictures_alike
from ccc.settings.harmonization import Algorithm

TILE = 384  # side of a tile in pixels, at most
BORDER, HEAD = 6, 20
FRAMES = ((255, 210, 0), (0, 220, 255), (255, 90, 200), (120, 255, 90))  # RGB, of the windows in turn


def comparison(
    before: np.ndarray,
    after: np.ndarray,
    masks: Sequence[dict],
    truth: np.ndarray | None = None,
    windows: int = 2,
    min_pixels: int = Algorithm().min_pixels,
) -> np.ndarray:
    """Draw the columns before, after and, if given, truth.

    `before`, `after`, `truth`: uint8 RGB `(H, W, 3)`; `masks`: COCO records; those of more than `min_pixels` pixels are
    outlined. The top row shows the whole picture; each further row magnifies a window of an eighth of its longer side,
    framed in the same colour above, at the mask outlines where ab moved most. There are at most `windows`. Returns
    uint8 RGB.
    """
    pictures = [picture for picture in (before, after, truth) if picture is not None]
    shapes = {picture.shape for picture in pictures}
    if len(shapes) > 1:
        raise CCCError(f"pictures to compare must be of one size, got {' and '.join(map(str, sorted(shapes)))}")
    inside = [decode(mask["segmentation"]) for mask in masks if mask["area"] > min_pixels]
    height, width = before.shape[:2]
    side = min(max(round(max(height, width) / 8), 8), height, width)
    scale = TILE / max(height, width)
    rows = [[_tile(picture, inside, (round(height * scale), round(width * scale))) for picture in pictures]]
    for (y, x), color in zip(_places(before, after, inside, side, windows), itertools.cycle(FRAMES)):
        window = slice(y, y + side), slice(x, x + side)
        cut = [mask[window] for mask in inside]
        tiles = [_tile(picture[window], cut, (TILE, TILE)) for picture in pictures]
        for tile in tiles:
            ImageDraw.Draw(tile).rectangle((0, 0, tile.width - 1, tile.height - 1), outline=color, width=3)
        for tile in rows[0]:
            box = (x * scale, y * scale, (x + side) * scale, (y + side) * scale)
            ImageDraw.Draw(tile).rectangle(box, outline=color, width=2)
        rows.append(tiles)
    lefts = [BORDER + number * (TILE + BORDER) for number in range(len(pictures))]
    *tops, bottom = itertools.accumulate((row[0].height + BORDER for row in rows), initial=HEAD)
    sheet = Image.new("RGB", (lefts[-1] + TILE + BORDER, bottom), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for left, title in zip(lefts, ("before", "after", "truth"), strict=False):
        draw.text((left, 2), title, fill="black", font=font)
    for top, row in zip(tops, rows, strict=True):
        for left, tile in zip(lefts, row, strict=True):
            sheet.paste(tile, (left, top))
    return np.asarray(sheet)


def _edges(masks: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Returns bool `(H, W)`: the inner boundary pixels of the masks."""
    found = np.zeros(shape, bool)
    for mask in masks:
        found |= find_boundaries(mask, mode="inner")
    return found


def _tile(picture: np.ndarray, masks: Sequence[np.ndarray], size: tuple[int, int]) -> Image.Image:
    """Returns the picture at `size` with half-transparent one-pixel outlines, white on dark, black on bright."""
    tile = np.array(Image.fromarray(np.ascontiguousarray(picture)).resize(size[::-1], Image.Resampling.NEAREST))
    rows = np.arange(size[0]) * picture.shape[0] // size[0]
    columns = np.arange(size[1]) * picture.shape[1] // size[1]
    edges = _edges([mask[rows][:, columns] for mask in masks], size)
    bright = tile[edges].mean(axis=-1, keepdims=True) > 128
    tile[edges] = np.where(bright, tile[edges] * 0.5, tile[edges] * 0.5 + 127).astype(np.uint8)
    return Image.fromarray(tile)


def _places(
    before: np.ndarray, after: np.ndarray, masks: Sequence[np.ndarray], side: int, count: int
) -> list[tuple[int, int]]:
    """Top left corners of non-overlapping windows, by total ab shift within 3 pixels of outlines, largest first."""
    shift = np.linalg.norm(rgb_to_lab(after)[..., 1:] - rgb_to_lab(before)[..., 1:], axis=-1)
    shift[~ndimage.binary_dilation(_edges(masks, shift.shape), iterations=3)] = 0
    found: list[tuple[int, int]] = []
    while len(found) < count:
        summed = np.pad(shift.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
        sums = summed[side:, side:] - summed[:-side, side:] - summed[side:, :-side] + summed[:-side, :-side]
        y, x = (int(place) for place in np.unravel_index(sums.argmax(), sums.shape))
        if sums[y, x] <= side:  # less than one unit along a side of the window: not visible
            break
        found.append((y, x))
        shift[y : y + side, x : x + side] = 0
    return found


def write_comparisons(
    gray_dir: str | os.PathLike,
    before_dir: str | os.PathLike,
    after_dir: str | os.PathLike,
    segmenter: Segmenter,
    out_dir: str | os.PathLike,
    count: int = 3,
    truth_dir: str | os.PathLike | None = None,
    windows: int = 2,
    min_pixels: int = Algorithm().min_pixels,
    progress: Callable[[list[str]], Iterable[str]] = iter,
) -> list[dict]:
    """Draw the `count` pictures of a folder with the largest mean ab shift by harmonization.

    Writes `<out_dir>/<number>.jpg` and `comparisons.json`, the returned list of name, file, changed_share in [0, 1],
    mean_ab_shift in CIELAB units, and segmenter. It omits unchanged pictures and may be empty. Raises CCCError for
    missing pictures or masks.
    """
    folders = {"gray": gray_dir, "before": before_dir, "after": after_dir} | ({"truth": truth_dir} if truth_dir else {})
    out = Path(out_dir).resolve()
    if inside := [folder for folder in folders.values() if Path(folder).resolve() in (out, *out.parents)]:
        raise CCCError(f"{out_dir}: in {inside[0]}, whose pictures are compared; write the figures to another folder")
    files = pictures_alike(folders)
    segmenter.require(files["gray"])
    changes = []
    for name in progress(list(files["gray"])):
        before, after = (rgb_to_lab(read_rgb(files[side][name]))[..., 1:] for side in ("before", "after"))
        if before.shape != after.shape:
            raise CCCError(f"{files['after'][name]}: differs in size from {files['before'][name]}")
        shift = np.linalg.norm(after - before, axis=-1)
        if shift.any():
            changes.append((-float(shift.mean()), name, float((shift > 0).mean())))
    written = []
    for number, (shift, name, share) in enumerate(sorted(changes)[:count]):
        masks, maker = segmenter.attributed(read_gray(files["gray"][name]), name)
        before, after = (read_rgb(files[side][name]) for side in ("before", "after"))
        truth = read_rgb(files["truth"][name]) if truth_dir else None
        sheet = comparison(before, after, masks, truth, windows, min_pixels)
        file = f"{number:03d}.jpg"  # picture names may hold any character
        with written_whole(Path(out_dir) / file) as scratch:
            Image.fromarray(sheet).save(scratch, quality=88)
        facts = {"changed_share": share, "mean_ab_shift": -shift, "segmenter": maker}
        written.append({"name": name, "file": file, **facts})
    write_json(Path(out_dir) / "comparisons.json", written)
    return written
