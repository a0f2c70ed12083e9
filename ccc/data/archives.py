"""What lies in tars and zips: the members one by one, whatever their headers claim."""

import bz2
import contextlib
import gzip
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ccc.core.errors import printable
from ccc.data.files import HEAD

# What tarfile, zipfile and the decompressors raise on damaged archives; ValueError of names that are no UTF-8.
BROKEN = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, OSError, EOFError, ValueError,
    OverflowError, MemoryError, RuntimeError,
)  # fmt: skip
LARGEST = 1 << 62  # bytes that a member can have, and the place where it can lie
_HEADERS = 1 << 22  # bytes that a tar may ask to be read at once: a long name, a table of extended headers
_COMPRESSED = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}
# What archives that are not read here begin with, and what to do.
FOREIGN = {
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it with `7z x`",
    b"Rar!": "a RAR archive; unpack it with `unrar x`",
    b"\x28\xb5\x2f\xfd": "compressed by zstd; decompress it with `zstd -d`",
    b"PAR1": "a Parquet file; write its pictures to files or a tar",
    b"\x89HDF": "an HDF5 file; write its pictures to files or a tar",
    b"%PDF": "a PDF; write its pictures to files, as `pdfimages` does",
    b"\x93NUMPY": "a NumPy array; write its pictures to files or a tar",
}


class Member(NamedTuple):
    """A file of an archive: name, whether it is a regular file, place, size as stored, first bytes."""

    name: str
    regular: bool
    offset: int
    size: int
    head: Callable[[], bytes]


class _Bounded:
    """A tar's bytes for tarfile, which takes the memory that a header asks for before it looks whether it is there."""

    def __init__(self, file: BinaryIO):
        self._file, self.seek, self.tell = file, file.seek, file.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _HEADERS:
            raise tarfile.ReadError(f"a header asks for {size} bytes")
        return self._file.read(size)


def _open_tar(file: BinaryIO) -> tarfile.TarFile:
    return tarfile.open(fileobj=_Bounded(file), mode="r:")  # ty: ignore[no-matching-overload] # enough for reading


def kind_of(path: Path) -> str | None:
    """ "zip", "tar" or "compressed tar"; None for any other file."""
    if zipfile.is_zipfile(path):
        return "zip"
    try:
        with tar_bytes(path) as file, _open_tar(file):
            return "compressed tar" if _opener(path) is not open else "tar"
    except BROKEN:
        return None


def described(path: Path) -> str:
    """What a file that is no source is, as far as its first bytes tell, and what to do with it."""
    with open(path, "rb") as file:
        head = file.read(8)
    return next(
        (text for magic, text in FOREIGN.items() if head.startswith(magic)), "an empty file" if not head else ""
    )


def _opener(path: Path) -> Callable[..., Any]:
    with open(path, "rb") as file:
        return _COMPRESSED.get(file.read(2), open)


def tar_bytes(path: Path) -> BinaryIO:
    """The bytes of a tar, decompressed where it is compressed, for a `with` block."""
    return _opener(path)(path, "rb")


def tar_members(path: Path) -> Iterator[Member]:
    """Files of a tar as stored; `offset`: of a member's bytes in the decompressed tar. Raises as `BROKEN` says."""
    with tar_bytes(path) as file, _open_tar(file) as archive:
        reached = -1
        for member in archive:
            archive.members = []  # ty: ignore[missing-attribute] # tarfile keeps every header otherwise: 1.8 million of them
            if not 0 <= member.size < LARGEST or archive.offset <= reached:
                raise tarfile.ReadError(f"{printable(member.name)} has an impossible size, {member.size}")
            reached = archive.offset
            if not member.isdir():
                regular = member.isreg() and not member.issparse()

                def head(place: int = member.offset_data, size: int = member.size) -> bytes:
                    file.seek(place)
                    return file.read(min(size, HEAD))

                yield Member(printable(member.name), regular, member.offset_data, member.size, head)
        # tarfile takes a damaged header for the end of the archive.
        file.seek(archive.offset)
        if file.read(512).strip(b"\0"):
            raise tarfile.ReadError(f"damaged at byte {archive.offset}")


def zip_members(path: Path) -> Iterator[Member]:
    """Files of a zip in stored order; `offset`: of a member's own header. Raises as `BROKEN` says.

    Backslashes in the names of a zip made on Windows separate folders, and are part of a name elsewhere.
    """
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            regular = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)  # 0: not packed on Unix
            windows = info.create_system in (0, 10, 14)  # FAT, NTFS, VFAT
            name = info.filename.replace("\\", "/") if windows else info.filename
            if not info.is_dir() and not name.endswith("/"):

                def head(info: zipfile.ZipInfo = info) -> bytes:
                    with contextlib.suppress(*BROKEN), archive.open(info) as member:
                        return member.read(HEAD)
                    return b""

                yield Member(printable(name), regular, info.header_offset, info.compress_size, head)
