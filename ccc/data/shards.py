"""Writing of training shards: WebDataset tars of gray pictures and class maps, with histograms; `stream` reads them."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
import pydantic
from typing_extensions import TypedDict

from ccc.codebook import ColorGrid
from ccc.core.errors import CCCError, ImageError, NothingUsable
from ccc.core.files import printable, sha256, write_json, written_whole
from ccc.core.images import framed, read_rgb
from ccc.core.stored import LOOSE, Count, read_arrays, read_json, reading
from ccc.data.classify import classified
from ccc.data.index import Choice, Index
from ccc.data.likeness import SUFFIX, perceptual_hash, write_pictures
from ccc.data.sources import Source
from ccc.settings.data import Data

DEFAULTS = Data()
GRID = ColorGrid()
NEARLY_GRAY = "chroma below min_chroma"  # why a photograph is skipped
NEAR_GRAY = 2  # mean chroma; the minimum of 3,000 colour photographs is 2.8
AGAIN = "write the shard again with `ccc shard`"
LARGEST_SIDE = 4096  # pixels of a training picture
MOST_CELLS = 1 << 44  # of one class in one shard: more than in 2^31 samples of the paper's size
QUALITY = 92  # of the gray JPEGs; benchmarks/quality.py measures others
# OpenCV's INTER_CUBIC does not antialias: above this factor INTER_AREA is closer to Lanczos (benchmarks/README.md).
MUCH = 1.35
Digest = Annotated[str, pydantic.Field(pattern="^[0-9a-f]{64}$")]
INTERPOLATION = f"OpenCV INTER_AREA along sides that shrink by more than {MUCH}, INTER_CUBIC else"


def resized(rgb: np.ndarray, side: int, fit: str = "crop") -> np.ndarray:
    """Resize uint8 `(H, W, 3)` to `(side, side, 3)` by `INTERPOLATION`.

    `fit`: "crop" takes the central square first; "stretch" changes the aspect ratio. Raises ValueError for another.
    """
    rgb = framed(rgb, fit)
    # Two steps, since INTER_AREA does not average along a shrinking side if the other side grows.
    height, width = (side if extent > MUCH * side else extent for extent in rgb.shape[:2])
    for target, interpolation in (((width, height), cv2.INTER_AREA), ((side, side), cv2.INTER_CUBIC)):
        if rgb.shape[1::-1] != target:
            rgb = cv2.resize(np.ascontiguousarray(rgb), target, interpolation=interpolation)
    return np.ascontiguousarray(rgb)


def make_sample(
    rgb: np.ndarray, size: int = 224, map_size: int = 56, fit: str = "crop"
) -> tuple[np.ndarray, np.ndarray, int, float]:
    """Make a training sample of one photograph, uint8 `(H, W, 3)`.

    Returns the gray picture, uint8 `(size, size)` holding L * 255 / 100; its class map, uint16 `(map_size, map_size)`
    of grid classes; the number of cells outside the grid, which were clamped; and the mean chroma of the cells in
    CIELAB units. The class map is Eq. 9 of the area means of a and b in the resized picture. `fit`: see `resized`.
    Raises ValueError if `size` is not a multiple of `map_size`, or for another `fit`.
    """
    if size % map_size:
        raise ValueError(f"size must be a multiple of map_size, got {size} and {map_size}")
    return classified(resized(rgb, size, fit), map_size, GRID.alpha, GRID.beta, GRID.delta)


def encoded(gray: np.ndarray, quality: int = QUALITY) -> bytes:
    """The JPEG file of uint8 `(H, W)`."""
    return cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def slice_of(count: int, shard: int, of: int) -> range:
    """Positions of slice `shard` of `count` pictures cut into `of` contiguous slices, equal to within one."""
    return range(count * shard // of, count * (shard + 1) // of)


def write_shard(
    source: str | os.PathLike | Source,
    path: str | os.PathLike,
    shard: int = 0,
    of: int = 1,
    size: int = DEFAULTS.size,
    map_size: int = DEFAULTS.size // 4,
    fit: str = DEFAULTS.fit,
    min_chroma: float | None = DEFAULTS.min_chroma,
    choice: Choice = Choice(),  # noqa: B008
    index: str | os.PathLike | None = None,
    progress: Callable[[Iterable, int], Iterable] = lambda items, total: items,
) -> dict:
    """Write one shard of a source: `NAME.tar`, `.histogram.npy`, `.pictures.parquet` and `.json`; returns the JSON.

    Equal inputs give equal bytes on the same kind of processor (OpenCV's resizing depends on its instructions).
    `source`: folder, archive or list (`ccc.data.sources.Source`); `path`: the tar to write; `shard`, `of`: see
    `slice_of`; `index`: the output of `ccc index` for this source, or None to scan it and apply `choice`;
    `min_chroma`: skip pictures of less mean chroma, CIELAB units. Unreadable pictures are skipped too. The tar holds
    `key.gray.jpg` and `key.classes.npy` for each sample; the key is its position among the chosen pictures. The
    histogram is int64 `(400,)`; `ccc.data.likeness` defines the Parquet file. The JSON counts samples, clamped cells,
    nearly gray photographs (mean chroma below `NEAR_GRAY`) and skipped ones, by reason and name, and in shard 0 those
    that the scan refused. It is written last: a tar with its JSON is complete. Raises CCCError if the source is
    invalid, the index is stale, or no picture of the slice can be used.
    """
    path = Path(path)
    opened = source if isinstance(source, Source) else Source(source)
    chosen = Index.of(opened, choice) if index is None else Index.open(index, opened)
    positions = slice_of(len(chosen), shard, of)
    if not positions:
        raise CCCError(f"{opened.path}: {len(chosen)} pictures do not fill {of} shards; ask for at most {len(chosen)}")
    pictures = zip(positions, opened.read(chosen.entries(positions.start, positions.stop)), strict=True)
    statistics_path = path.with_suffix(".json")
    statistics_path.unlink(missing_ok=True)  # of an earlier run: marks the shard as unfinished
    with (
        written_whole(statistics_path) as temporary_statistics,
        written_whole(path.with_suffix(".histogram.npy")) as temporary_histogram,
        written_whole(path.with_suffix(SUFFIX)) as temporary_pictures,
        written_whole(path) as temporary_path,
    ):
        histogram, known, clamped, near_gray, skipped = _write_samples(
            temporary_path, progress(pictures, len(positions)), size, map_size, fit, min_chroma
        )
        reasons = dict(sorted(Counter(item["reason"] for item in skipped).items()))
        if not known:
            counts = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
            raise NothingUsable(f"{opened.path}: none of the {len(positions)} pictures can be used ({counts})")
        with open(temporary_histogram, "wb") as file:
            np.save(file, histogram)
        write_pictures(temporary_pictures, known)
        statistics = {
            "format": "ccc-shard-1", "shard": shard, "of": of, "samples": len(known), "size": size,
            "map_size": map_size, "fit": fit, "interpolation": INTERPOLATION, "cells": len(known) * map_size**2,
            "clamped_cells": clamped, "near_gray": near_gray, "sha256": sha256(temporary_path),
            "pictures_sha256": sha256(temporary_pictures), "skipped_by_reason": reasons, "skipped": skipped,
            "refused_by_reason": chosen.facts["refused_by_reason"] if shard == 0 else {},
            "refused": chosen.facts["refused"] if shard == 0 else [],
        }  # fmt: skip
        write_json(temporary_statistics, statistics)
    return statistics


def _write_samples(
    path: Path, pictures: Iterable, size: int, map_size: int, fit: str, min_chroma: float | None
) -> tuple[np.ndarray, list[tuple], int, int, list[dict]]:
    """Write the tar. Returns histogram, rows of `write_pictures`, counts of clamped cells and of nearly gray samples,
    and the skipped pictures."""
    from webdataset.writer import TarWriter  # imports torch, not needed to read statistics

    histogram = np.zeros(GRID.size, np.int64)
    known, clamped, near_gray, skipped = [], 0, 0, []
    with (
        open(path, "wb") as file,  # webdataset would run a name that begins with `pipe:`
        TarWriter(file, user="", group="", mode=0o644, mtime=0) as tar,  # 0.0 would add a header to each member
    ):
        for position, (entry, data) in pictures:
            try:
                if isinstance(data, ImageError):
                    raise data
                rgb = read_rgb(data, entry.member)
                gray, classes, outside, chroma = make_sample(rgb, size, map_size, fit)
                if min_chroma is not None and chroma < min_chroma:
                    raise ImageError(entry.member, NEARLY_GRAY)
            except ImageError as error:
                skipped.append({"name": printable(error.name), "reason": error.reason})
                continue
            known.append((printable(entry.member), hashlib.sha256(data).digest(), perceptual_hash(rgb)))
            tar.write({"__key__": f"{position:09d}", "gray.jpg": encoded(gray), "classes.npy": classes})
            histogram += np.bincount(classes.ravel(), minlength=GRID.size)
            clamped += outside
            near_gray += chroma < NEAR_GRAY
    return histogram, known, clamped, near_gray, skipped


@pydantic.with_config(LOOSE)
class Statistics(TypedDict):
    """Validated fields of a shard's JSON."""

    samples: Annotated[int, pydantic.Field(gt=0, le=1 << 31)]
    size: Annotated[int, pydantic.Field(gt=0, le=LARGEST_SIDE)]
    map_size: Annotated[int, pydantic.Field(gt=0, le=LARGEST_SIDE)]
    fit: Literal["crop", "stretch"]
    sha256: Digest
    pictures_sha256: Digest
    clamped_cells: Count
    near_gray: Count
    skipped_by_reason: dict[str, Count]


def read_statistics(shards: Sequence[str | os.PathLike]) -> list[dict]:
    """Read the JSON beside each shard tar. Raises CCCError naming the first that is missing or broken."""
    found = []
    for path in (Path(shard).with_suffix(".json") for shard in shards):
        facts = read_json(path, "statistics of a shard", AGAIN, Statistics)
        if facts["size"] % facts["map_size"]:
            raise CCCError(f"{path}: size {facts['size']} is no multiple of map_size {facts['map_size']}; {AGAIN}")
        cells = facts["samples"] * facts["map_size"] ** 2
        if facts["near_gray"] > facts["samples"] or facts["clamped_cells"] > cells:
            raise CCCError(f"{path}: it counts more than its {facts['samples']:,} photographs have; {AGAIN}")
        found.append(facts)
    return found


def refuse_twice(shards: Sequence[str | os.PathLike], statistics: Sequence[dict]) -> None:
    """Raise CCCError if two shards have the same bytes, so that nothing is counted twice."""
    seen: dict[str, int] = {}
    for number, (shard, facts) in enumerate(zip(shards, statistics, strict=True)):
        if (first := seen.setdefault(facts["sha256"], number)) != number:
            raise CCCError(f"{shard}: the same shard as {shards[first]}; give each shard once")


def sum_histograms(paths: Sequence[str | os.PathLike]) -> np.ndarray:
    """Sum of the shards' histograms: int64 `(400,)`. Raises CCCError naming a file that is not a histogram."""
    total = np.zeros(GRID.size, np.int64)
    for path in paths:
        with reading(path, "not a histogram", AGAIN):
            histogram = np.asarray(read_arrays(path).get("", ()))  # "" is absent from an .npz
            if histogram.shape != total.shape or histogram.dtype.kind not in "iu":
                raise ValueError(f"{histogram.dtype} {histogram.shape}, where {GRID.size} integers are needed")
            if (histogram < 0).any() or (histogram > MOST_CELLS).any():
                raise ValueError(f"counts that are not from 0 to {MOST_CELLS:,}")
        total += histogram.astype(np.int64)
    return total
