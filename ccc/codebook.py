"""Colour classes: the grid of 400 bins over the ab plane (Eq. 9-11) and the codebook of the bins in use (Eq. 12)."""

import dataclasses
import functools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, NotRequired

import numpy as np
import pydantic
from typing_extensions import TypedDict

from ccc.color import Array, in_parts, library_of, rgb_to_lab
from ccc.core.errors import CCCError
from ccc.core.files import safetensors_metadata, write_text
from ccc.core.stored import LOOSE, Count, read_json, reading, typed
from ccc.settings.data import PAPERS_THRESHOLD, CodebookChoice

PAPER_SIZE = 215  # classes that the paper kept for Places365
PAPER_SHARE = PAPERS_THRESHOLD / 109_885_440  # its threshold as a share of all its cells
REACHABLE = 265  # grid classes of all 8-bit sRGB colours, after clamping


@dataclasses.dataclass(frozen=True)
class ColorGrid:
    """Square bins over the ab plane; class = row of b * `delta` + column of a (Eq. 9, Fig. 4, Table II).

    `alpha`: side of a bin, `beta`: shift into the positive quadrant, both in CIELAB units; `delta`: bins per side.
    """

    alpha: int = 10
    beta: int = 100
    delta: int = 20

    @property
    def size(self) -> int:
        """Number of classes, `delta` squared: 400."""
        return self.delta**2

    def encode(self, ab: Array) -> Array:
        """Class of each colour: float `(..., 2)` in CIELAB units to int64 `(...)` in [0, size).

        NumPy array or torch tensor. Each channel is rounded to 0.01, floored to its bin separately (flooring the sum
        of Eq. 9 would let a spill into b), and clamped to the grid, because sRGB reaches b = -107.9. Rounding gives
        every neutral gray class 210 despite conversion noise: a = b = 0 is the corner of four bins. Raises ValueError
        if the last axis is not 2.
        """
        if ab.shape[-1:] != (2,):
            raise ValueError(f"ab must have shape (..., 2), got {tuple(ab.shape)}")
        xp = library_of(ab)
        bins = xp.floor((xp.round(ab * 100) + 100 * self.beta) / (100 * self.alpha))
        bins = xp.asarray(xp.clip(bins, 0, self.delta - 1), dtype=xp.int64)
        return bins[..., 1] * self.delta + bins[..., 0]

    def decode(self, classes: Array) -> Array:
        """Centre of each class's bin: integer `(...)` in [0, size) to float32 `(..., 2)` (Eq. 10-11: 10 * bin - 95).

        NumPy array or torch tensor. Raises ValueError for classes of an array outside the grid.
        """
        xp = library_of(classes)
        if xp is np and np.size(classes) and not 0 <= np.min(classes) <= np.max(classes) < self.size:
            raise ValueError(f"classes must be in [0, {self.size}), got {np.min(classes)} to {np.max(classes)}")
        bins = xp.stack([classes % self.delta, classes // self.delta], axis=-1)
        return xp.asarray(bins, dtype=xp.float32) * self.alpha - self.beta + self.alpha / 2  # unsigned ones would wrap

    @property
    def centers(self) -> np.ndarray:
        """float32 `(size, 2)`: the centre of every class."""
        return self.decode(np.arange(self.size))


def _entries(table: np.ndarray, places: Array) -> Array:
    """Looks up indices in an integer table, with the library and device of `places`."""
    xp = library_of(places)
    return table[places] if xp is np else xp.as_tensor(table, device=places.device)[places.long()]


@functools.lru_cache(maxsize=64)
def area_weights(source: int, target: int) -> np.ndarray:
    """float32 `(target, source)`: row i averages the source cells under target cell i, weighted by their overlap."""
    edges = np.arange(target + 1) * (source / target)
    cells = np.arange(source)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    return (np.clip(overlap, 0, None) * (target / source)).astype(np.float32)


def area_mean(planes: np.ndarray, size: int) -> np.ndarray:
    """Area mean of float `(H, W, C)` over a grid of `size` x `size` cells: `(size, size, C)`."""
    height, width = planes.shape[:2]
    if height % size == 0 and width % size == 0:
        blocks = planes.reshape(size, height // size, size, width // size, -1)
        return blocks.mean(axis=(1, 3), dtype=np.float64).astype(planes.dtype)
    down = np.tensordot(area_weights(height, size), planes, axes=(1, 0))
    return np.einsum("jw,iwc->ijc", area_weights(width, size), down)


def class_map(rgb: np.ndarray, size: int = 56, grid: ColorGrid = ColorGrid()) -> np.ndarray:
    """Grid classes of a picture at `size` x `size`: area mean of its float a and b planes, then Eq. 9.

    `rgb`: uint8 `(H, W, 3)` or float in [0, 1], of any size. Returns uint16 `(size, size)` in [0, grid.size).
    Source: implementation set up of the paper ("each ground truth a*b* tensor was resized into 56x56").
    """
    return grid.encode(area_mean(in_parts(lambda part: rgb_to_lab(part)[..., 1:], rgb), size)).astype(np.uint16)


@pydantic.with_config(pydantic.ConfigDict(extra="forbid", strict=True))
class _Grid(TypedDict):
    alpha: Annotated[int, pydantic.Field(gt=0, le=255)]
    beta: Annotated[int, pydantic.Field(ge=0, le=255)]
    delta: Annotated[int, pydantic.Field(gt=0, le=64)]  # 4,096 classes: their distances fit in memory


@pydantic.with_config(LOOSE)
class _Stored(TypedDict):
    """The fields of a codebook's JSON that `from_dict` reads."""

    grid: _Grid
    threshold: Count
    mapping: Literal["ab", "index"]
    active: list[Count]
    counts: list[Count]
    lookup: list[Count]
    clamped_pixels: NotRequired[Count | None]


@dataclasses.dataclass(frozen=True, eq=False)
class Codebook:
    """The grid classes kept for training, and the mapping of the others to them (Eq. 12); see `fit` and `load`."""

    grid: ColorGrid
    counts: np.ndarray  # int64 (grid.size,): pixels of each grid class
    threshold: int
    mapping: str
    active: np.ndarray  # int64 (size,): kept grid classes, sorted
    lookup: np.ndarray  # int64 (grid.size,): index into active
    clamped: int | None = None  # pixels outside the grid; None if not counted

    @classmethod
    def fit(
        cls,
        counts: np.ndarray,
        threshold: int = PAPERS_THRESHOLD,
        mapping: str = CodebookChoice().mapping,
        grid: ColorGrid = ColorGrid(),
        clamped: int | None = None,
    ) -> "Codebook":
        """Keep the classes with at least `threshold` pixels and map each other class to the nearest kept class.

        `counts`: non-negative integers `(grid.size,)`. `mapping`: "ab" measures distance between bin centres in the
        ab plane (ties: more frequent class, then lower index); "index" between class numbers, as Eq. 12 is printed,
        which wraps around the rows of the grid. Raises CCCError if no class reaches the threshold, ValueError for
        invalid `counts` or `mapping`. Source: "Color Class reduction", Eq. 12.
        """
        counts = np.asarray(counts)
        if counts.shape != (grid.size,) or not np.issubdtype(counts.dtype, np.integer) or counts.min() < 0:
            raise ValueError(
                f"counts must be non-negative integers of shape ({grid.size},), got {counts.dtype} {counts.shape}"
            )
        if mapping not in ("ab", "index"):
            raise ValueError(f'mapping must be "ab" or "index", got {mapping!r}')
        active = np.flatnonzero(counts >= max(threshold, 1))
        if not active.size:
            raise CCCError(
                f"codebook: no class has {threshold} pixels or more (the commonest has {counts.max()}, "
                f"{counts.sum()} pixels in all): lower the threshold or shard more photographs"
            )
        if mapping == "ab":
            doubled = (2 * grid.centers).astype(np.int64)  # exact, so that ties are
            offsets = doubled[:, None] - doubled[active]
            distance = (offsets**2).sum(axis=-1)
        else:
            distance = np.abs(np.arange(grid.size)[:, None] - active)
        # Nearest first, then most frequent, then lowest index: lexsort is stable and columns are sorted by index.
        lookup = np.array([np.lexsort((-counts[active], row))[0] for row in distance])
        return cls(grid, counts.astype(np.int64), int(threshold), mapping, active, lookup, clamped)

    @property
    def size(self) -> int:
        """Number of classes kept: 215 in the paper."""
        return len(self.active)

    def encode(self, ab: Array) -> Array:
        """Index of each colour's class: float `(..., 2)` to int64 `(...)` in [0, size). NumPy array or torch tensor."""
        return self.reduce(self.grid.encode(ab))

    def reduce(self, classes: Array) -> Array:
        """Grid classes (any integer type, `(...)`, in [0, grid.size)) to int64 indices in [0, size)."""
        return _entries(self.lookup, classes)

    def decode(self, indices: Array) -> Array:
        """Bin centre of each index: integer `(...)` in [0, size) to float32 `(..., 2)`. NumPy array or torch tensor."""
        return self.grid.decode(_entries(self.active, indices))

    @property
    def centers(self) -> np.ndarray:
        """float32 `(size, 2)`: the centre of every kept class."""
        return self.grid.decode(self.active)

    @property
    def kept_counts(self) -> np.ndarray:
        """float64 `(size,)`: pixels of every kept class, with those of the grid classes that map to it."""
        return np.bincount(self.lookup, weights=self.counts, minlength=self.size)

    @property
    def dropped(self) -> np.ndarray:
        """int64, sorted: grid classes that occur but are not kept."""
        return np.setdiff1d(np.flatnonzero(self.counts), self.active)

    @property
    def moves(self) -> np.ndarray:
        """float32 `(grid.size,)`: distance in ab between the bin centres of each grid class and its kept class."""
        return np.linalg.norm(self.centers[self.lookup] - self.grid.centers, axis=-1)

    def to_dict(self) -> dict:
        """Plain values for JSON; `from_dict` restores them."""
        moved, inactive = self.moves, self.dropped
        total = int(self.counts.sum())
        return {
            "format": "ccc-codebook-1",
            "grid": dataclasses.asdict(self.grid),
            "threshold": self.threshold,
            "mapping": self.mapping,
            "size": self.size,
            "pixels": total,
            "clamped_pixels": self.clamped,
            "moved_pixels": int(self.counts[inactive].sum()),
            "largest_move": float(moved[inactive].max()) if inactive.size else 0.0,
            "active": self.active.tolist(),
            "counts": self.counts.tolist(),
            "lookup": self.lookup.tolist(),
        }

    @classmethod
    def from_dict(cls, value: dict) -> "Codebook":
        """Restore a codebook. Raises CCCError if its lookup does not follow from counts, threshold and mapping."""
        try:
            typed(value, _Stored)
            counts, grid = np.array(value["counts"], dtype=np.int64), ColorGrid(**value["grid"])
            fitted = cls.fit(counts, value["threshold"], value["mapping"], grid, value.get("clamped_pixels"))
        except ValueError as error:
            raise CCCError(f"not a codebook: {error}") from None
        if fitted.active.tolist() != value["active"] or fitted.lookup.tolist() != value["lookup"]:
            raise CCCError("codebook: its active classes or lookup do not follow from its counts; fit it again")
        return fitted

    def save(self, path: str | os.PathLike) -> None:
        """Write JSON that reads and diffs well: one line per field, grid arrays one line per row of b."""
        lines = []
        for key, value in self.to_dict().items():
            if key in ("counts", "lookup"):
                rows = np.array(value).reshape(self.grid.delta, -1).tolist()
                lines.append(f' "{key}": [\n' + ",\n".join("  " + json.dumps(row)[1:-1] for row in rows) + "\n ]")
            else:
                lines.append(f' "{key}": {json.dumps(value)}')
        write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Codebook":
        """Read a file of `save`, or the codebook in a model's metadata (`.safetensors`).

        Raises CCCError naming the file if it is missing or not a codebook.
        """
        remedy = "make one with `ccc codebook`"
        if Path(path).suffix == ".safetensors":
            return cls.of_model(safetensors_metadata(path), path)
        value = read_json(path, "codebook", remedy)
        with reading(path, "not a codebook", remedy, CCCError):
            return cls.from_dict(value)

    @classmethod
    def of_model(cls, metadata: Mapping[str, str], path: str | os.PathLike) -> "Codebook":
        """The codebook in the metadata of a model's file. Raises CCCError naming the file if there is none."""
        with reading(path, "not a codebook in its metadata", "train the model again", CCCError):
            return cls.from_dict(json.loads(metadata.get("codebook", "")))
