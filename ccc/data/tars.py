"""Reading of tar archives as shards are, at little cost a member."""

import io
import os
from collections.abc import Iterator

import numpy as np
from numpy.lib import format as npy_format

from ccc.core.errors import CCCError

BLOCK, RECORD = 512, 10_240
CHUNK = 1 << 16  # bytes read at once
# POSIX ustar, between a member's name and its size, and after it: mode, owner, group; time, checksum (counted as
# spaces), kind, link, magic, version.
_BEFORE_SIZE = b"0000644\0" + b"0000000\0" * 2
_AFTER_SIZE = b"\0" + b"00000000000\0" + b" " * 8 + b"0" + b"\0" * 100 + b"ustar\0" + b"00"


def read_samples(path: str | os.PathLike) -> Iterator[dict]:
    """Samples of a tar of `ccc.data.shards`, as WebDataset has them: their members by what follows the first dot of
    the name, beside `__key__`, what is before it, and `__url__`, the path. Members of one key lie side by side.

    Raises CCCError where the file is cut short or a header is damaged.
    """
    sample: dict = {}
    with open(path, "rb", buffering=CHUNK) as file:
        while header := _header(file, path):
            key, _, part = header[:100].rstrip(b"\0").decode("ascii").partition(".")
            length = int(header[124:135], 8)
            data = file.read(length)
            if len(data) < length:
                raise _cut(path)
            file.read(-length % BLOCK)
            if sample.get("__key__", key) != key:
                yield sample
                sample = {}
            sample |= {"__key__": key, "__url__": os.fspath(path), part: data}
    if sample:
        yield sample


def is_plain(path: str | os.PathLike) -> bool:
    """Whether a tar begins as those of `ccc.data.shards`; those of other programs are for tarfile."""
    with open(path, "rb") as file:
        header = file.read(BLOCK)
    return header[100:124] == _BEFORE_SIZE and header[156:265] == _AFTER_SIZE[21:]


def _header(file: io.BufferedReader, path) -> bytes:
    """The next header, whole and sound; nothing at the end of the archive."""
    at, header = file.tell(), file.read(BLOCK)
    if len(header) < BLOCK:
        raise _cut(path)
    if not header.strip(b"\0") and not file.read(2 * RECORD).strip(b"\0"):
        return b""
    checksum = b"%06o\0 " % (sum(header) - sum(header[148:156]) + 8 * ord(" "))
    whole = header[148:156] == checksum and header[156:265] == _AFTER_SIZE[21:] and header[:100].isascii()
    if not whole or header[124:135].strip(b"01234567"):
        raise CCCError(f"{path}: damaged at byte {at}; write the shard again")
    return header


def _cut(path) -> CCCError:
    return CCCError(f"{path}: cut short; write the shard again")


def npy_header(shape: tuple[int, ...]) -> bytes:
    """What numpy.save writes in front of the bytes of a C-ordered uint16 array of this shape."""
    file = io.BytesIO()
    npy_format.write_array(file, np.zeros(shape, np.uint16), allow_pickle=False)
    return file.getvalue()[: -2 * int(np.prod(shape))]
