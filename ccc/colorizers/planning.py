"""Which files to colour, and where each result goes."""

import dataclasses
import functools
import glob
import hashlib
import os
import stat
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from ccc.colorizers._containers import SOUND_SUFFIXES, VIDEO_SUFFIXES, looks_like_video
from ccc.colorizers.filing import FORMATS, WRITTEN
from ccc.colorizers.notes import MADE, read_note
from ccc.core.errors import CCCError, ImageError
from ccc.core.files import file_name
from ccc.core.images import SUFFIXES, looks_like_picture, page_count
from ccc.data.files import OTHERS, head_of, is_litter, is_picture, is_sheet, walk

# Picture formats that are refused: a camera's raw file would open as a TIFF and show its thumbnail.
REFUSED: dict[str, str] = {
    **dict.fromkeys(".psd .psb .xcf .jxl".split(), "export it as PNG, TIFF or JPEG"),
    **dict.fromkeys(
        ".dng .cr2 .cr3 .nef .nrw .arw .orf .rw2 .raf .pef .srw".split(),
        "a camera's raw file: develop it to TIFF or JPEG",
    ),
}


@dataclasses.dataclass(frozen=True)
class Task:
    """A picture, a page of one, or a video, and the file to write. `page`: from 0, None for the first alone."""

    source: Path
    target: Path
    page: int | None = None
    video: bool = False


@dataclasses.dataclass
class Plan:
    """The tasks, the inputs that cannot be read, the number of other files, and messages for the user."""

    tasks: list[Task] = dataclasses.field(default_factory=list)
    skipped: list[ImageError] = dataclasses.field(default_factory=list)
    others: int = 0
    lines: list[str] = dataclasses.field(default_factory=list)


def plan(
    inputs: Iterable[str | os.PathLike],
    output: str | os.PathLike,
    format: str | None = None,
    all_pages: bool = False,
) -> Plan:
    """Find the files to colour, by content where the name is ambiguous, and name their results.

    `inputs`: pictures, videos, folders of any depth (links are followed, circles are not), and patterns such as
    "photos/**/*.jpg"; `output`: a folder, in which folders and names are kept, or a file for a single picture or
    video; `format`: "png" (default), "jpeg" or "tiff"; `all_pages`: one result a page, NAME.p1.png and so on. Videos
    become MP4. Results whose names would be the same, also where a file system takes `A` for `a` or composed letters
    for decomposed ones, keep their suffix (scan.jpg.png, scan.tif.png), and if that is not enough, get four digits of
    a hash of their name. Files in the output folder are left out. Raises CCCError for an input without pictures,
    for two results of one name from two folders, and for a result that would overwrite its source.
    """
    output, made = Path(output), Plan()
    found = {}
    for path, relative in (pair for given in inputs for pair in _found(str(given), output, made)):
        found.setdefault((relative, os.path.realpath(path)), (path, relative, _is_video(path)))
    pages = {key: _pages(path) if all_pages and not video else 1 for key, (path, _, video) in found.items()}
    single = output.suffix.lower() in SUFFIXES | VIDEO_SUFFIXES | {".mp4"} and not output.is_dir()
    if single:
        _check_single(output, [video for _, _, video in found.values()], format)
    elif output.is_file():
        raise CCCError(f"{output}: is a file; give a folder with -o, or a file ending in {', '.join(WRITTEN)}")
    suffix = FORMATS[format or "png"]
    names = {}
    for key, (_, relative, video) in found.items():
        ending = output.suffix if single else ".mp4" if video else suffix
        choices = [PurePath(output.stem)] * 3 if single else _choices(relative)
        names[key] = [_numbered(name, pages[key], ending) for name in choices]
    folder = output.parent if single else output
    for key, targets in _distinct(names, found, made.lines).items():
        path, _, video = found[key]
        for page, target in enumerate(targets):
            if (folder / target).resolve() == path.resolve():
                raise CCCError(f"{path} would be overwritten: give another folder with -o")
            made.tasks.append(Task(path, folder / target, page if len(targets) > 1 else None, video))
    return made


def _check_single(output: Path, videos: list[bool], format: str | None) -> None:
    suffix = output.suffix.lower()
    fits = len(videos) == 1 and (suffix == ".mp4" if videos[0] else suffix in WRITTEN)
    if not fits:
        raise CCCError(
            f"{output}: give a folder with -o; a single picture may be written to {', '.join(WRITTEN)}, a video to .mp4"
        )
    if format and WRITTEN.get(suffix, format) != format:
        raise CCCError(f"{output}: is no name for --format {format}; leave one of the two out")


def _is_video(path: Path) -> bool:
    head = head_of(path)
    return looks_like_video(head) or path.suffix.lower() in VIDEO_SUFFIXES and not looks_like_picture(head)


def _pages(path: Path) -> int:
    try:
        return page_count(path)
    except ImageError:
        return 1  # reading the file reports the error


# --- names ---


