"""The provenance note in a coloured file, and whether the file is up to date."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ccc.colorizers import kinds
from ccc.colorizers.base import JPEG_QUALITY
from ccc.core.errors import ImageError
from ccc.core.files import printable, sha256
from ccc.core.images import SOFTWARE, SOURCE, ab_file, opened

if TYPE_CHECKING:
    from ccc.colorizers.planning import Task

MADE = "ccc colorize"  # start of the note in every coloured file
KEEP_AB = " --keep-ab"  # end of the note where a and b are kept, which changes no picture
OTHER_SOURCE = "made from another picture, or from this one as it was"
HALF = {"truncated", "empty file", "unreadable", "not a picture"}  # reasons of ImageError for a half-written file


@dataclasses.dataclass(frozen=True)
class Wishes:
    """How to colour and file pictures: see `ccc colorize --help`."""

    max_size: int | None = None
    keep_ab: bool = False
    depth: str = "auto"  # or "8", "16"
    quality: int = JPEG_QUALITY
    compare: bool = False
    skip_color: bool = False


def note(method: str, weights: Sequence[Path], options: Mapping, wishes: Wishes = Wishes()) -> str:
    """How files are made: the method, its weights by name and the start of their SHA-256, options and wishes.

    Options that the method declares as paths are named without their folders, and what they hold by its SHA-256.
    """
    declared = kinds(method)
    options = {
        name: Path(value).expanduser() if "Path" in declared.get(name, "") else value
        for name, value in sorted(options.items())
    }
    words = [MADE, "--method", method, *(f"--weights {_described(path)}" for path in weights)]
    words += [f"--option {name}={_named(value)}" for name, value in options.items()]
    words += [f"--reads {_described(value)}" for value in options.values() if isinstance(value, Path)]
    words += [f"--max-size {wishes.max_size}"] if wishes.max_size else []
    words += [f"--depth {wishes.depth}"] if wishes.depth != "auto" else []
    words += [f"--quality {wishes.quality}"] if wishes.quality != JPEG_QUALITY else []
    return " ".join(words) + KEEP_AB * wishes.keep_ab


def of_source(made: str, digest: str, page: int | None = None) -> str:
    """The note of one file: `made`, the SHA-256 of the picture it was made of, and of several pages which."""
    return f"{made}{SOURCE}{digest}" + ("" if page is None else f" --page {page + 1}")


def _described(path: Path) -> str:
    name = printable(path.name)
    return f"{name}:{_digest(path)[:12]}" if path.exists() else name


def _named(value: object) -> str:
    return printable(value.name) if isinstance(value, Path) else str(value)


def _digest(path: Path) -> str:
    """SHA-256 of a file; of a folder, of the names and SHA-256 of all its files."""
    if path.is_file():
        return sha256(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    lines = (f"{file.relative_to(path).as_posix()} {sha256(file)}\n" for file in files)
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def plain(text: str) -> str:
    """A note in ASCII, which is all that EXIF takes."""
    return text.encode("ascii", "backslashreplace").decode()


def read_note(path: Path) -> str | None:
    """The provenance note in a picture or an MP4, "" where it has none; None where the file is incomplete."""
    if path.suffix.lower() == ".mp4":
        from ccc.colorizers.video import video_note

        said = video_note(path)
        return None if said is None else plain(said)
    try:
        with opened(path) as image:
            if image.format == "PNG":
                image.verify()  # its checksums tell as much as its pixels
                said = image.info.get("Software", "")
            else:
                image.load()
                said = image.getexif().get(SOFTWARE, "")
    except ImageError as error:  # a whole file that is too large or of another kind has no note
        return None if error.reason in HALF else ""
    return plain(str(said))


def standing(task: Task, made: str) -> str | None:
    """State of a task's target: None where it is missing or incomplete, "" where it is up to date, else why it is not.

    A target is up to date where its note holds `made`, the SHA-256 of the source and the page; dates are ignored.
    """
    made = made.removesuffix(KEEP_AB) if task.video else made  # frames have no files of ab
    if not task.target.exists() or (said := read_note(task.target)) is None:
        return None
    if not said.startswith(MADE):
        return f"not from `{MADE}`"
    how, _, source = said.partition(SOURCE)
    if how.removesuffix(KEEP_AB) != plain(made).removesuffix(KEEP_AB):
        return "made with other options, weights or method"
    try:
        if source != of_source("", sha256(task.source), task.page).removeprefix(SOURCE):
            return OTHER_SOURCE
    except OSError:
        return None  # reading the source reports the error
    if made.endswith(KEEP_AB) and not (how.endswith(KEEP_AB) and ab_file(task.target).is_file()):
        return None
    return ""
