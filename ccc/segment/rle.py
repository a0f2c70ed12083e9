"""Masks as COCO run-length encoding: column by column, runs of zeros and ones in turn, packed into a string.

Writing is pycocotools'. Reading is done here, because pycocotools fills what a short encoding leaves out with
whatever lies in memory: here an encoding that does not cover its picture exactly is refused.
"""

import dataclasses

import numpy as np

from ccc.core.errors import CCCError


@dataclasses.dataclass(frozen=True)
class Runs:
    """A mask as runs. `lengths`: int64 `(n,)`, zeros first, column by column, summing to height * width."""

    height: int
    width: int
    lengths: np.ndarray

    @property
    def area(self) -> int:
        """Pixels of the mask."""
        return int(self.lengths[1::2].sum())

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x, y, width, height in pixels of the smallest box around the mask; (0, 0, 0, 0) where it is empty."""
        ends = self.lengths.cumsum()
        inside = np.flatnonzero(self.lengths[1::2]) * 2 + 1
        if not inside.size:
            return 0, 0, 0, 0
        first, last = ends[inside - 1], ends[inside] - 1
        left, right = int(first[0] // self.height), int(last[-1] // self.height)
        if (first // self.height != last // self.height).any():
            top, bottom = 0, self.height - 1  # a run goes over the foot of one column to the head of the next
        else:
            top, bottom = int((first % self.height).min()), int((last % self.height).max())
        return left, top, right - left + 1, bottom - top + 1

    def mask(self) -> np.ndarray:
        """bool `(height, width)`, laid out column by column in memory."""
        values = np.arange(len(self.lengths)) % 2 == 1
        return np.repeat(values, self.lengths).reshape(self.width, self.height).T


def scan(mask: np.ndarray) -> Runs:
    """Runs of a bool `(H, W)` mask; quick where it is laid out column by column."""
    flat = mask.T.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate([[0] * (1 + (flat.size > 0 and bool(flat[0]))), changes, [flat.size]])
    return Runs(*mask.shape, np.diff(edges))


def parse(encoding: dict) -> Runs:
    """Runs of a COCO encoding `{"size": [H, W], "counts": str | bytes | list of int}`.

    Raises CCCError where it is not one, or where its runs do not sum to H * W.
    Source: the format of pycocotools (maskApi.c, rleFrString).
    """
    try:
        height, width = (int(extent) for extent in encoding["size"])
        counts = encoding["counts"]
        lengths = _unpack(counts) if isinstance(counts, str | bytes) else np.array(counts, dtype=np.int64)
    except (KeyError, TypeError, ValueError, OverflowError, UnicodeEncodeError):
        raise CCCError('a mask must be a COCO encoding {"size": [height, width], "counts": ...}') from None
    if min(height, width) < 1 or lengths.ndim != 1 or (lengths < 0).any() or lengths.sum() != height * width:
        total = int(lengths.sum()) if lengths.ndim == 1 else "no list"
        raise CCCError(f"a run-length encoding must cover its {height} x {width} pixels; its runs sum to {total}")
    return Runs(height, width, lengths)


def _unpack(counts: str | bytes) -> np.ndarray:
    """The packed runs: six bits a character from "0" on, five of data, low ones first, and one that says "more"."""
    raw = counts.encode("ascii") if isinstance(counts, str) else counts
    codes = np.frombuffer(raw, dtype=np.uint8).astype(np.int64) - 48
    if not codes.size or (codes < 0).any() or (codes > 63).any() or codes[-1] & 32:
        raise ValueError("not packed runs")
    last = np.flatnonzero(~codes & 32)
    first = np.concatenate([[0], last[:-1] + 1])
    size = last - first + 1
    if size.max() > 9:  # 45 bits: no picture is larger
        raise ValueError("a run too long")
    place = np.arange(len(codes)) - np.repeat(first, size)
    values = np.add.reduceat((codes & 31) << (5 * place), first)
    values -= np.where(codes[last] & 16, 1 << (5 * size), 0)  # the highest data bit is the sign
    values[1::2] = values[1::2].cumsum()  # from the fourth on, what is stored is the change from the last but one
    values[2::2] = values[2::2].cumsum()
    return values


def decode(encoding: dict) -> np.ndarray:
    """bool `(H, W)` of a COCO encoding. Raises CCCError as `parse`."""
    return parse(encoding).mask()


def encode(mask: np.ndarray) -> dict:
    """COCO encoding `{"size": [H, W], "counts": str}` of a bool `(H, W)` mask."""
    from pycocotools import mask as coco

    encoding = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(extent) for extent in encoding["size"]], "counts": encoding["counts"].decode("ascii")}


def record(encoding: dict, score: float | None = None) -> dict:
    """COCO record: segmentation, area in pixels, bbox `[x, y, width, height]`, score in [0, 1] or None."""
    runs = parse(encoding)
    return {"segmentation": encoding, "area": runs.area, "bbox": list(runs.box), "score": score}


def by_area(records: list[dict]) -> list[dict]:
    """Records by falling area; equal areas by their box (x, y, width, height), then in the order given."""
    return sorted(records, key=lambda record: (-record["area"], record["bbox"]))
