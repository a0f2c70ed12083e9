"""Where photographs lie: folders, archives and lists, read in place and never unpacked to disk."""

import dataclasses
import io
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from ccc.core.errors import CCCError, ImageError
from ccc.core.images import SUFFIXES

LISTED = 1000  # refused members that are named; all are counted
MAX_BYTES = 1 << 28  # a file or member of more is no photograph


@dataclasses.dataclass(frozen=True)
class Entry:
    """One picture of a source: its name, where its bytes begin, and how many there are.

    `offset`: in a tar, of the bytes (within the uncompressed stream); in a zip, of the member's own header; 0
    elsewhere. `size`: in bytes, as stored. Archive members are found by offset, so that two of one name are two.
    """

    member: str
    offset: int
    size: int


class Source:
    """A folder (any depth), a tar (plain or compressed), a zip archive, or a text file that lists picture files.

    The order is fixed: sorted by path in a folder, as stored in an archive, as written in a list. Files without a
    picture's suffix are `ignored`, a number. Archive members that are no regular files (links, devices) or whose names
    would leave their folder are refused: `refused_by_reason` counts them, `refused` names the first thousand. Raises
    CCCError where the path is none of these.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        self.ignored = 0
        self.refused: list[tuple[str, str]] = []
        self.refused_by_reason: Counter[str] = Counter()
        if self.path.is_dir():
            self.kind = "folder"
        elif not self.path.exists():
            raise CCCError(
                f"{path}: no such folder or archive; check the path, or unset it to use the embedded photographs"
            )
        elif self.path.suffix == ".txt":
            self.kind = "list"
        elif zipfile.is_zipfile(self.path):
            self.kind = "zip"
        elif tarfile.is_tarfile(self.path):
            with open(self.path, "rb") as file:
                self.kind = "tar" if file.read(2) not in (b"\x1f\x8b", b"BZ", b"\xfd7") else "compressed tar"
        else:
            raise CCCError(f"{path}: neither a folder, a tar, a zip nor a list of files (.txt)")

    def scan(self) -> Iterator[Entry]:
        """The pictures one by one, in order. Raises CCCError where there is none or the archive is broken."""
        self.ignored, self.refused, self.refused_by_reason = 0, [], Counter()
        find = {"folder": self._folder, "list": self._list, "zip": self._zip}.get(self.kind, self._tar)
        empty = True
        try:
            for entry in find():
                empty = False
                yield entry
        except (tarfile.TarError, zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError) as error:
            raise CCCError(f"{self.path}: the archive cannot be read ({error}); fetch it again") from None
        if empty:
            raise CCCError(f"{self.path}: no pictures in it (looked for {', '.join(sorted(SUFFIXES))})")

    def entries(self) -> list[Entry]:
        """All of `scan`; at the size of Places365 `ccc.data.index` takes a tenth of the memory."""
        return list(self.scan())

    def state(self) -> dict:
        """What tells whether the source has changed: size and time of a file, the times of all folders in a folder."""
        if self.kind != "folder":
            found = self.path.stat()
            return {"bytes": found.st_size, "mtime_ns": found.st_mtime_ns}
        return {
            "folders": {
                Path(folder).relative_to(self.path).as_posix(): os.stat(folder).st_mtime_ns
                for folder, _, _ in _walk(self.path)
            }
        }

    def changed_since(self, state: dict) -> str | None:
        """What differs from an earlier `state`, or None. A folder's known folders are looked at, not its files."""
        if ("folders" in state) != (self.kind == "folder"):
            return "it is of another kind"
        if self.kind != "folder":
            now = self.state()
            return next((f"{key} was {state[key]}, is {now[key]}" for key in now if now[key] != state[key]), None)
        for folder, mtime in state["folders"].items():
            path = self.path / folder
            if not path.is_dir():
                return f"the folder {folder} is gone"
            if path.stat().st_mtime_ns != mtime:
                return f"files came or went in the folder {folder}"
        return None

    def read(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, bytes | ImageError]]:
        """Bytes of the entries, in the order given (any part of `scan`); a lost file comes as its ImageError.

        A compressed tar has no random access: it is read from its start to the last entry wanted, and entries that
        come too early are held in memory.
        """
        if self.kind == "compressed tar":
            yield from self._stream(entries)
        elif self.kind == "tar":
            with open(self.path, "rb") as file:
                for entry in entries:
                    file.seek(entry.offset)
                    yield entry, _read(file, entry)
        elif self.kind == "zip":
            with open(self.path, "rb") as file:
                for entry in entries:
                    try:
                        yield entry, _zip_member(file, entry)
                    except (ImageError, OSError, zlib.error, struct.error) as error:
                        known = isinstance(error, ImageError)
                        yield entry, error if known else ImageError(entry.member, "unreadable", str(error))
        else:
            root = self.path if self.kind == "folder" else self.path.parent
            for entry in entries:
                try:
                    yield entry, (root / entry.member).read_bytes()
                except OSError as error:
                    gone = isinstance(error, FileNotFoundError)
                    reason = "missing file" if gone else "unreadable"
                    yield entry, ImageError(entry.member, reason, "" if gone else error.strerror or "")

    def _refuse(self, name: str, reason: str) -> None:
        self.refused_by_reason[reason] += 1
        if len(self.refused) < LISTED:
            self.refused.append((name, reason))

    def _is_picture(self, name: str) -> bool:
        path = PurePosixPath(name)
        fits = path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
        self.ignored += not fits
        return fits

    def _keep(self, name: str, regular: bool) -> bool:
        """Whether an archive member is to be read."""
        if not self._is_picture(name):
            return False
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name:
            self._refuse(name, "unsafe name")
        elif not regular:
            self._refuse(name, "not a regular file")
        else:
            return True
        return False

    def _folder(self) -> Iterator[Entry]:
        for folder, _, files in _walk(self.path):
            base = Path(folder).relative_to(self.path)
            for file in sorted(files):
                if self._is_picture(file):
                    name = (base / file).as_posix()
                    try:
                        found = os.stat(os.path.join(folder, file))
                    except OSError:
                        self._refuse(printable(name), "missing file")  # a link to nowhere
                        continue
                    if stat.S_ISREG(found.st_mode):
                        yield Entry(name, 0, found.st_size)
                    else:
                        self._refuse(printable(name), "not a regular file")

    def _list(self) -> Iterator[Entry]:
        with open(self.path, encoding="utf-8", errors="surrogateescape") as file:
            for line in map(str.strip, file):
                if line and not line.startswith("#"):
                    full = self.path.parent / line
                    yield Entry(line, 0, full.stat().st_size if full.is_file() else 0)

    def _tar(self) -> Iterator[Entry]:
        with tarfile.open(self.path) as archive:
            for member in archive:
                archive.members = []  # tarfile keeps every header otherwise: 1.8 million of them
                name = printable(member.name)
                if not member.isdir() and self._keep(name, member.isreg() and not member.issparse()):
                    yield Entry(name, member.offset_data, member.size)
            # tarfile takes a damaged header for the end of the archive.
            archive.fileobj.seek(archive.offset)
            if archive.fileobj.read(512).strip(b"\0"):
                raise tarfile.ReadError(f"damaged at byte {archive.offset}")

    def _stream(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, bytes | ImageError]]:
        early: dict[Entry, bytes | ImageError] = {}
        inward = iter(sorted(entries, key=lambda entry: entry.offset))
        with tarfile.open(self.path) as archive:
            file = archive.fileobj  # the uncompressed stream
            for entry in entries:
                while entry not in early:
                    following = next(inward)
                    try:
                        file.seek(following.offset)
                        early[following] = _read(file, following)
                    except (OSError, EOFError, zlib.error) as error:
                        early[following] = ImageError(following.member, "unreadable", str(error))
                yield entry, early.pop(entry)

    def _zip(self) -> Iterator[Entry]:
        with open(self.path, "rb") as file:
            for name, offset, size, regular in _zip_directory(file):
                if not name.endswith("/") and self._keep(name, regular):
                    yield Entry(name, offset, size)


