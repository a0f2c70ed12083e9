"""Existing masks, computed by `ccc segment` or any other tool."""

import os
from collections.abc import Iterable, Sequence, Sized
from pathlib import Path

import numpy as np

from ccc.core.decode import decoded
from ccc.core.errors import CCCError, ImageError, few, first_line
from ccc.core.stored import read_arrays, read_json, read_rows, reading
from ccc.segment.base import Segmenter
from ccc.segment.rle import MOST, encode, from_labels, from_polygons, record
from ccc.segment.store import FORMAT, read_coco, read_masks
from ccc.settings.segmenter import parameters_of

SUFFIXES = (".json", ".npz", ".npy", ".png")
TABLE = "metadata.csv"  # of a folder of amg.py


class Given(Segmenter):
    """Reads masks from a folder, from a COCO file of many pictures, or from one picture's own file.

    A folder holds `<name of the picture>` with one of these suffixes; the first that exists is read:

    .json   what `ccc segment` writes; COCO records or encodings: a list of them, or an object with the list as
            "masks" or "annotations", as segment-anything's `amg.py` writes. Polygons are taken too.
    .npz .npy   a label map, integer `(H, W)`, or masks, bool `(n, H, W)` or `(H, W)`; an .npz holds one array
    .png    a label image: gray of 8 or 16 bits, or palette
    or a folder `<name of the picture>` of `0.png`, `1.png`, ... and `metadata.csv`, as `amg.py` writes without
    `--convert-to-rle`: each a mask where it is not black.
    In a label map every number is a mask, but for 0, which is background; with `background` "none" it is a mask too. A
    COCO file names its pictures (`images`, `annotations`), with or without suffix, as `ccc segment --coco` writes it.
    One picture's own file or folder, of any of the kinds above, serves whatever picture is asked for.
    """

    resumable = False

    def __init__(self, path: str | os.PathLike | None, **parameters):
        chosen = parameters_of("masks", parameters).model_dump()
        if path is None:
            raise CCCError("the segmenter masks reads existing masks: give their folder or file as its checkpoint")
        if not Path(path).exists():
            raise CCCError(f"{path}: no such folder or file of masks; make them with `ccc segment`")
        self.path = Path(path)
        is_file = not self.path.is_dir()
        if is_file and self.path.suffix not in SUFFIXES:
            raise CCCError(f"{path}: masks come as {', '.join(SUFFIXES)}")
        self.dataset = read_coco(self.path) if is_file and self.path.suffix == ".json" else None
        self.single = self.dataset is None and (is_file or (self.path / TABLE).is_file())
        self.background = None if chosen["background"] == "none" else chosen["background"]
        super().__init__("masks", {"path": str(path)} | chosen)

    def lacking(self, names: Iterable[str]) -> list[str]:
        has = self._file if self.dataset is None else self.dataset["pictures"].__contains__
        return [name for name in names if not has(name)]

    def require(self, names: Iterable[str]) -> None:
        if missing := self.lacking(names):
            looked = f" (looked for {', '.join(SUFFIXES)}, and folders with {TABLE})" if self.dataset is None else ""
            raise CCCError(f"{self.path}: no masks for {few(missing)}{looked}")

    def attributed(self, gray: np.ndarray, name: str | None = None) -> tuple[list[dict], str]:
        """As `Segmenter.attributed`: masks of `ccc segment` keep the name of the segmenter that made them."""
        self._check(gray)
        if not (name or self.single):
            raise CCCError("the segmenter masks needs the name of the picture")
        name = name or ""
        self.require([name])
        path = self._file(name) or self.path
        try:
            if self.dataset is not None:
                maker = self.dataset["segmenter"]
                _same_size(self.dataset["sizes"].get(name, gray.shape), gray.shape)  # polygons carry no size
                records = _from_list(self.dataset["pictures"][name], gray.shape)
            else:
                records, maker = _records(path, gray.shape, self.background)
        except CCCError as error:
            text = str(error)
            raise CCCError(text if text.startswith(str(path)) else f"{path}: {error}") from None
        except Exception as error:  # of json, zip, NumPy, Pillow or pycocotools on a broken file
            reason = first_line(error)
            raise CCCError(f"{path}: cannot be read as masks ({reason})") from None
        return self._sorted(records), maker or self.name

    def _file(self, name: str) -> Path | None:
        if self.single or self.dataset is not None:
            return self.path
        paths = [self.path / f"{name}{suffix}" for suffix in SUFFIXES]
        if found := next((path for path in paths if path.is_file()), None):
            return found
        return self.path / name if (self.path / name / TABLE).is_file() else None


