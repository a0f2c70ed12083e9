"""Matches the pictures of two folders and reports problems."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ccc.core.errors import CCCError, ImageError, few
from ccc.core.files import file_name
from ccc.core.images import AB, picture_size
from ccc.core.stored import read_rows, reading
from ccc.data.files import pictures, pictures_of


class Match(NamedTuple):
    """A picture of both folders: its name without suffix, its paths, and its size in pixels."""

    name: str
    prediction: Path
    truth: Path
    width: int
    height: int


def matched(prediction: str | os.PathLike, truth: str | os.PathLike) -> list[Match]:
    """Every picture of both folders, sorted by name; or the one pair, where both are pictures.

    Subfolders, formats and the Unicode form of names may differ, names and sizes may not; `left_out` names files that
    are no pictures. Raises CCCError as `pictures_of`, and naming the first pictures that are missing, extra, unreadable
    or of another size, with their number.
    """
    for path in (prediction, truth):
        if not Path(path).exists():
            raise CCCError(f"{path}: no such folder or picture")
    if Path(prediction).is_file() != Path(truth).is_file():
        raise CCCError(f"{prediction} and {truth}: give two pictures, or two folders")
    if Path(prediction).is_file():
        predicted, true = ({Path(truth).stem: Path(path)} for path in (prediction, truth))
    else:
        predicted, true = (pictures_of(folder) for folder in (prediction, truth))
        for folder, found, other in ((prediction, predicted, true), (truth, true, predicted)):
            # A picture keeps its suffix in its name where another differs only by that.
            stems = {name: file_name(path.stem) for name, path in found.items() if name not in other}
            if twice := sorted({stem for name, stem in stems.items() if PurePosixPath(name).name != stem}):
                raise CCCError(f"{folder}: holds more than one picture named {few(twice)}")
    resized, unreadable, sizes = [], [], {}
    for name in sorted(set(true) & set(predicted)):
        found = []
        for path in (predicted[name], true[name]):
            try:
                found.append(picture_size(path))
            except ImageError as error:
                unreadable.append(str(error))
        if len(found) == 2 and found[0] != found[1]:
            (width, height), (true_width, true_height) = found
            resized.append(f"{name} ({width}x{height}, not {true_width}x{true_height})")
        sizes[name] = found[-1] if found else None
    problems = {
        "missing": sorted(set(true) - set(predicted)),
        "extra": sorted(set(predicted) - set(true)),
        "of another size": resized,
        "unreadable": unreadable,
    }
    refuse(prediction, truth, problems)
    return [Match(name, predicted[name], true[name], *sizes[name]) for name in sorted(true)]


def manifest(folder: str | os.PathLike) -> list[dict]:
    """Rows of the `manifest.csv` of `ccc prepare` in a folder, by column; none where there is no such file.

    Raises CCCError where it is no CSV file.
    """
    path = Path(folder, "manifest.csv")
    with reading(path, "not the list of `ccc prepare`", "run it again, or move the file away"):
        return read_rows(path) if path.is_file() else []


def left_out(*folders: str | os.PathLike) -> list[str]:
    """A line for each folder with files that are no pictures, such as videos: their number and the first names.

    Hidden and system files, `.ab.npz` (a and b) and sheets of `--compare` are not counted; a path to a file gives none.
    """
    found = {folder: pictures(folder)[1] for folder in folders if Path(folder).is_dir()}
    others = {folder: [name for name in names if not name.endswith(AB)] for folder, names in found.items()}
    return [f"{path}: left out, no pictures ({len(names)}): {few(names)}" for path, names in others.items() if names]


def refuse(prediction: str | os.PathLike, truth: str | os.PathLike, problems: Mapping[str, Sequence[str]]) -> None:
    """Raise CCCError if any problem has pictures; `problems`: their names by problem."""
    found = [f"{problem} ({len(names)}): {few(names)}" for problem, names in problems.items() if names]
    if found:
        raise CCCError(f"{prediction}: does not match {truth}: " + "; ".join(found))
