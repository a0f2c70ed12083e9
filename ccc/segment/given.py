"""Masks that another tool made, from a folder."""

import json
import os
from pathlib import Path

import numpy as np

from ccc.errors import CCCError
from ccc.segment.base import Segmenter, settings
from ccc.segment.regions import label_records
from ccc.segment.rle import encode, parse, record

SUFFIXES = (".json", ".npz", ".npy", ".png")


class Given(Segmenter):
    """Reads `<folder>/<name of the picture>` with one of these suffixes, the first that is there:

    .json   COCO records or encodings: a list of them, or an object with the list as "masks" or "annotations"; also
            what `ccc segment` and segment-anything's `amg.py` write. Polygons are taken too.
    .npz .npy   a label map, integer `(H, W)`, or masks, bool `(n, H, W)` or `(H, W)`; an .npz holds one array
    .png    a label image: gray of 8 or 16 bits, or palette
    In a label map 0 is background and every other number a mask.
    """

    resumable = False

    def __init__(self, folder: str | os.PathLike | None, **parameters):
        settings("masks", {}, parameters)
        if folder is None or not Path(folder).is_dir():
            raise CCCError(f"the segmenter masks needs the folder of the masks as its checkpoint, got {folder}")
        self.folder = Path(folder)
        super().__init__("masks", {"folder": str(folder)})

    def _segment(self, gray, name):
        if name is None:
            raise CCCError("the segmenter masks needs the name of the picture")
        paths = [self.folder / f"{name}{suffix}" for suffix in SUFFIXES]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            raise CCCError(f"{self.folder}: no masks for {name} (looked for {name} with {', '.join(SUFFIXES)})")
        try:
            return _records(path, gray.shape)
        except CCCError as error:
            raise CCCError(f"{path}: {error}") from None
        except Exception as error:  # whatever json, zip, NumPy, Pillow or pycocotools make of a broken file
            reason = (str(error).splitlines() or [""])[0] or type(error).__name__
            raise CCCError(f"{path}: cannot be read as masks ({reason})") from None


def _records(path: Path, size: tuple[int, int]) -> list[dict]:
    if path.suffix == ".json":
        return [_from_coco(entry, size) for entry in _list(json.loads(path.read_text(encoding="utf-8")))]
    array = _image(path) if path.suffix == ".png" else _array(path)
    _same_size(array.shape[-2:], size)
    if array.dtype == bool and array.ndim in (2, 3):
        return [record(encode(mask)) for mask in array.reshape(-1, *size)]
    if np.issubdtype(array.dtype, np.integer) and array.ndim == 2:
        return label_records(array, background=0)
    raise CCCError(f"must be a label map, integer (H, W), or masks, bool (n, H, W), got {array.dtype} {array.shape}")


def _same_size(size, wanted) -> None:
    if tuple(size) != tuple(wanted):
        raise CCCError(f"is {' x '.join(map(str, size))}, the picture {wanted[0]} x {wanted[1]} (height x width)")


def _array(path: Path) -> np.ndarray:
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return loaded
    with loaded:
        if len(loaded.files) != 1:
            raise CCCError(f"must hold one array, holds {', '.join(loaded.files) or 'none'}")
        return loaded[loaded.files[0]]


def _image(path: Path) -> np.ndarray:
    from PIL import Image

    with Image.open(path) as image:
        if image.mode not in ("1", "L", "P", "I", "I;16", "I;16B"):
            raise CCCError(f"a label image must be gray or have a palette, this one is {image.mode}")
        return np.array(image)


def _list(value) -> list:
    if isinstance(value, dict):
        value = value.get("masks", value.get("annotations"))
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise CCCError('must be a list of COCO records, or hold one as "masks" or "annotations"')
    return value


def _from_coco(entry: dict, size: tuple[int, int]) -> dict:
    """A COCO record of ours from a COCO record, or a bare encoding, of any kind."""
    from pycocotools import mask as coco

    segmentation = entry.get("segmentation", entry)
    if isinstance(segmentation, list):  # polygons, in pixels
        merged = coco.merge(coco.frPyObjects(segmentation, *size))
        segmentation = {"size": list(size), "counts": merged["counts"].decode("ascii")}
    runs = parse(segmentation)
    _same_size((runs.height, runs.width), size)
    score = next((entry[key] for key in ("score", "predicted_iou") if entry.get(key) is not None), None)
    if not isinstance(segmentation["counts"], str):
        segmentation = encode(runs.mask())
    return record({"size": list(size), "counts": segmentation["counts"]}, None if score is None else float(score))
