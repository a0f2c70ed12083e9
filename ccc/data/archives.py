"""Members of tars and zips, read without trusting their headers."""

import bz2
import contextlib
import gzip
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ccc.core.errors import printable
from ccc.data.files import HEAD, head_of

# Raised by tarfile, zipfile and the decompressors on damaged archives; ValueError for names that are not UTF-8.
BROKEN = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, OSError, EOFError, ValueError,
    OverflowError, MemoryError, RuntimeError,
)  # fmt: skip
LARGEST = 1 << 62  # greatest size and offset of a member, in bytes
_HEADERS = 1 << 22  # most bytes of one header: a long name, a table of extended headers
_COMPRESSED = {rb"\x1f\x8b": gzip.open, rb"BZh[1-9]1AY&SY": bz2.open, rb"\xfd7zXZ\0": lzma.open}
# First bytes of unsupported formats, and what to do.
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
    """A file of an archive: name, whether it is a regular file, offset, stored size, reader of its first bytes."""

    name: str
    regular: bool
    offset: int
    size: int
    head: Callable[[], bytes]


class _Bounded:
    """Limits each read by tarfile, which otherwise allocates whatever size a header claims."""

    def __init__(self, file: BinaryIO):
        self._file, self.seek, self.tell = file, file.seek, file.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _HEADERS:
            raise tarfile.ReadError(f"a header asks for {size} bytes")
        return self._file.read(size)


def _open_tar(file: BinaryIO) -> tarfile.TarFile:
    return tarfile.open(fileobj=_Bounded(file), mode="r:")  # ty: ignore[no-matching-overload] # enough for reading


def kind_of(path: Path) -> str | None:
    """Returns "zip", "tar" or "compressed tar"; None for any other file."""
    try:
        with tar_bytes(path) as file, _open_tar(file):
            return "compressed tar" if _opener(path) is not open else "tar"
    except BROKEN:  # a zip comes second: it is told by its end, and the last file in a tar may be one
        return "zip" if zipfile.is_zipfile(path) else None


def described(path: Path) -> str:
    """Describes an unsupported file by its first bytes, with a remedy; "" if they are not known."""
    head = head_of(path)
    return next((text for magic, text in FOREIGN.items() if head.startswith(magic)), "" if head else "an empty file")


def _opener(path: Path) -> Callable[..., Any]:
    head = head_of(path)
    return next((opener for magic, opener in _COMPRESSED.items() if re.match(magic, head)), open)


def tar_bytes(path: Path) -> BinaryIO:
    """Open the decompressed bytes of a tar, for a `with` block."""
    return _opener(path)(path, "rb")


def tar_members(path: Path) -> Iterator[Member]:
    """Members of a tar in stored order; `offset`: of the bytes in the decompressed tar. Raises any of `BROKEN`."""
    with tar_bytes(path) as file, _open_tar(file) as archive:
        reached = -1
        for member in archive:
            archive.members = []  # ty: ignore[missing-attribute] # else tarfile keeps every header, 1.8 million of them
            if not 0 <= member.size < LARGEST or archive.offset <= reached:
                raise tarfile.ReadError(f"{printable(member.name)} has an impossible size, {member.size}")
            reached = archive.offset
            if not member.isdir():
                regular = member.isreg() and not member.issparse()

                def head(place: int = member.offset_data, size: int = member.size) -> bytes:
                    file.seek(place)
                    return file.read(min(size, HEAD))

                yield Member(printable(member.name), regular, member.offset_data, member.size, head)
        # tarfile mistakes a damaged header for the end of the archive.
        file.seek(archive.offset)
        if file.read(512).strip(b"\0"):
            raise tarfile.ReadError(f"damaged at byte {archive.offset}")


def zip_members(path: Path) -> Iterator[Member]:
    """Members of a zip in stored order; `offset`: of the member's local header. Raises any of `BROKEN`.

    Backslashes separate folders only in names of zips made on Windows.
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
