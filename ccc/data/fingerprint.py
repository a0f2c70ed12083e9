"""Fingerprint of photographs: names, sizes and dates of the files that would be read.

The date of a folder does not serve: a hidden file changes it, and a replaced picture does not.
"""

import hashlib
import os
import stat
from collections.abc import Collection
from pathlib import Path

from ccc.core.images import SUFFIXES
from ccc.data.files import LISTS, archives, head_of, is_litter, is_picture, stat_of, walk
from ccc.data.lists import listed


def fingerprint(*paths: str | os.PathLike, suffixes: Collection[str] = SUFFIXES) -> str:
    """Sixteen hex digits that change when a file that would be read appears, vanishes, or changes size or date.

    `paths`: folders, whose pictures count at any depth and behind links, or, with other `suffixes`, the files that have
    one; folders and patterns of archives; lists, with the files they name; other files. Missing files count as missing.
    1.8 million files take some seconds on a local disk, more if their suffixes are unknown and each file is opened.
    """
    digest = hashlib.blake2b(digest_size=8)

    def add(name: str, found: os.stat_result | None) -> None:
        state = (found.st_size, found.st_mtime_ns) if found and stat.S_ISREG(found.st_mode) else None
        digest.update(f"{name}\0{state}\n".encode("utf-8", "surrogateescape"))

    for path in map(Path, paths):
        if parts := archives(path):
            for name, part in parts.items():
                digest.update(f"{name}\0{fingerprint(part, suffixes=suffixes)}\n".encode("utf-8", "surrogateescape"))
        elif path.is_dir():
            for base, entries in walk(path):
                for entry in entries:
                    if _counts(entry, suffixes):
                        add(base + entry.name, stat_of(entry.path))
        else:
            add(path.name, found := stat_of(path))
            if path.suffix.lower() in LISTS and found and stat.S_ISREG(found.st_mode):
                for name, named in listed(path):
                    add(name, named)
    return digest.hexdigest()


def _counts(entry: os.DirEntry, suffixes: Collection[str]) -> bool:
    """Whether a file is read as a picture, or has one of `suffixes`."""
    if is_litter(entry.name):
        return False
    if suffixes is not SUFFIXES:
        return os.path.splitext(entry.name)[1].lower() in suffixes
    return is_picture(entry.name, lambda: head_of(entry.path))
