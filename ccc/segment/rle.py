"""Masks as COCO run-length encoding: column by column, alternating runs of zeros and ones, packed into a string.

pycocotools encodes. Decoding is done here, because pycocotools fills the rest of a short encoding with uninitialized
memory and crashes on numbers that are too large; here all runs and their sum are checked first.
"""

import numpy as np
from pycocotools import mask as coco

from ccc.core.errors import CCCError

LARGEST = 1 << 28  # pixels of a mask: twice the largest picture
LONGEST = 1 << 21  # length of a mask's polygons in pixels
MOST = 1 << 16  # masks of one picture


def runs(encoding: dict) -> np.ndarray:
    """Run lengths of a COCO encoding `{"size": [H, W], "counts": str | bytes | list of int}`: int64 `(n,)`.

    Zeros first, column by column. Raises CCCError for other values, masks of more than `LARGEST` pixels, and runs that
    do not sum to H * W. Source: the format of pycocotools (maskApi.c, rleFrString).
    """
    try:
        height, width = encoding["size"]
        counts = encoding["counts"]
        if not all(isinstance(extent, int | np.integer) for extent in (height, width)):
            raise TypeError("a size is of integers")
        lengths = _unpack(counts) if isinstance(counts, str | bytes) else np.array(counts)
        if lengths.dtype.kind not in "iu" or lengths.ndim != 1:
            raise TypeError("runs are integers")
    except (KeyError, TypeError, ValueError, OverflowError, UnicodeEncodeError):
        raise CCCError('a mask must be a COCO encoding {"size": [height, width], "counts": ...}') from None
    height, width = int(height), int(width)
    if not (1 <= height <= LARGEST and 1 <= width <= LARGEST and height * width <= LARGEST):
        raise CCCError(f"a mask of {height} x {width} pixels; it must have 1 to {LARGEST:,}")
    if (lengths < 0).any() or (lengths > height * width).any():  # before the sum, which could overflow
        raise CCCError(f"a run-length encoding of {height} x {width} pixels has a run of less than none, or of more")
    if (total := int(lengths.sum())) != height * width:
        raise CCCError(f"a run-length encoding must cover its {height} x {width} pixels; its runs sum to {total}")
    return lengths.astype(np.int64)


def _unpack(counts: str | bytes) -> np.ndarray:
    """Unpacks runs: six bits per character from "0" up, five of data, lowest first, and a continuation bit."""
    raw = counts.encode("ascii") if isinstance(counts, str) else counts
    codes = np.frombuffer(raw, dtype=np.uint8).astype(np.int64) - 48
    if not codes.size or (codes < 0).any() or (codes > 63).any() or codes[-1] & 32:
        raise ValueError("not packed runs")
    last = np.flatnonzero(~codes & 32)
    first = np.concatenate([[0], last[:-1] + 1])
    size = last - first + 1
    if size.max() > 7:  # 35 bits: no picture is larger
        raise ValueError("a run too long")
    place = np.arange(len(codes)) - np.repeat(first, size)
    values = np.add.reduceat((codes & 31) << (5 * place), first)
    values -= np.where(codes[last] & 16, 1 << (5 * size), 0)  # the highest data bit is the sign
    values[1::2] = values[1::2].cumsum()  # from the fourth run on, the difference from the last but one is stored
    values[2::2] = values[2::2].cumsum()
    return values


def decode(encoding: dict) -> np.ndarray:
    """COCO encoding to a bool `(H, W)` mask in column-major order. Raises CCCError as `runs`."""
    lengths = runs(encoding)
    height, width = map(int, encoding["size"])
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(width, height).T


def encode(mask: np.ndarray) -> dict:
    """COCO encoding `{"size": [H, W], "counts": str}` of a bool `(H, W)` mask."""
    encoding = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(extent) for extent in encoding["size"]], "counts": encoding["counts"].decode("ascii")}


def record(encoding: dict, score: float | None = None) -> dict:
    """COCO record: segmentation with packed counts, area in pixels, bbox `[x, y, width, height]`, score in [0, 1] or
    None. Raises CCCError as `runs`, and for a score that is not a finite number."""
    lengths = runs(encoding)
    if score is not None and not (type(score) in (int, float) and abs(score) < 1e9):
        raise CCCError(f"a mask's score must be a number, got {score!r}")
    size, counts = [int(extent) for extent in encoding["size"]], encoding["counts"]
    if not isinstance(counts, str | bytes):
        counts = coco.frPyObjects({"size": size, "counts": lengths.tolist()}, *size)["counts"]
    whole = {"size": size, "counts": counts if isinstance(counts, str) else counts.decode("ascii")}
    area = int(lengths[1::2].sum())
    return {"segmentation": whole, "area": area, "bbox": _box(lengths, size[0]) if area else [0] * 4, "score": score}


def _box(lengths: np.ndarray, height: int) -> list[int]:
    """`[x, y, width, height]` of the odd runs; pycocotools' function overflows on empty runs."""
    ends = lengths.cumsum()
    inside = lengths[1::2] > 0
    first, last = (ends - lengths)[1::2][inside], ends[1::2][inside] - 1
    left, right = int(first[0]) // height, int(last[-1]) // height
    whole = (first // height < last // height).any()  # a run continues in the next column
    top, bottom = (0, height - 1) if whole else (int((first % height).min()), int((last % height).max()))
    return [left, top, right - left + 1, bottom - top + 1]


def from_polygons(polygons: list, height: int, width: int) -> dict:
    """COCO encoding of the union of polygons, each a flat list of x and y in pixels with three or more corners.

    Raises CCCError for other values and for polygons too far from the picture or longer than `LONGEST`.
    """
    wrong = "polygons must be lists of x and y in pixels, three corners or more"
    if not 1 <= height * width <= LARGEST or not polygons or not all(isinstance(part, list) for part in polygons):
        raise CCCError(wrong)
    side, border = max(height, width), 0.0
    for part in polygons:
        numbers = all(type(value) in (int, float) and -side <= value <= 2 * side for value in part)  # no NaN either
        if len(part) < 6 or len(part) % 2 or not numbers:
            raise CCCError(f"{wrong}, no further from the picture than {side}")
        corners = np.array(part, float).reshape(-1, 2)
        border += np.abs(corners - np.roll(corners, 1, axis=0)).max(axis=1).sum()
    if border > LONGEST:  # pycocotools rasterizes the border in memory
        raise CCCError(f"polygons with a border of {border:,.0f} pixels, at most {LONGEST:,}")
    return coco.merge(coco.frPyObjects([[float(value) for value in part] for part in polygons], height, width))


def from_labels(labels: np.ndarray, background: int | None = None) -> list[dict]:
    """COCO records of an integer label map `(H, W)`: one mask per label except `background`, without scores.

    Raises CCCError for more than `MOST` labels.
    """
    flat = labels.ravel(order="F")
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))
    ends = np.append(starts[1:], flat.size)
    order = np.argsort(flat[starts], kind="stable")  # groups the runs by label
    names, places = np.unique(flat[starts][order], return_index=True)
    if len(names) > MOST:
        raise CCCError(f"{len(names):,} labels, at most {MOST:,}: is it a label map?")
    found = []
    for name, mine in zip(names, np.split(order, places[1:]), strict=True):
        if background is None or name != background:
            edges = np.stack([starts[mine], ends[mine]], axis=1).ravel()
            counts = np.diff(edges, prepend=0, append=flat.size)
            counts = counts if counts[-1] else counts[:-1]
            found.append(record({"size": list(labels.shape), "counts": counts.tolist()}))
    return found
