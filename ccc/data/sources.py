"""Where photographs lie: folders, archives and lists, read in place and never unpacked to disk."""

import dataclasses
import io
import os
import stat
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from ccc.core.errors import CCCError, ImageError
from ccc.core.files import printable
from ccc.core.images import SUFFIXES
from ccc.data.fingerprint import counts, files, fingerprint, listed

LISTED = 1000  # refused members that are named; all are counted
# What tarfile and zipfile raise on damaged archives; ValueError of names that are no UTF-8.
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, ValueError)
MAX_BYTES = 1 << 28  # a file or member of more is no photograph


@dataclasses.dataclass(frozen=True)
class Entry:
    """One picture of a source: its name, where its bytes begin, how many there are, and when they were written.

    `offset`: in a tar, of the bytes (within the uncompressed stream); in a zip, of the member's own header; 0
    elsewhere. `size`: in bytes, as stored. Archive members are found by offset, so that two of one name are two.
    `modified`: of a file, in nanoseconds since 1970; 0 of an archive member, and of a file that is not there.
    """

    member: str
    offset: int
    size: int
    modified: int = 0


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
        except (*_BROKEN, EOFError) as error:
            if self.kind in ("folder", "list"):
                raise CCCError(f"{self.path}: cannot be read ({error})") from None
            raise CCCError(f"{self.path}: the archive cannot be read ({error}); fetch it again") from None
        if empty:
            raise CCCError(f"{self.path}: no pictures in it (looked for {', '.join(sorted(SUFFIXES))})")

    def entries(self) -> list[Entry]:
        """All of `scan`; at the size of Places365 `ccc.data.index` takes a tenth of the memory."""
        return list(self.scan())

    def state(self) -> dict:
        """What tells whether the source has changed: size and date of a file; of a folder those of all its pictures.

        Dates of folders stand beside: as long as they are the same, no picture has come or gone.
        """
        if self.kind != "folder":
            found = self.path.stat()
            return {"bytes": found.st_size, "mtime_ns": found.st_mtime_ns}
        return {
            "folders": {os.path.relpath(folder, self.path): _modified(folder) for folder, _, _ in os.walk(self.path)},
            "fingerprint": fingerprint(self.path),
        }

    def changed_since(self, state: dict) -> str | None:
        """What differs from an earlier `state` of a source of the same kind, or None.

        Files whose folders have the date they had are not looked at here: `read` raises where one was replaced.
        """
        if self.kind != "folder":
            now = self.state()
            return next((f"{key} was {state[key]}, is {now[key]}" for key in now if now[key] != state[key]), None)
        same = all(_modified(self.path / folder) == modified for folder, modified in state["folders"].items())
        return (
            None if same or fingerprint(self.path) == state["fingerprint"] else "pictures came, went or were replaced"
        )

    def read(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, bytes | ImageError]]:
        """Bytes of the entries, in the order given (any part of `scan`); a lost file comes as its ImageError.

        Raises CCCError where a file is not the one that was scanned.

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
            with zipfile.ZipFile(self.path) as archive:
                members = {info.header_offset: info for info in archive.infolist()}
                for entry in entries:
                    yield entry, _zip_member(archive, members[entry.offset])
        else:
            root = self.path if self.kind == "folder" else self.path.parent
            for entry in entries:
                yield entry, _read_file(root / entry.member, entry)

    def _refuse(self, name: str, reason: str) -> None:
        self.refused_by_reason[reason] += 1
        if len(self.refused) < LISTED:
            self.refused.append((name, reason))

    def _is_picture(self, name: str) -> bool:
        fits = counts(name.rpartition("/")[2])
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
        for name, file in files(self.path):
            if self._is_picture(file.name):
                try:
                    found = file.stat()
                except OSError:
                    self._refuse(printable(name), "missing file")  # a link to nowhere
                    continue
                if stat.S_ISREG(found.st_mode):
                    yield Entry(name, 0, found.st_size, found.st_mtime_ns)
                else:
                    self._refuse(printable(name), "not a regular file")

    def _list(self) -> Iterator[Entry]:
        for name in listed(self.path):
            path = self.path.parent / name
            found = path.stat() if path.is_file() else None
            yield Entry(name, 0, found.st_size, found.st_mtime_ns) if found else Entry(name, 0, 0)

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
        with zipfile.ZipFile(self.path) as archive:
            for info in archive.infolist():
                regular = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)  # 0: not packed on Unix
                if not info.is_dir() and self._keep(info.filename, regular):
                    yield Entry(info.filename, info.header_offset, info.compress_size)


def _modified(folder: str | os.PathLike) -> int | None:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return None


def _read_file(path: Path, entry: Entry) -> bytes | ImageError:
    try:
        with open(path, "rb") as file:
            found = os.fstat(file.fileno())
            data = file.read()
    except OSError as error:
        gone = isinstance(error, FileNotFoundError)
        return ImageError(entry.member, "missing file" if gone else "unreadable", "" if gone else error.strerror or "")
    if entry.modified and (found.st_size, found.st_mtime_ns) != (entry.size, entry.modified):
        raise CCCError(f"{path}: was replaced since the photographs were listed; index them again")
    return data


def _read(file: io.BufferedIOBase, entry: Entry) -> bytes | ImageError:
    if entry.size > MAX_BYTES:  # before memory is taken for what a header claims
        return ImageError(entry.member, "too large", f"{entry.size} bytes, at most {MAX_BYTES}")
    data = file.read(entry.size)
    return data if len(data) == entry.size else ImageError(entry.member, "truncated")


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes | ImageError:
    if info.file_size > MAX_BYTES:
        return ImageError(info.filename, "too large", f"{info.file_size} bytes, at most {MAX_BYTES}")
    if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        problem = "encrypted" if info.flag_bits & 1 else f"zip method {info.compress_type}"
        return ImageError(info.filename, "unreadable", problem)
    try:
        with archive.open(info) as member:
            return member.read(info.file_size)  # a number, so that no more is inflated than was promised
    except EOFError:
        return ImageError(info.filename, "truncated")
    except _BROKEN as error:
        return ImageError(info.filename, "unreadable", str(error))
