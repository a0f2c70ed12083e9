"""Text files that name pictures, as people have them: plain, with labels behind the names, or with columns."""

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
from ccc.data.files import stat_of

COLUMNS = ("path", "filepath", "file_path", "file", "filename", "file_name", "image", "image_path", "img_path")
LONGEST = 1 << 16  # characters of a line; a path has at most 4096
MAX_LIST = 1 << 30  # bytes; 1.8 million paths take 100 MB
_LABELLED = re.compile(rf"(.+(?:{'|'.join(map(re.escape, sorted(SUFFIXES)))}))[\s,;]", re.IGNORECASE)


def listed(path: str | os.PathLike) -> Iterator[tuple[str, os.stat_result | None]]:
    """The names in a list of files, and what the system says of each: None where there is no such file.

    One name a line, from the list's folder or absolute, but for empty lines and comments (#). Where the line is no
    file, a label behind the name, quotation marks and a first "/" (Places365's own lists) are taken off, and
    backslashes for separators. A `.csv` or `.tsv` has a header with one of `COLUMNS`, or names in its first column.
    UTF-8, with or without a mark, or UTF-16 with one. Raises CCCError, in one line, for what is no list; OSError.
    """
    path = Path(path)
    found = path.stat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_LIST:
        what = f"{found.st_size:,} bytes" if stat.S_ISREG(found.st_mode) else "a pipe, a device or a folder"
        raise CCCError(
            f"{path}: {what}, which is no list of files; a list is a text file of at most {MAX_LIST:,} bytes"
        )
    with open(path, "rb") as file:
        wide = file.read(2) in (b"\xff\xfe", b"\xfe\xff")
    try:
        # newline: as csv wants it, whose cells may hold line ends
        columns = path.suffix.lower() in (".csv", ".tsv")
        with open(
            path,
            encoding="utf-16" if wide else "utf-8-sig",
            errors="strict" if wide else "surrogateescape",
            newline="" if columns else None,
        ) as file:
            lines = _lines(path, file)
            yield from _cells(path, lines) if columns else _names(path.parent, lines)
    except (UnicodeError, csv.Error) as error:
        raise CCCError(f"{path}: cannot be read as a list ({error}); save it as plain UTF-8") from None


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    for number in itertools.count(1):
        if not (line := file.readline(LONGEST)):
            return
        if "\0" in line:
            raise CCCError(f"{path}: line {number} holds zero bytes: no text, or UTF-16; save it as plain UTF-8")
        if len(line) == LONGEST:
            raise CCCError(f"{path}: line {number} has more than {LONGEST} characters, so this is no list of files")
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
                f"{path}: no column of files in it: the header has {', '.join(map(repr, header[:6]))}; call one "
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
    """Other ways to read a line that is no file as it stands, the nearest first."""
    bare = line.strip("\"'")
    names = [
        bare,
        bare.rpartition("\t")[0],
        match[1] if (match := _LABELLED.match(bare)) else "",
        *bare.rsplit(None, 1)[:1],
    ]
    for name in dict.fromkeys(filter(None, (name.strip("\"' ") for name in names))):
        for way in dict.fromkeys((name, name.lstrip("/"), name.replace("\\", "/"))):
            if way != line:
                yield way
