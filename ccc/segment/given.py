"""Masks that were made before, by `ccc segment` or any other tool."""

import json
import os
from pathlib import Path

import numpy as np

from ccc.core.decode import decoded
from ccc.core.errors import CCCError, ImageError, few
from ccc.segment.base import Segmenter
from ccc.segment.regions import label_records
from ccc.segment.rle import encode, record
from ccc.segment.store import FORMAT, read_coco, read_masks
from ccc.settings.segmenter import parameters_of

SUFFIXES = (".json", ".npz", ".npy", ".png")


class Given(Segmenter):
    """Reads masks from a folder, from a COCO file of many pictures, or from one picture's own file.

    A folder holds `<name of the picture>` with one of these suffixes, the first that is there:

    .json   what `ccc segment` writes; COCO records or encodings: a list of them, or an object with the list as
            "masks" or "annotations", as segment-anything's `amg.py` writes. Polygons are taken too.
    .npz .npy   a label map, integer `(H, W)`, or masks, bool `(n, H, W)` or `(H, W)`; an .npz holds one array
    .png    a label image: gray of 8 or 16 bits, or palette
    In a label map 0 is background and every other number a mask. A COCO file names its pictures (`images`,
    `annotations`), with or without suffix, as `ccc segment --coco` writes it. One picture's own file, of any of the
    kinds above, serves whatever picture is asked for.
    """

    resumable = False

    def __init__(self, path: str | os.PathLike | None, **parameters):
        parameters_of("masks", parameters)
        if path is None or not Path(path).exists():
            raise CCCError(f"the segmenter masks needs the folder or file of the masks as its checkpoint, got {path}")
        self.path = Path(path)
        self.single = not self.path.is_dir()
        if self.single and self.path.suffix not in SUFFIXES:
            raise CCCError(f"{path}: masks come as {', '.join(SUFFIXES)}")
        self.dataset = read_coco(self.path) if self.single and self.path.suffix == ".json" else None
        self.single = self.single and self.dataset is None
        super().__init__("masks", {"path": str(path)})

    def require(self, names):
        has = self._file if self.dataset is None else self.dataset["pictures"].__contains__
        if missing := [name for name in names if not has(name)]:
            looked = f" (looked for {', '.join(SUFFIXES)})" if self.dataset is None else ""
            raise CCCError(f"{self.path}: no masks for {few(missing)}{looked}")

    def attributed(self, gray, name=None):
        """As `Segmenter.attributed`: masks of `ccc segment` keep the name of the segmenter that made them."""
        self._check(gray)
        if name is None and not self.single:
            raise CCCError("the segmenter masks needs the name of the picture")
        self.require([name])
        path = self.path if self.dataset is not None else self._file(name)
        try:
            if self.dataset is not None:
                entries, maker = self.dataset["pictures"][name], self.dataset["segmenter"]
                records = [_from_coco(entry, gray.shape) for entry in entries]
            else:
                records, maker = _records(path, gray.shape)
        except CCCError as error:
            text = str(error)
            raise CCCError(text if text.startswith(str(path)) else f"{path}: {error}") from None
        except Exception as error:  # whatever json, zip, NumPy, Pillow or pycocotools make of a broken file
            reason = (str(error).splitlines() or [""])[0] or type(error).__name__
            raise CCCError(f"{path}: cannot be read as masks ({reason})") from None
        return self._sorted(records), maker or self.name

    def segment(self, gray, name=None):
        return self.attributed(gray, name)[0]

    def _file(self, name) -> Path | None:
        if self.single:
            return self.path
        paths = (self.path / f"{name}{suffix}" for suffix in SUFFIXES)
        return next((path for path in paths if path.is_file()), None)


def _records(path: Path, size: tuple[int, int]) -> tuple[list[dict], str | None]:
    """COCO records of a file of one picture, and the segmenter that made them where the file says so."""
    if path.suffix == ".json":
        value = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(value, dict) and value.get("format") == FORMAT:
            stored = read_masks(path)
            _same_size(stored["size"], size)
            return stored["masks"], stored["segmenter"]
        return [_from_coco(entry, size) for entry in _list(value)], None
    array = _image(path) if path.suffix == ".png" else _array(path)
    _same_size(array.shape[-2:], size)
    if array.dtype == bool and array.ndim in (2, 3):
        return [record(encode(mask)) for mask in array.reshape(-1, *size)], None
    if np.issubdtype(array.dtype, np.integer) and array.ndim == 2:
        return label_records(array, background=0), None
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
    try:
        with decoded(path) as image:
            if image.mode not in ("1", "L", "P", "I", "I;16", "I;16B"):
                raise CCCError(f"a label image must be gray or have a palette, this one is {image.mode}")
            return np.array(image)
    except ImageError as error:
        raise ValueError(error.detail or error.reason) from None


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
        segmentation = coco.merge(coco.frPyObjects(segmentation, *size))
    score = next((entry[key] for key in ("score", "predicted_iou") if entry.get(key) is not None), None)
    found = record(segmentation, None if score is None else float(score))
    _same_size(found["segmentation"]["size"], size)
    return found
