"""Lists of pictures: text files, plain, with labels behind the names, or with columns."""

import csv
import itertools
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from ccc.core.errors import CCCError
from ccc.core.images import SUFFIXES
from ccc.core.stored import reading
from ccc.data.files import stat_of

COLUMNS = ("path", "filepath", "file_path", "file", "filename", "file_name", "image", "image_path", "img_path")
LONGEST = 1 << 16  # characters of a line; a path has at most 4096
MAX_LIST = 1 << 30  # bytes; 1.8 million paths take 100 MB
_LABELLED = re.compile(rf"(.+(?:{'|'.join(map(re.escape, sorted(SUFFIXES)))}))[\s,;]", re.IGNORECASE)


def listed(path: str | os.PathLike) -> Iterator[tuple[str, os.stat_result | None]]:
    """Names in a list of files, each with its `os.stat`, None if there is no such file.

    One name per line, relative to the list's folder or absolute; empty lines and comments (#) are skipped. If a line is
    not a file, labels, quotation marks and a leading "/" (Places365's own lists) are removed and backslashes become
    separators. A `.csv` or `.tsv` has one of `COLUMNS` in its header, or names in its first column. Encoding: UTF-8, or
    UTF-16 with a byte order mark. Raises CCCError for a file that is not a list; OSError.
    """
    path = Path(path)
    found = path.stat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_LIST:
        what = f"{found.st_size:,} bytes" if stat.S_ISREG(found.st_mode) else "a pipe, a device or a folder"
        raise CCCError(f"{path}: {what}, not a list of files; a list is a text file of at most {MAX_LIST:,} bytes")
    with open(path, "rb") as file:
        wide = file.read(2) in (b"\xff\xfe", b"\xfe\xff")
    with reading(path, "cannot be read as a list", "save it as plain UTF-8", csv.Error):
        # newline: csv needs "", since cells may hold line ends
        columns = path.suffix.lower() in (".csv", ".tsv")
        with open(
            path,
            encoding="utf-16" if wide else "utf-8-sig",
            errors="strict" if wide else "surrogateescape",
            newline="" if columns else None,
        ) as file:
            lines = _lines(path, file)
            yield from _cells(path, lines) if columns else _names(path.parent, lines)


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    for number in itertools.count(1):
        if not (line := file.readline(LONGEST)):
            return
        if "\0" in line:
            raise CCCError(f"{path}: line {number} holds zero bytes; save it as UTF-8 text")
        if len(line) == LONGEST:
            raise CCCError(
                f"{path}: line {number} has more than {LONGEST} characters; give a list of files, one per line"
            )
        yield line


def _names(root: Path, lines: Iterator[str]) -> Iterator[tuple[str, os.stat_result | None]]:
    for line in map(str.strip, lines):
        if line and not line.startswith("#"):
            yield _found(root, line)


def _cells(path: Path, lines: Iterator[str]) -> Iterator[tuple[str, os.stat_result | None]]:
    first = next(lines, "")
    rows = csv.reader(itertools.chain([first], lines), delimiter=max("\t;,", key=first.count))
    header = next(rows, [])
    known = {cell.strip().lower(): place for place, cell in reversed(list(enumerate(header)))}
    column = next((known[name] for name in COLUMNS if name in known), None)
    if column is None:
        pair = _found(path.parent, header[0].strip()) if header else ("", None)
        if pair[1] is None:
            raise CCCError(
                f"{path}: no column of files: the header has {', '.join(map(repr, header[:6]))}; name one "
                f"{', '.join(COLUMNS[:-1])} or {COLUMNS[-1]}"
            )
        yield pair
        column = 0
    for row in rows:
        if len(row) > column and (cell := row[column].strip()):
            yield _found(path.parent, cell)


def _found(root: Path, line: str) -> tuple[str, os.stat_result | None]:
    if found := stat_of(os.path.join(root, line)):
        return line, found
    for name in _readings(line):
        found = stat_of(os.path.join(root, name))
        if found and stat.S_ISREG(found.st_mode):
            return name, found
    return line, None


def _readings(line: str) -> Iterator[str]:
    """Other readings of a line that is not a file, the most literal first."""
    bare = line.strip("\"'")
    labelled = _LABELLED.match(bare)
    names = [bare, bare.rpartition("\t")[0], labelled[1] if labelled else "", *bare.rsplit(None, 1)[:1]]
    for name in dict.fromkeys(filter(None, (name.strip("\"' ") for name in names))):
        for way in dict.fromkeys((name, name.lstrip("/"), name.replace("\\", "/"))):
            if way != line:
                yield way
