"""What photographs are known by: names, sizes and dates of the files that would be read.

The date of a folder says nothing of the kind: it changes when a hidden file comes, and not when a picture is replaced.
"""

import hashlib
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from ccc.core.images import SUFFIXES


def files(folder: str | os.PathLike, base: str = "") -> Iterator[tuple[str, os.DirEntry]]:
    """Every file beneath a folder, by its name from there, in a fixed order; links to folders are not followed."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    folders = []
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            folders.append(entry)
        elif not os.path.isdir(entry):  # unlike the entry's own, it says no of a link to itself
            yield base + entry.name, entry
    for entry in folders:
        yield from files(entry.path, f"{base}{entry.name}/")


def counts(name: str, suffixes: Collection[str] = SUFFIXES) -> bool:
    """Whether a file of this name, without its folder, is one of those that are read: not hidden, of such a suffix."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes


def listed(path: str | os.PathLike) -> Iterator[str]:
    """The names in a list of files: one a line, but for empty lines and comments."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        for line in map(str.strip, file):
            if line and not line.startswith("#"):
                yield line


def fingerprint(*paths: str | os.PathLike, suffixes: Collection[str] = SUFFIXES) -> str:
    """Sixteen hex digits that change where a file that would be read comes, goes, or has another size or date.

    `paths`: folders, of whose files those count that `counts` names; lists (.txt), with the files they name; any other
    file. What is not there counts as such. 1.8 million files take some seconds, where the disk is local.
    """
    digest = hashlib.blake2b(digest_size=8)

    def add(name: str, found: os.stat_result | None) -> None:
        state = (found.st_size, found.st_mtime_ns) if found and stat.S_ISREG(found.st_mode) else None
        digest.update(f"{name}\0{state}\n".encode("utf-8", "surrogateescape"))

    for path in map(Path, paths):
        if path.is_dir():
            for name, entry in files(path):
                if counts(entry.name, suffixes):
                    add(name, _stat(entry))
            continue
        add(path.name, _stat(path))
        if path.suffix == ".txt" and path.is_file():
            for name in listed(path):
                add(name, _stat(path.parent / name))
    return digest.hexdigest()


def _stat(path: Path | os.DirEntry) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
