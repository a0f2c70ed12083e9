"""Training shards: WebDataset tars of gray pictures and class maps, with their histograms; `stream` reads them."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from ccc.codebook import ColorGrid
from ccc.core.errors import CCCError, ImageError
from ccc.core.files import write_json, written_whole
from ccc.core.images import central_square, read_rgbx, square
from ccc.data.classify import classified, count
from ccc.data.index import Choice, Index
from ccc.data.jpeg import GrayEncoder
from ccc.data.resizing import planes_of, resized
from ccc.data.sources import Source, printable
from ccc.data.tars import TarWriter, npy_header

GRID = ColorGrid()
QUALITY = 92  # of the gray JPEGs; benchmarks/quality.py tells what another would cost
LARGE = 2048  # a wider or higher photograph is resized by Pillow: the same pixels, and no second copy of a huge picture


def make_sample(rgb: np.ndarray, size: int = 224, map_size: int = 56, fit: str = "crop"):
    """What training needs of one photograph.

    `rgb`: uint8 `(H, W, 3)`, or `(H, W, 4)` whose last channel means nothing. Returns the gray picture, uint8
    `(size, size)` holding L * 255 / 100; its class map, uint16 `(map_size, map_size)` of grid classes; and how many
    cells of the map lie outside the grid and were clamped. The map is the area mean of the float a and b planes of
    the resized picture, then Eq. 9. `size` is a multiple of `map_size`; `fit`: see `ccc.core.images.square`.
    """
    if size % map_size:
        raise ValueError(f"size must be a multiple of map_size, got {size} and {map_size}")
    if max(rgb.shape) > LARGE or rgb.shape[2] == 3:
        planes = planes_of(square(np.ascontiguousarray(rgb[..., :3]), size, fit))
    else:
        pixels = central_square(rgb) if fit == "crop" else rgb
        planes = planes_of(pixels) if pixels.shape[:2] == (size, size) else resized(pixels, size)
    return classified(planes, map_size, GRID.alpha, GRID.beta, GRID.delta)


def slice_of(count: int, shard: int, of: int) -> range:
    """Positions of shard number `shard` out of `of` contiguous, equal to within one, slices of `count` pictures."""
    return range(count * shard // of, count * (shard + 1) // of)


def write_shard(
    source: str | os.PathLike,
    path: str | os.PathLike,
    shard: int = 0,
    of: int = 1,
    size: int = 224,
    map_size: int = 56,
    fit: str = "crop",
    choice: Choice = Choice(),  # noqa: B008
    index: str | os.PathLike | None = None,
    progress: Callable[[Iterable, int], Iterable] = lambda items, total: items,
) -> dict:
    """Write one shard of a source: `NAME.tar`, `NAME.histogram.npy` and `NAME.json`; equal inputs give equal bytes.

    `source`: folder, archive or list (`ccc.data.sources.Source`); `path`: the tar to write; `shard`, `of`: which slice
    of the chosen pictures; `index`: what `ccc index` wrote of this source, or None to scan it now and make the
    `choice`. The tar holds `key.gray.jpg` and `key.classes.npy` a sample, where the key is the picture's position among
    those chosen. The histogram is int64 `(400,)`. The JSON counts samples, clamped cells and skipped pictures, by
    reason and by name, and in shard 0 what the source's scan refused; it is returned. A picture that cannot be read is
    skipped. The JSON appears last: a tar with its JSON beside it is finished. Raises CCCError where the source is no
    source, the index is stale, or no picture of the slice can be read.
    """
    path = Path(path)
    opened = Source(source)
    chosen = Index.of(opened, choice) if index is None else Index.open(index, opened)
    positions = slice_of(len(chosen), shard, of)
    if not positions:
        raise CCCError(f"{source}: {len(chosen)} pictures do not fill {of} shards; ask for at most {len(chosen)}")
    histogram = np.zeros(GRID.size, np.int64)
    clamped, samples, skipped = 0, 0, []
    npy, encode = npy_header((map_size, map_size)), GrayEncoder(size, QUALITY)
    statistics_path = path.with_suffix(".json")
    statistics_path.unlink(missing_ok=True)  # of an earlier run: from here on this shard is unfinished
    with (
        written_whole(statistics_path) as statistics_aside,
        written_whole(path.with_suffix(".histogram.npy")) as histogram_aside,
        written_whole(path) as aside,
    ):
        with TarWriter(aside) as tar:
            stream = zip(positions, opened.read(chosen.entries(positions.start, positions.stop)), strict=True)
            for position, (entry, data) in progress(stream, len(positions)):
                try:
                    if isinstance(data, ImageError):
                        raise data
                    pixels = read_rgbx(data, entry.member)
                except ImageError as error:
                    skipped.append({"name": printable(error.name), "reason": error.reason})
                    continue
                gray, classes, outside = make_sample(pixels, size, map_size, fit)
                del pixels  # the next photograph takes its memory, which is near
                tar.add(f"{position:09d}.gray.jpg", encode(gray))
                tar.add(f"{position:09d}.classes.npy", npy + classes.tobytes())
                count(classes, histogram)
                clamped += outside
                samples += 1
        if not samples:
            reasons = Counter(item["reason"] for item in skipped)
            raise CCCError(f"{source}: none of the {len(positions)} pictures can be read ({_reasons(reasons)})")
        with open(histogram_aside, "wb") as file:
            np.save(file, histogram)
        statistics = {
            "format": "ccc-shard-1",
            "shard": shard,
            "of": of,
            "samples": samples,
            "size": size,
            "map_size": map_size,
            "fit": fit,
            "cells": samples * map_size**2,
            "clamped_cells": clamped,
            "sha256": tar.sha256,
            "skipped_by_reason": dict(sorted(Counter(item["reason"] for item in skipped).items())),
            "skipped": skipped,
            "refused_by_reason": chosen.facts["refused_by_reason"] if shard == 0 else {},
            "refused": chosen.facts["refused"] if shard == 0 else [],
        }
        write_json(statistics_aside, statistics)
    return statistics


def _reasons(reasons: Counter) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))


def read_statistics(shards: Sequence[str | os.PathLike]) -> list[dict]:
    """The JSON beside each shard tar. Raises CCCError naming the first that is missing or broken."""
    found = []
    for shard in map(Path, shards):
        path = shard.with_suffix(".json")
        try:
            found.append(json.loads(path.read_text()))
        except (OSError, json.JSONDecodeError) as error:
            raise CCCError(f"{path}: cannot be read ({error}); write the shard again with `ccc shard`") from None
    return found


def sum_histograms(paths: Sequence[str | os.PathLike]) -> np.ndarray:
    """Sum of the shards' histograms: int64 `(400,)`. Raises CCCError naming a file that is no histogram."""
    total = np.zeros(GRID.size, np.int64)
    for path in paths:
        try:
            histogram = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise CCCError(f"{path}: not a histogram ({error}); write the shard again with `ccc shard`") from None
        if not isinstance(histogram, np.ndarray):
            raise CCCError(f"{path}: not a histogram but an archive; write the shard again with `ccc shard`")
        if histogram.shape != total.shape or histogram.dtype.kind not in "iu":
            raise CCCError(
                f"{path}: a histogram has {GRID.size} integers, this has {histogram.dtype} {histogram.shape}"
            )
        total += histogram
    return total
