"""Boxes of a picture's instances: read from files, clipped to the picture, and mapped to a feature map."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ccc.colorizers.base import kept_names
from ccc.core.errors import CCCError
from ccc.core.files import regular
from ccc.core.stored import read_arrays, reading


def read_boxes(path: str | os.PathLike, name: str | None = None) -> np.ndarray:
    """Boxes of one picture, float64 `(N, 4)` as x0, y0, x1, y1 in pixels, the best-scored last.

    `path`: an `.npz` with arrays `bbox` `(N, 4)` and `scores` `(N,)`, as InstColorization's own script writes it, or a
    `.json` with the same two; or a `.json` of many pictures, each under its `name`; or a folder that holds
    `NAME.npz` or `NAME.json`, with or without the picture's own suffix in NAME. A picture in which nothing was
    detected has an empty list. Raises CCCError where there is none for this picture, or it is something else.
    """
    path = Path(path)
    if path.is_dir():
        if name is None:
            raise CCCError(f"{path}: a folder of boxes needs the pictures' names: give one file for a single picture")
        stems = [stem for kept in kept_names(name) for stem in dict.fromkeys((kept, str(Path(kept).with_suffix(""))))]
        found = [path / f"{stem}{suffix}" for stem in stems for suffix in (".npz", ".json")]
        for candidate in found:
            if candidate.is_file():
                return read_boxes(candidate, name)
        raise CCCError(f"{path}: no boxes for {name} (looked for {', '.join(file.name for file in found)})")
    remedy = "detect them again"
    with reading(path, "not a file of boxes, .npz or .json", remedy):
        is_npz = path.suffix == ".npz"
        record = read_arrays(path, {"bbox", "scores"}) if is_npz else json.loads(regular(path).read_text("utf-8"))
    if isinstance(record, Mapping) and "bbox" not in record:
        keys = [key for key in (name, Path(name).stem) if key in record] if name is not None else []
        if not keys:
            raise CCCError(f"{path}: no boxes for {name or 'this picture'} in it")
        record = record[keys[0]]
    with reading(path, "boxes must be `bbox`, N x 4, and `scores`, N", remedy):
        boxes = np.asarray(record["bbox"], dtype=np.float64).reshape(-1, 4)
        scores = np.asarray(record.get("scores", np.ones(len(boxes))), dtype=np.float64).reshape(-1)
        if len(scores) != len(boxes) or not np.isfinite(boxes).all():
            raise ValueError(f"{len(boxes)} boxes, {len(scores)} scores, or a number that is not finite")
    return boxes[np.argsort(scores, kind="stable")]


def fitting(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """Boxes clipped to the picture. Raises CCCError where one does not fit a picture of this size."""
    outside = (boxes[:, :2] < -1).any() or (boxes[:, 2] > width + 1).any() or (boxes[:, 3] > height + 1).any()
    if outside or (boxes[:, 2:] < boxes[:, :2]).any():
        raise CCCError(f"boxes do not fit a picture of {width}x{height}: they must be x0, y0, x1, y1 in its own pixels")
    return np.clip(boxes, 0, [width, height, width, height])


def crop(rgb: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The part of a picture in a box, truncated to whole pixels, at least one."""
    height, width = rgb.shape[:2]
    x0, y0, x1, y1 = box.astype(np.int32)
    x0, y0 = min(x0, width - 1), min(y0, height - 1)
    return np.ascontiguousarray(rgb[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)])


def placed(boxes: np.ndarray, width: int, height: int, side: int) -> np.ndarray:
    """Map boxes of a `width` x `height` picture to a feature map of `side` x `side`.

    `boxes`: float `(N, 4)` as x0, y0, x1, y1 in pixels. Returns int64 `(N, 4)`, truncated, each at least one cell.
    """
    cells = (boxes / [width, height, width, height] * side).astype(np.int64)
    for low, high in ((0, 2), (1, 3)):
        thin = cells[:, high] <= cells[:, low]
        room = side - cells[:, high] > 1
        cells[thin & room, high] = cells[thin & room, low] + 1
        cells[thin & ~room, low] = cells[thin & ~room, high] - 1
    return cells
