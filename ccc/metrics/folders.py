"""Which picture of one folder belongs to which of another, and what is wrong with the two."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ccc.core.errors import CCCError, ImageError, few
from ccc.core.images import AB, SUFFIXES, picture_size


class Match(NamedTuple):
    """A picture of both folders: its name without suffix, where it lies, and its size in pixels."""

    name: str
    prediction: Path
    truth: Path
    width: int
    height: int


def matched(prediction: str | os.PathLike, truth: str | os.PathLike) -> list[Match]:
    """Every picture of both folders, sorted by name.

    Formats may differ, names and sizes may not; hidden files and `.ab.npz` (a and b) are passed over. Raises CCCError
    naming the folder that is missing, empty or holds anything but pictures, and the pictures that are missing,
    extra, unreadable or of another size: the first few, and how many there are.
    """
    predicted, true = (pictures_of(folder) for folder in (prediction, truth))
    resized, unreadable, sizes = [], [], {}
    for name in sorted(set(true) & set(predicted)):
        found = []
        for path in (predicted[name], true[name]):
            try:
                found.append(picture_size(path))
            except ImageError as error:
                unreadable.append(str(error))
        if len(found) == 2 and found[0] != found[1]:
            resized.append(of_another_size(name, *found))
        sizes[name] = found[-1] if found else None
    problems = {
        "missing": sorted(set(true) - set(predicted)),
        "extra": sorted(set(predicted) - set(true)),
        "of another size": resized,
        "unreadable": unreadable,
    }
    refuse(prediction, truth, problems)
    return [Match(name, predicted[name], true[name], *sizes[name]) for name in sorted(true)]


def pictures_of(folder: str | os.PathLike) -> dict[str, Path]:
    """Pictures of a folder by name without suffix, sorted; hidden files and `.ab.npz` are passed over.

    Raises CCCError for a folder that is missing, empty or holds anything but pictures, or two of one name.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CCCError(f"{folder}: no such folder")
    files = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".") and not path.name.endswith(AB)]
    strange = [path.name for path in files if path.suffix.lower() not in SUFFIXES or not path.is_file()]
    if strange:
        raise CCCError(f"{folder}: holds what is no picture: {few(strange)}; move it elsewhere")
    pictures = {path.stem: path for path in sorted(files, key=lambda path: path.stem)}
    if len(pictures) < len(files):
        twice = sorted({path.stem for path in files if pictures[path.stem] != path})
        raise CCCError(f"{folder}: holds more than one picture named {few(twice)}")
    if not pictures:
        raise CCCError(f"{folder}: holds no pictures")
    return pictures


def of_another_size(name: str, found: tuple[int, int], wanted: tuple[int, int]) -> str:
    """How a picture of another size than its truth is named: both as (width, height)."""
    return f"{name} ({found[0]}x{found[1]}, not {wanted[0]}x{wanted[1]})"


def refuse(prediction, truth, problems: Mapping[str, Sequence[str]]) -> None:
    """Raise CCCError where pictures have problems: by problem, the pictures that have it."""
    found = [f"{problem} ({len(names)}): {few(names)}" for problem, names in problems.items() if names]
    if found:
        raise CCCError(f"{prediction}: does not match {truth}: " + "; ".join(found))
