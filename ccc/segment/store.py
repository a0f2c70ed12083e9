"""Masks on disk: one JSON per picture, and one COCO file for all pictures."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired

import pydantic
from typing_extensions import TypedDict

from ccc.color import read_gray
from ccc.core.errors import CCCError, ImageError, NothingUsable, few
from ccc.core.files import file_name, sha256, write_json
from ccc.core.stored import LOOSE, Count, read_json, reading, typed
from ccc.data.files import pictures_of
from ccc.segment import rle
from ccc.segment.base import Segmenter

FORMAT = "ccc-masks-1"
LARGEST_COCO = 1 << 32  # bytes of a file of many pictures: five million masks
Line = Annotated[str, pydantic.Field(pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]  # commands print it in a line
AGAIN = "make it again with `ccc segment`"


@pydantic.with_config(LOOSE)
class _Masks(TypedDict):
    """Masks of one picture, of which `ccc.segment.rle.record` checks each."""

    format: Literal["ccc-masks-1"]
    image: str
    size: list[Count]
    segmenter: Line
    parameters: dict[str, Any]
    masks: list[dict[str, Any]]


@pydantic.with_config(LOOSE)
class _Image(TypedDict):
    id: int | str
    file_name: str
    height: NotRequired[Count | None]
    width: NotRequired[Count | None]


@pydantic.with_config(LOOSE)
class _Annotation(TypedDict):
    image_id: int | str


@pydantic.with_config(LOOSE)
class _Info(TypedDict):
    segmenter: NotRequired[Line | None]


@pydantic.with_config(LOOSE)
class _Coco(TypedDict):
    info: _Info
    images: list[_Image]
    annotations: list[_Annotation]


def pictures_alike(folders: Mapping[str, str | os.PathLike]) -> dict[str, dict[str, Path]]:
    """`pictures_of` several named folders. Raises CCCError if one lacks a picture of the first."""
    found = {name: pictures_of(folder) for name, folder in folders.items()}
    first = next(iter(folders))
    for name, files in found.items():
        if missing := [picture for picture in found[first] if picture not in files]:
            raise CCCError(f"{folders[name]}: lacks {few(missing)}, which {folders[first]} holds")
    return found


def write_masks(
    path: str | os.PathLike,
    name: str,
    size: tuple[int, int],
    segmenter: Segmenter,
    records: list[dict],
    source: str | None = None,
) -> None:
    """Write the masks of one picture atomically.

    `name` and `size` (height, width): of the picture; `records`: of `Segmenter.segment`; `source`: SHA-256 of the
    picture's file, so that later runs notice a changed picture.
    """
    facts = {"format": FORMAT, "image": name, "size": [int(extent) for extent in size], "source": source}
    write_json(path, facts | segmenter.identity | {"stand_in": segmenter.stand_in, "masks": records})


def read_masks(path: str | os.PathLike) -> dict:
    """Read a file of `write_masks` and check every mask.

    Returns the JSON object: format, image, size `[H, W]`, source, segmenter, version, parameters (those that change the
    masks), stand_in, masks (COCO records). Raises CCCError if the file is missing, of another format, or holds a mask
    that is broken, of another size, or has another area or bbox than stated.
    """
    value = read_json(path, "file of masks", AGAIN, _Masks)
    for number, mask in enumerate(value["masks"]):
        with reading(path, f"broken mask {number}", AGAIN, CCCError):
            found = rle.record(mask.get("segmentation"), mask.get("score"))
        stated = [mask.get("area"), mask.get("bbox"), value["size"]]
        if [found["area"], found["bbox"], found["segmentation"]["size"]] != stated:
            raise CCCError(f"{path}: mask {number} does not fit the size, area or bbox stated; {AGAIN}")
    return value


def write_coco(
    path: str | os.PathLike, files: Mapping[str, Path], folder: str | os.PathLike, skipped: Sequence[str] = ()
) -> None:
    """Collect the masks of many pictures in one COCO file, written atomically.

    `files`: picture files by name; `folder`: holds a `<name>.json` of `segment_folder` for each. The file has images,
    annotations (segmentation as run-length encoding, area, bbox, score if any), one category, and in `info` the
    segmenter, its parameters and the `skipped` pictures. `pycocotools.coco.COCO(path)` loads it.
    """
    images, annotations, info = [], [], {}
    for number, (name, file) in enumerate(files.items(), 1):
        stored = read_masks(Path(folder) / f"{name}.json")
        info = {"format": FORMAT} | {key: stored[key] for key in ("segmenter", "stand_in", "parameters")}
        height, width = stored["size"]
        images.append({"id": number, "file_name": f"{name}{file.suffix}", "height": height, "width": width})
        for record in stored["masks"]:
            extra = {"id": len(annotations) + 1, "image_id": number, "category_id": 1, "iscrowd": 0}
            annotations.append(extra | {key: value for key, value in record.items() if value is not None})
    categories = [{"id": 1, "name": "segment"}]
    info |= {"skipped": list(skipped)} if skipped else {}
    write_json(path, {"info": info, "images": images, "annotations": annotations, "categories": categories})


def read_coco(path: str | os.PathLike) -> dict | None:
    """Read a COCO file of many pictures, from `write_coco` or another tool; None for any other JSON.

    Returns `pictures`, each picture's list of annotations by name without suffix, `sizes`, the stated (height, width)
    by the same names, and `segmenter` (None if not stated). Raises CCCError for a broken file.
    """
    again = "make it again"
    value = read_json(path, "file of masks", again, largest=LARGEST_COCO)
    if not isinstance(value, dict) or not {"images", "annotations"} <= set(value):
        return None
    with reading(path, "broken COCO file", again):
        typed(value | {"info": value.get("info") or {}}, _Coco)  # some tools write [] or ""
        files = {image["id"]: Path(image["file_name"]) for image in value["images"]}
        if len(files) < len(value["images"]):
            raise ValueError("two images have the same id")
        stems = {number: file_name(file.with_suffix("")) for number, file in files.items()}
        shared = {stem for stem, count in Counter(stems.values()).items() if count > 1}  # as `pictures` names these
        names = {number: file_name(files[number]) if stem in shared else stem for number, stem in stems.items()}
        found: dict[str, list] = {name: [] for name in names.values()}
        stated = [(names[image["id"]], image.get("height"), image.get("width")) for image in value["images"]]
        sizes = {name: (height, width) for name, height, width in stated if height and width}
        for annotation in value["annotations"]:
            if (number := annotation["image_id"]) not in names:
                raise ValueError(f"an annotation has image_id {number!r}, which is the id of no image")
            found[names[number]].append(annotation)
        return {"pictures": found, "sizes": sizes, "segmenter": (value.get("info") or {}).get("segmenter")}


def segment_folder(
    gray_dir: str | os.PathLike,
    out_dir: str | os.PathLike,
    segmenter: Segmenter,
    progress: Callable[[list], Iterable] | None = iter,
    overwrite: bool = False,
    coco: str | os.PathLike | None = None,
) -> dict:
    """Write the masks of every picture of a folder to `out_dir/<name>.json`.

    Unless `overwrite`, existing masks are kept if they are intact and of the same picture file, segmenter and
    parameters, so an interrupted run resumes. `coco`: path of a COCO file of all pictures, written at the end.
    `progress` wraps the iterable of pictures. Returns counts: `segmented`, `there already`, `masks` (of both),
    `seconds` of segmentation, and `skipped`, the errors of unreadable pictures, which `coco` names too. Raises
    NothingUsable if no picture can be read.
    """
    counts = {"segmented": 0, "there already": 0, "masks": 0, "seconds": 0.0, "skipped": []}
    files = pictures_of(gray_dir)
    segmenter.require(files)
    for name, path in (progress or iter)(list(files.items())):
        target = Path(out_dir) / f"{name}.json"
        source = sha256(path)
        kept = None if overwrite or not segmenter.resumable else _kept(target, source, segmenter)
        if kept is not None:
            counts["there already"] += 1
            counts["masks"] += kept
            continue
        try:
            gray = read_gray(path)
            started = time.perf_counter()
            records = segmenter.segment(gray, name)
        except ImageError as error:
            counts["skipped"].append(error)
            del files[name]
            continue
        counts["seconds"] += time.perf_counter() - started
        write_masks(target, name, gray.shape, segmenter, records, source)
        counts["segmented"] += 1
        counts["masks"] += len(records)
    if not files:
        raise NothingUsable(f"{gray_dir}: none of its pictures can be read; the first: {counts['skipped'][0]}")
    if coco is not None:
        write_coco(coco, files, out_dir, [error.name for error in counts["skipped"]])
    return counts


def _kept(path: Path, source: str, segmenter: Segmenter) -> int | None:
    """Number of masks in `path` if `segmenter` would make the same ones of that picture file, else None."""
    try:
        stored = read_masks(path)
    except CCCError:
        return None
    # Files of before hold all parameters.
    parameters = {name: value for name, value in stored["parameters"].items() if name not in segmenter.speed_only}
    wanted = segmenter.identity | {"source": source}
    return len(stored["masks"]) if wanted.items() <= (stored | {"parameters": parameters}).items() else None
