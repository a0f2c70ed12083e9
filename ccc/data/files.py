"""Which files are pictures, and how a folder of them is walked and its pictures named: one table for every stage."""

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from ccc.core.files import file_name
from ccc.core.images import SUFFIXES, looks_like_picture

# What systems leave in folders, in small letters; names that begin with a dot beside: .DS_Store, ._1.jpg, .thumbnails.
LITTER = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin"})
ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".zip")
LISTS = frozenset({".txt", ".lst", ".csv", ".tsv"})
# Files that are no pictures and are not looked into; one of any other suffix is known by its first bytes.
OTHERS = LISTS | frozenset(
    ".7z .avi .bz2 .cls .conf .css .db .doc .docx .eps .flv .gz .h5 .html .ini .ipynb .jpynb .js .json .jsonl .log"
    " .m4v .mat .md .mkv .mov .mp3 .mp4 .mpeg .mpg .npy .npz .parquet .pdf .pickle .pkl .pt .pth .py .pyc .rar .rst"
    " .safetensors .sh .svg .tar .tbz2 .tgz .toml .ts .txz .wav .webm .wmv .xlsx .xml .xmp .xz .yaml .yml .zip"
    " .zst".split()
)
# Pictures of these kinds begin as a TIFF, which holds a thumbnail or one of many layers: reading that would be wrong.
OTHERS |= frozenset(
    ".3fr .arw .cr2 .cr3 .dcr .dng .erf .iiq .kdc .lsm .mrw .ndpi .nef .nrw .orf .pef .raf .raw .rw2 .srw .svs".split()
)
HEAD = 400  # bytes that tell a picture or a video


def is_litter(name: str) -> bool:
    """Whether a file or folder of this name is passed over: hidden, or left there by a system."""
    return name.startswith(".") or name.lower() in LITTER


def is_picture(name: str, head: Callable[[], bytes]) -> bool:
    """Whether a file is a picture: by its suffix where that is known, else by its first bytes, which `head` gives.

    To look into every file would take twice as long: a folder of 100,000 known suffixes is listed in 0.7 s, one of as
    many unknown ones in 1.5 s (benchmarked warm, on one core).
    """
    suffix = os.path.splitext(name)[1].lower()
    return suffix in SUFFIXES or (suffix not in OTHERS and looks_like_picture(head()))


def head_of(path: str | os.PathLike) -> bytes:
    """The first bytes of a regular file; none of anything else, which is not opened."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return b""
        with open(path, "rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""


def walk(folder: str | os.PathLike) -> Iterator[tuple[str, list[os.DirEntry]]]:
    """A folder and all beneath it, in a fixed order: the name from there ("" or "a/b/") and what is to be read in it.

    Links to folders are followed, but for those to a folder that they lie in, which stand among the files, as do
    hidden folders and those of `LITTER`. Raises OSError for a folder that may not be read.
    """
    waiting: list[tuple[str, str, tuple]] = [(os.fspath(folder), "", ())]
    while waiting:
        path, base, around = waiting.pop()
        with os.scandir(path) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        around = (*around, _identity(os.stat(path)))
        inner = {entry.name: entry for entry in entries if _enters(entry, around)}
        yield base, [entry for entry in entries if entry.name not in inner] if inner else entries
        waiting += [(entry.path, f"{base}{entry.name}/", around) for entry in reversed(inner.values())]


def _enters(entry: os.DirEntry, around: tuple) -> bool:
    if entry.is_symlink():
        found = stat_of(entry.path)
        inside = found is not None and stat.S_ISDIR(found.st_mode) and _identity(found) not in around
    else:
        inside = entry.is_dir()
    return inside and not is_litter(entry.name)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def stat_of(path: str | os.PathLike) -> os.stat_result | None:
    """What the system says of a file, of a link what it says of its target; None where there is none."""
    try:
        return os.stat(path)
    except (OSError, ValueError):  # of a name that holds NUL
        return None


def pictures(folder: str | os.PathLike) -> tuple[dict[str, Path], list[str]]:
    """Picture files of a folder, at any depth, by their path below it without suffix; and what else lies in it.

    Names are sorted, have "/" between folders, and are as `ccc.core.files.file_name` makes them, so that a name
    composed of other Unicode characters is the same. Pictures that differ by suffix alone keep it in their name. What
    else there is: files that are no pictures and folders called like pictures; hidden files and `LITTER` do not count.
    """
    folder, found, strange = Path(folder), {}, []
    for base, entries in walk(folder):
        if base and os.path.splitext(base[:-1])[1].lower() in SUFFIXES:
            strange.append(base[:-1])
        for entry in entries:
            if is_litter(entry.name):
                continue
            regular = (state := stat_of(entry.path)) is not None and stat.S_ISREG(state.st_mode)
            if regular and is_picture(entry.name, lambda path=entry.path: head_of(path)):
                path = PurePosixPath(base + entry.name)
                found.setdefault(file_name(path.with_suffix("")), []).append(path)
            else:
                strange.append(base + entry.name)
    taken: dict[str, Path] = {}
    for name, paths in found.items():
        for path in paths:
            own = name if len(paths) == 1 else file_name(path)
            taken[own if own not in taken else f"{own}__{len(taken)}"] = folder / path
    return dict(sorted(taken.items())), sorted(strange)


def archives(path: str | os.PathLike) -> dict[str, Path]:
    """Archives to be read as one source, by name and sorted; none where the path names something else.

    `path`: a folder that holds archives, and no pictures or folders; or a pattern as WebDataset has them, such as
    `shards/{00000..00179}.tar`.
    """
    if os.path.isdir(path):
        with contextlib.suppress(OSError), os.scandir(path) as found:  # who lists it says that it may not be read
            return _alone(path, found)
        return {}
    text = os.fspath(path)
    if "{" not in text or os.path.exists(path):
        return {}
    from braceexpand import braceexpand

    try:
        found = [file for file in braceexpand(text) if file != text]
    except ValueError:  # unbalanced braces
        return {}
    base = os.path.dirname(os.path.commonprefix(found))
    return {os.path.relpath(file, base or "."): Path(file) for file in found}


def _alone(folder: str | os.PathLike, found: Iterable[os.DirEntry]) -> dict[str, Path]:
    names = []
    for entry in found:
        if is_litter(entry.name):
            continue
        if os.path.splitext(entry.name)[1].lower() in SUFFIXES or entry.is_dir():
            return {}
        names += [entry.name] if entry.name.lower().endswith(ARCHIVES) else []
    return {name: Path(folder) / name for name in sorted(names)}
