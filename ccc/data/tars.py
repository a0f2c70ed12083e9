"""Tar archives as shards need them: the same bytes for the same members, and little cost a member to write or read."""

import hashlib
import io
import os
from collections.abc import Iterator

import numpy as np
from numpy.lib import format as npy_format

from ccc.core.errors import CCCError

BLOCK, RECORD = 512, 10_240
CHUNK = 1 << 16  # bytes written at once
# POSIX ustar, between a member's name and its size, and after it: mode, owner, group; time, checksum (counted as
# spaces), kind, link, magic, version.
_BEFORE_SIZE = b"0000644\0" + b"0000000\0" * 2
_AFTER_SIZE = b"\0" + b"00000000000\0" + b" " * 8 + b"0" + b"\0" * 100 + b"ustar\0" + b"00"
_REST = sum(_BEFORE_SIZE + _AFTER_SIZE)


class TarWriter:
    """Write regular files into a ustar archive: owner 0, time 0, mode 644, as tarfile writes a bare TarInfo.

    Nothing of the machine or the moment enters. `sha256`, hexadecimal, is that of the finished archive.
    """

    def __init__(self, path: str | os.PathLike):
        self._file = open(path, "wb", buffering=CHUNK)  # noqa: SIM115
        self._hash = hashlib.sha256()
        self._length = 0

    def add(self, name: str, data: bytes) -> None:
        """Append a member. `name`: ASCII, at most 100 characters; `data`: less than 8 GiB. Raises ValueError else."""
        encoded = name.encode("ascii")
        if not 0 < len(encoded) <= 100 or len(data) >= 8**11:
            raise ValueError(f"a member needs a name of 1 to 100 characters and less than 8 GiB, got {name!r}")
        size = b"%011o" % len(data)
        checksum = b"%06o\0 " % (_REST + sum(encoded) + sum(size))
        header = encoded.ljust(100, b"\0") + _BEFORE_SIZE + size + _AFTER_SIZE
        header = (header[:148] + checksum + header[156:]).ljust(BLOCK, b"\0")
        self._write(b"".join((header, data, b"\0" * (-len(data) % BLOCK))))

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self._length += len(data)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def __enter__(self) -> "TarWriter":
        return self

    def __exit__(self, *error) -> None:
        if error == (None, None, None):
            self._write(b"\0" * (2 * BLOCK + -(self._length + 2 * BLOCK) % RECORD))
        self._file.close()


def read_samples(path: str | os.PathLike) -> Iterator[dict]:
    """Samples of a tar that TarWriter wrote, as WebDataset has them: their members by what follows the first dot of
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
    """Whether a tar begins as TarWriter begins one; those of other programs are for tarfile."""
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
