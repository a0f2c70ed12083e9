"""Masks as COCO run-length encoding: column by column, runs of zeros and ones in turn, packed into a string.

Writing is pycocotools'. Reading is done here, because pycocotools fills what a short encoding leaves out with
whatever lies in memory: here an encoding that does not cover its picture exactly is refused.
"""

import numpy as np
from pycocotools import mask as coco

from ccc.core.errors import CCCError


def runs(encoding: dict) -> np.ndarray:
    """Lengths of the runs of a COCO encoding `{"size": [H, W], "counts": str | bytes | list of int}`: int64 `(n,)`.

    Zeros first, column by column. Raises CCCError where it is not one, or where its runs do not sum to H * W.
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
    if height * width >= 1 << 32:  # pycocotools counts in 32 bits
        raise CCCError(f"a mask of {height} x {width} pixels is too large")
    return lengths


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
    """bool `(H, W)` of a COCO encoding, laid out column by column in memory. Raises CCCError as `runs`."""
    lengths = runs(encoding)
    height, width = map(int, encoding["size"])
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(width, height).T


def encode(mask: np.ndarray) -> dict:
    """COCO encoding `{"size": [H, W], "counts": str}` of a bool `(H, W)` mask."""
    encoding = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(extent) for extent in encoding["size"]], "counts": encoding["counts"].decode("ascii")}


def record(encoding: dict, score: float | None = None) -> dict:
    """COCO record: segmentation with its counts packed, area in pixels, bbox `[x, y, width, height]`, score in [0, 1]
    or None. Raises CCCError as `runs`."""
    lengths = runs(encoding)
    size, counts = [int(extent) for extent in encoding["size"]], encoding["counts"]
    if not isinstance(counts, str | bytes):
        counts = coco.frPyObjects({"size": size, "counts": lengths.tolist()}, *size)["counts"]
    whole = {"size": size, "counts": counts if isinstance(counts, str) else counts.decode("ascii")}
    area = int(lengths[1::2].sum())
    box = [int(number) for number in coco.toBbox(whole)] if area else [0] * 4  # pycocotools' own overflows there
    return {"segmentation": whole, "area": area, "bbox": box, "score": score}