def _records(path: Path, size: tuple[int, int], background: int | None) -> tuple[list[dict], str | None]:
    """COCO records of one picture's masks, and the segmenter that computed them where the file names it."""
    if path.is_dir():
        return _from_folder(path, size), None
    if path.suffix == ".json":
        value = read_json(path, "file of masks", "make it again")
        if isinstance(value, dict) and str(value.get("format")).startswith(FORMAT.rstrip("0123456789")):
            stored = read_masks(path)
            _same_size(stored["size"], size)
            return stored["masks"], stored["segmenter"]
        return _from_list(_list(value), size), None
    array = _image(path) if path.suffix == ".png" else _array(path)
    _same_size(array.shape[-2:], size)
    if array.dtype == bool and array.ndim in (2, 3):
        masks = array.reshape(-1, *size)
        _not_too_many(masks)
        return [record(encode(mask)) for mask in masks], None
    if np.issubdtype(array.dtype, np.integer) and array.ndim == 2:
        return from_labels(array, background), None
    raise CCCError(f"must be a label map, integer (H, W), or masks, bool (n, H, W), got {array.dtype} {array.shape}")


def _from_folder(folder: Path, size: tuple[int, int]) -> list[dict]:
    """COCO records of a folder of Segment Anything's `amg.py`, in the order of its table."""
    with reading(folder / TABLE, "no table of amg.py, whose column id numbers the masks", "make it again"):
        rows = read_rows(folder / TABLE, "id")
        numbers = [int(row["id"]) for row in rows]
    _not_too_many(rows)
    found = []
    for number, row in zip(numbers, rows, strict=True):
        mask = _image(folder / f"{number}.png")
        _same_size(mask.shape, size)
        score = row.get("predicted_iou")
        found.append(record(encode(mask != 0), float(score) if score else None))
    return found


def _not_too_many(masks: Sized) -> None:
    if len(masks) > MOST:
        raise CCCError(f"{len(masks):,} masks of one picture, at most {MOST:,}")


def _same_size(size: Sequence[int], wanted: Sequence[int]) -> None:
    if tuple(size) != tuple(wanted):
        raise CCCError(f"is {' x '.join(map(str, size))}, the picture {wanted[0]} x {wanted[1]} (height x width)")


def _array(path: Path) -> np.ndarray:
    arrays = read_arrays(path)
    if len(arrays) != 1:
        raise CCCError(f"must hold one array, holds {', '.join(arrays) or 'none'}")
    return next(iter(arrays.values()))


def _image(path: Path) -> np.ndarray:
    try:
        with decoded(path) as image:
            if image.mode not in ("1", "L", "P", "I", "I;16", "I;16B"):
                raise CCCError(f"a label image must be gray or have a palette, this one is {image.mode}")
            return np.array(image)
    except ImageError as error:
        raise ValueError(f"{path.name}: {error.detail or error.reason}") from None


def _list(value: object) -> list:
    if isinstance(value, dict):
        value = value.get("masks", value.get("annotations"))
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise CCCError('must be a list of COCO records, or hold one as "masks" or "annotations"')
    return value


def _from_list(entries: list[dict], size: tuple[int, int]) -> list[dict]:
    _not_too_many(entries)
    return [_from_coco(entry, size) for entry in entries]


def _from_coco(entry: dict, size: tuple[int, int]) -> dict:
    """Our COCO record of a COCO record, or of a bare encoding, of any kind."""
    segmentation = entry.get("segmentation", entry)
    if isinstance(segmentation, list):
        segmentation = from_polygons(segmentation, *size)
    score = next((entry[key] for key in ("score", "predicted_iou") if entry.get(key) is not None), None)
    found = record(segmentation, score)
    _same_size(found["segmentation"]["size"], size)
    return found
