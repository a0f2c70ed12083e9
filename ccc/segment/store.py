"""Masks on disk: one JSON a picture, its masks as COCO records that pycocotools loads."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from ccc.errors import CCCError, ImageError
from ccc.files import sha256, write_json
from ccc.images import SUFFIXES, read_gray
from ccc.segment.base import Segmenter
from ccc.segment.rle import parse

FORMAT = "ccc-masks-1"


def pictures(folder: str | os.PathLike) -> dict[str, Path]:
    """Picture files of a folder, at any depth, by their path below it without suffix (POSIX), sorted.

    Raises CCCError where there is no such folder, no picture in it, or two pictures differ by suffix alone.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CCCError(f"{folder}: no such folder")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file():
            name = path.relative_to(folder).with_suffix("").as_posix()
            if name in found:
                raise CCCError(f"{path} and {found[name]} differ by suffix alone; rename one")
            found[name] = path
    if not found:
        raise CCCError(f"{folder}: no pictures in it (looked for {', '.join(sorted(SUFFIXES))})")
    return found


def write_masks(
    path: str | os.PathLike,
    name: str,
    size: tuple[int, int],
    segmenter: Segmenter,
    records: list[dict],
    source: str | None = None,
) -> None:
    """Write the masks of one picture, whole or not at all.

    `name`: of the picture; `size`: its height and width; `records`: as `Segmenter.segment` returns them; `source`:
    SHA-256 of the picture's file, so that a later run can tell whether the masks are still of that picture.
    """
    value = {
        "format": FORMAT,
        "image": name,
        "size": [int(extent) for extent in size],
        "source": source,
        "segmenter": segmenter.name,
        "stand_in": segmenter.stand_in,
        "parameters": segmenter.parameters,
        "masks": records,
    }
    write_json(path, value)


def read_masks(path: str | os.PathLike) -> dict:
    """Read what `write_masks` wrote, and check it: every mask decodes to the picture's size and has the area stated.

    Returns the JSON object: format, image, size `[H, W]`, source, segmenter, stand_in, parameters, masks (COCO
    records). Raises CCCError where the file is missing, no such file, or a mask in it is broken.
    """
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CCCError(f"{path}: no such file of masks; make it with `ccc segment`") from None
    except (ValueError, OSError) as error:
        raise CCCError(f"{path}: no readable file of masks ({error}); make it anew with `ccc segment`") from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise CCCError(f"{path}: not a file of masks in format {FORMAT}; make it with `ccc segment`")
    try:
        for number, record in enumerate(value["masks"]):
            runs = parse(record["segmentation"])
            if [runs.height, runs.width] != value["size"] or runs.area != record["area"]:
                raise CCCError(f"mask {number} does not fit the size or area stated")
        value["segmenter"], value["parameters"], value["image"]
    except (KeyError, TypeError, AttributeError) as error:
        raise CCCError(f"{path}: broken file of masks ({error!r}); make it anew with `ccc segment`") from None
    except CCCError as error:
        raise CCCError(f"{path}: {error}; make it anew with `ccc segment`") from None
    return value


def segment_folder(
    gray_dir: str | os.PathLike,
    out_dir: str | os.PathLike,
    segmenter: Segmenter,
    progress=iter,
    overwrite: bool = False,
) -> dict[str, int]:
    """Write the masks of every picture of a folder: `out_dir/<name>.json`.

    A picture whose masks are there already, whole, of the same file and by the same segmenter with the same
    parameters, is left as it is unless `overwrite`: an interrupted run goes on where it was. `progress` wraps the
    iterable of pictures. Returns counts: `segmented`, `there already`, `masks` (of both). Pictures that cannot be
    read do not stop the others; they are named in the CCCError at the end.
    """
    counts = {"segmented": 0, "there already": 0, "masks": 0}
    broken = []
    for name, path in (progress or iter)(list(pictures(gray_dir).items())):
        target = Path(out_dir) / f"{name}.json"
        source = sha256(path)
        kept = None if overwrite or not segmenter.resumable else _kept(target, source, segmenter)
        if kept is not None:
            counts["there already"] += 1
            counts["masks"] += kept
            continue
        try:
            gray = read_gray(path)
        except ImageError as error:
            broken.append(str(error))
            continue
        records = segmenter.segment(gray, name)
        write_masks(target, name, gray.shape, segmenter, records, source)
        counts["segmented"] += 1
        counts["masks"] += len(records)
    if broken:
        raise CCCError(f"{gray_dir}: {len(broken)} pictures cannot be read, the others are done: {'; '.join(broken)}")
    return counts


def _kept(path: Path, source: str, segmenter: Segmenter) -> int | None:
    """Number of masks where `path` holds those that `segmenter` would make of that picture file, else None."""
    if not path.exists():
        return None
    try:
        stored = read_masks(path)
    except CCCError:
        return None
    if stored.get("source") != source or not isinstance(stored["parameters"], Mapping):
        return None
    parameters = {key: value for key, value in stored["parameters"].items() if key not in segmenter.speed_only}
    same = {"segmenter": stored["segmenter"], "parameters": parameters} == segmenter.identity
    return len(stored["masks"]) if same else None