def printable(name: str) -> str:
    """A file name in which bytes that are no UTF-8 are replaced, fit for any file or terminal."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _walk(path: Path):
    for folder, folders, files in os.walk(path):
        folders.sort()
        yield folder, folders, files


def _read(file: io.BufferedIOBase, entry: Entry) -> bytes | ImageError:
    if entry.size > MAX_BYTES:  # before memory is taken for what a header claims
        return ImageError(entry.member, "too large", f"{entry.size} bytes, at most {MAX_BYTES}")
    data = file.read(entry.size)
    return data if len(data) == entry.size else ImageError(entry.member, "truncated")


def _zip_directory(file: io.BufferedReader) -> Iterator[tuple[str, int, int, bool]]:
    """Name, header offset, stored size and whether it is a regular file, of each member of a zip archive.

    zipfile would hold all of the directory in memory, over a gigabyte for the size of Places365. Source: PKWARE's
    APPNOTE, 4.3.12 to 4.3.16 and 4.5.3.
    """
    length = file.seek(0, os.SEEK_END)
    tail_at = max(length - 65_557, 0)
    file.seek(tail_at)
    tail = file.read()
    found = tail.rfind(b"PK\5\6")
    count, size, offset = struct.unpack_from("<HLL", tail, found + 10)
    end = tail_at + found
    if tail[found - 20 : found - 16] == b"PK\6\7":
        end = struct.unpack_from("<Q", tail, found - 12)[0]
        file.seek(end)
        count, size, offset = struct.unpack_from("<QQQ", file.read(56), 32)
    before = end - size - offset  # bytes in front of the archive, as in one that extracts itself
    file.seek(offset + before)
    for _ in range(count):
        header = file.read(46)
        if header[:4] != b"PK\1\2":
            raise zipfile.BadZipFile(f"damaged directory at byte {file.tell() - len(header)}")
        flags, stored, plain, names, extras, notes = struct.unpack_from("<8xH10xLLHHH", header)
        mode, start = struct.unpack_from("<H2L", header, 36)[1:]
        name = file.read(names).decode("utf-8" if flags & 0x800 else "cp437", "replace")
        extra = file.read(extras)
        file.seek(notes, os.SEEK_CUR)
        while len(extra) >= 4:
            kind, span = struct.unpack_from("<HH", extra)
            if kind == 1:  # 64-bit values, only those that did not fit above
                values = iter(struct.unpack_from(f"<{span // 8}Q", extra, 4))
                plain = next(values) if plain == 0xFFFFFFFF else plain
                stored = next(values) if stored == 0xFFFFFFFF else stored
                start = next(values) if start == 0xFFFFFFFF else start
            extra = extra[4 + span :]
        kind = stat.S_IFMT(mode >> 16)
        yield name, start + before, stored, kind in (0, stat.S_IFREG, stat.S_IFDIR)


def _zip_member(file: io.BufferedReader, entry: Entry) -> bytes | ImageError:
    file.seek(entry.offset)
    header = file.read(30)
    if header[:4] != b"PK\3\4":
        return ImageError(entry.member, "truncated")
    flags, method, checksum, names, extras = struct.unpack("<6xHH4xL8xHH", header)
    file.seek(names + extras, os.SEEK_CUR)
    data = file.read(entry.size)
    if len(data) != entry.size:
        return ImageError(entry.member, "truncated")
    if flags & 1 or method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return ImageError(entry.member, "unreadable", "encrypted" if flags & 1 else f"zip method {method}")
    if method == zipfile.ZIP_DEFLATED:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        data = inflater.decompress(data, MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            return ImageError(entry.member, "too large", f"more than {MAX_BYTES} bytes")
        if not inflater.eof:
            return ImageError(entry.member, "truncated")
    if not flags & 8 and zlib.crc32(data) != checksum:  # with bit 3 the checksum follows the data
        return ImageError(entry.member, "unreadable", "checksum does not fit")
    return data