def _choices(relative: PurePath) -> list[PurePath]:
    """Names of a result without suffix, from the usual to a unique one."""
    known = relative.suffix.lower() in SUFFIXES | VIDEO_SUFFIXES  # "scan.1921" has no suffix
    unique = hashlib.sha256(os.fsencode(relative)).hexdigest()[:4]
    short, full = (PurePath(file_name(path)) for path in (relative.with_suffix("") if known else relative, relative))
    return [short, full, full.with_name(f"{full.name}.{unique}")]


def _numbered(name: PurePath, pages: int, suffix: str) -> list[PurePath]:
    width = len(str(pages))
    marks = [f".p{page:0{width}}" for page in range(1, pages + 1)] if pages > 1 else [""]
    return [name.with_name(name.name + mark + suffix) for mark in marks]


def _distinct(names: dict, found: dict, lines: list[str]) -> dict:
    """For each file, the first of its candidate names under which all results are distinct."""
    level = dict.fromkeys(names, 0)
    while True:
        owners = defaultdict(list)
        for key, choices in names.items():
            for target in choices[level[key]]:
                owners[unicodedata.normalize("NFC", str(target)).casefold()].append(key)
        clashes = [keys for keys in owners.values() if len(keys) > 1]
        if not clashes:
            break
        for keys in clashes:
            if all(level[key] == 2 for key in keys):
                one, two = (found[key][0] for key in keys[:2])
                raise CCCError(
                    f"{one} and {two} would both be written to {names[keys[0]][0][0]}: give the folder above both,"
                    " or each another folder with -o"
                )
        for key in {key for keys in clashes for key in keys}:
            level[key] = min(level[key] + 1, 2)
    renamed = [key for key in names if level[key]]
    for key in renamed[:3]:
        lines.append(f"{found[key][0]}: becomes {names[key][level[key]][0]}: names differ by suffix or case alone")
    if len(renamed) > 3:
        lines.append(f"and {len(renamed) - 3} more files likewise")
    return {key: choices[level[key]] for key, choices in names.items()}


# --- files ---


def _found(given: str, output: Path, made: Plan) -> Iterator[tuple[Path, Path]]:
    """The pictures and videos of one input, each with its path below the input's folder."""
    path = Path(given)
    if path.is_file():
        yield path, Path(path.name)
        return
    if given and path.is_dir():  # an empty name would be the working folder
        base, candidates = path, (Path(entry.path) for _, entries in walk(path) for entry in entries)
    elif glob.has_magic(given):
        fixed = [part for part in path.parts if part]
        first = next(number for number, part in enumerate(fixed) if glob.has_magic(part))
        base = Path(*fixed[:first])
        matches = map(Path, glob.glob(given, recursive=True, include_hidden=True))
        candidates = (file for file in matches if not _in_circle(file.parent, base))
    else:
        raise CCCError(f"{given or repr(given)}: no such picture or folder")
    inside, skipped, empty = output.resolve(), len(made.skipped), True
    same = inside in (base.resolve(), *base.resolve().parents)
    for file in sorted(candidates):
        relative = file.relative_to(base)
        if file.is_dir() or not same and inside in file.resolve().parents:
            continue
        try:
            taken = not any(map(is_litter, set(relative.parts) - {".", ".."})) and _is_taken(file)
            if taken:  # not read otherwise: a pipe would block
                own = same and (read_note(file) or "").startswith(MADE)  # a result of this command
                taken = not own and not is_sheet(file)
        except ImageError as error:
            made.skipped.append(error)
            continue
        made.others += not taken
        if taken:
            empty = False
            yield file, relative
    if empty and len(made.skipped) == skipped:
        raise CCCError(f"{given}: no pictures in it, and no videos; docs/formats.md lists the formats")


@functools.cache
def _closes_circle(folder: str) -> bool:
    """Whether a folder is a link to one of its parents."""
    if not os.path.islink(folder):
        return False
    target, place = os.path.realpath(folder), os.path.realpath(os.path.dirname(folder))
    return os.path.commonpath([target, place]) == target


def _in_circle(folder: Path, base: Path) -> bool:
    return any(_closes_circle(str(one)) for one in (folder, *folder.parents) if base in one.parents)


def _is_taken(path: Path) -> bool:
    """Whether a file is a picture or a video. Raises ImageError for one that cannot be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ImageError(str(path), "not a regular file")
        suffix = path.suffix.lower()
        if suffix in REFUSED:
            raise ImageError(str(path), f"no format that is read: {suffix}", REFUSED[suffix])
        if suffix in VIDEO_SUFFIXES or is_picture(path.name, lambda: head_of(path)):
            return True
        return suffix not in OTHERS | SOUND_SUFFIXES and looks_like_video(head_of(path))
    except OSError as error:
        gone = isinstance(error, FileNotFoundError)
        raise ImageError(str(path), "missing file" if gone else "unreadable", error.strerror or "") from None
