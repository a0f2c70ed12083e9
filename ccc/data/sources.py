"""Sources of photographs: folders, archives and lists, read in place and never unpacked to disk."""

import dataclasses
import os
import stat
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from ccc.core.errors import CCCError, ImageError, first_line
from ccc.core.files import MACHINE
from ccc.core.images import SUFFIXES
from ccc.data.archives import BROKEN, LARGEST, described, kind_of, tar_bytes, tar_members, zip_members
from ccc.data.files import LISTS, archives, head_of, is_litter, is_picture, stat_of, walk
from ccc.data.fingerprint import fingerprint
from ccc.data.leftout import LeftOut
from ccc.data.lists import listed

MAX_BYTES = 1 << 28  # largest file or member that is read


@dataclasses.dataclass(frozen=True)
class Entry:
    """One picture of a source: name, offset, size and modification time.

    `offset`: of the bytes in a tar's uncompressed stream, or of the member's header in a zip; else 0. Members are found
    by offset, so that two of the same name stay distinct. `size`: stored bytes. `modified`: a file's modification time
    in nanoseconds since 1970; 0 for archive members and missing files.
    """

    member: str
    offset: int
    size: int
    modified: int = 0


class Source(LeftOut):
    """A folder (any depth), a tar (plain or compressed), a zip, several of these, or a list of picture files.

    Several: a folder of archives without pictures or folders, or a pattern such as `shards/{000..179}.tar`; entries
    are then named `ARCHIVE/MEMBER`. The order is fixed: by path in a folder, as stored in an archive, as written in a
    list (`ccc.data.lists`). A file is a picture by its suffix or, if that is unknown, by its first bytes
    (`ccc.data.files`); links are followed. `ignored` counts other files, `ignored_names` holds the first few by kind.
    Refused are files and members that are not regular files (devices, cyclic links, links in archives) and members
    whose names leave their folder: `refused_by_reason` counts them, `refused` names the first thousand. A list may
    name files anywhere; they are checked when read. Raises CCCError if the path is none of these, and says what it is.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        self.forget()
        self.parts = {name: Source(part) for name, part in archives(path).items()}
        found = stat_of(path)  # not of self.path, which is "." for an empty name
        if self.parts:
            self.kind = "archives"
        elif found and stat.S_ISDIR(found.st_mode):
            self.kind = "folder"
        elif not found:
            raise CCCError(
                f"{path or repr(path)}: no such folder or archive; check the path, or name a set of `ccc data list`"
            )
        elif not stat.S_ISREG(found.st_mode):
            raise CCCError(f"{path}: a pipe or a device, which holds no pictures that can be found again")
        elif self.path.suffix.lower() in LISTS:
            self.kind = "list"
        elif not (kind := kind_of(self.path)):
            what = described(self.path)
            if what or not is_picture(self.path.name, lambda: head_of(self.path)):
                raise CCCError(
                    f"{path}: {what + '; it is ' if what else ''}neither a folder, a tar, a zip nor a list of files "
                    f"({', '.join(sorted(LISTS))})"
                )
            raise CCCError(f"{path}: a single picture; give its folder, or a .txt that lists it")
        else:
            self.kind = kind

    def scan(self) -> Iterator[Entry]:
        """Yield the pictures in order. Raises CCCError if there is none or the archive is broken."""
        self.forget()
        empty = True
        for entry in self._entries():
            empty = False
            yield entry
        if empty:
            raise CCCError(f"{self.path}: no pictures in it (looked for {', '.join(sorted(SUFFIXES))}){self.instead()}")

    def entries(self) -> list[Entry]:
        """List of `scan`; for as many as Places365's, `ccc.data.index` takes a tenth of the memory."""
        return list(self.scan())

    def state(self) -> dict:
        """State by which changes are detected: a file's size and date, or a fingerprint of those of all pictures.

        Includes the dates of folders: while these are unchanged, no picture was added or removed.
        """
        if self.kind == "archives":
            return {"fingerprint": fingerprint(self.path)}
        if self.kind != "folder":
            found = self.path.stat()
            return {"bytes": found.st_size, "mtime_ns": found.st_mtime_ns}
        return {
            "folders": {base.rstrip("/") or ".": _modified(self.path / base) for base, _ in walk(self.path)},
            "fingerprint": fingerprint(self.path),
        }

    def changed_since(self, state: dict) -> str | None:
        """Description of a difference from an earlier `state` of a source of the same kind, or None.

        Does not check files in folders of unchanged date; `read` raises if one was replaced.
        """
        if self.kind != "folder":
            now = self.state()
            return next((f"{key} was {state[key]}, is {now[key]}" for key in now if now[key] != state[key]), None)
        same = all(_modified(self.path / folder) == modified for folder, modified in state["folders"].items())
        return (
            None if same or fingerprint(self.path) == state["fingerprint"] else "pictures came, went or were replaced"
        )

    def read(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, bytes | ImageError]]:
        """Yield each entry (of any part of `scan`) with its bytes, or an ImageError for an unreadable file.

        Raises CCCError if a file changed since the scan. A compressed tar has no random access: it is read up to the
        last entry, and entries that are stored before their turn are kept in memory.
        """
        if self.kind == "archives":
            yield from self._read_parts(entries)
        elif self.kind == "compressed tar":
            yield from self._stream(entries)
        elif self.kind == "tar":
            with open(self.path, "rb") as file:
                for entry in entries:
                    yield entry, _read(file, entry)
        elif self.kind == "zip":
            with zipfile.ZipFile(self.path) as archive:
                members = {info.header_offset: info for info in archive.infolist()}
                for entry in entries:
                    yield entry, _zip_member(archive, members.get(entry.offset), entry)
        else:
            root = self.path if self.kind == "folder" else self.path.parent
            for entry in entries:
                if self.kind == "folder" and _leaves(entry.member):  # an index may come from elsewhere
                    yield entry, ImageError(entry.member, "unsafe name")
                else:
                    yield entry, _read_file(root / entry.member, entry)

    def _entries(self) -> Iterator[Entry]:
        find = {"folder": self._folder, "list": self._list, "archives": self._parts}.get(self.kind, self._members)
        try:
            yield from find()
        except CCCError:
            raise
        except BROKEN as error:
            if self.kind in ("folder", "list"):
                raise CCCError(f"{self.path}: cannot be read ({error})") from None
            raise CCCError(f"{self.path}: the archive cannot be read ({error}); fetch it again") from None

    def _read_parts(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, bytes | ImageError]]:
        """Read from several archives; opens each zip and compressed tar once, since that reads its index or bytes."""
        named = [(self._part_of(entry), entry) for entry in entries]
        wanted = defaultdict(list)
        for name, entry in named:
            if name is not None and self.parts[name].kind != "tar":
                wanted[name].append(entry)
        readers = {name: self.parts[name].read(mine) for name, mine in wanted.items()}
        for name, entry in named:
            if name is None:
                yield entry, ImageError(entry.member, "missing file")
            elif name in readers:
                yield next(readers[name])
            else:
                yield from self.parts[name].read([entry])

    def _part_of(self, entry: Entry) -> str | None:
        return next((name for name in self.parts if entry.member.startswith(name + "/")), None)

    def _parts(self) -> Iterator[Entry]:
        for name, part in self.parts.items():
            part.forget()
            for entry in part._entries():
                yield Entry(f"{name}/{entry.member}", entry.offset, entry.size, entry.modified)
            self.add(part, name)

    def _folder(self) -> Iterator[Entry]:
        for base, files in walk(self.path):
            for file in files:
                if is_litter(file.name) or not is_picture(file.name, lambda path=file.path: head_of(path)):
                    circle = file.is_symlink() and not is_litter(file.name) and os.path.isdir(file.path)
                    (self.refuse(base + file.name, "circle of links") if circle else self.ignore(base + file.name))
                    continue
                try:
                    found = file.stat()
                except OSError:
                    self.refuse(base + file.name, "missing file")  # a broken link
                    continue
                if stat.S_ISREG(found.st_mode):
                    yield Entry(base + file.name, 0, found.st_size, found.st_mtime_ns)
                else:
                    self.refuse(base + file.name, "not a regular file")

    def _list(self) -> Iterator[Entry]:
        for name, found in listed(self.path):
            regular = found and stat.S_ISREG(found.st_mode)
            yield Entry(name, 0, found.st_size, found.st_mtime_ns) if regular else Entry(name, 0, 0)

    def _members(self) -> Iterator[Entry]:
        for name, regular, offset, size, head in (zip_members if self.kind == "zip" else tar_members)(self.path):
            folders, _, last = name.rpartition("/")
            if _is_hidden(folders, last) or not is_picture(last, head if regular else bytes):
                self.ignore(name)
            elif _leaves(name) or "\\" in name:
                self.refuse(name, "unsafe name")
            elif not regular:
                self.refuse(name, "not a regular file")
            elif not (0 <= size < LARGEST and 0 <= offset < LARGEST):
                self.refuse(name, "impossible size")
            else:
                yield Entry(name, offset, size)

    def _stream(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, bytes | ImageError]]:
        early: dict[Entry, bytes | ImageError] = {}
        inward = iter(sorted(entries, key=lambda entry: entry.offset))
        with tar_bytes(self.path) as file:
            for entry in entries:
                while entry not in early:
                    following = next(inward)
                    early[following] = _read(file, following)
                yield entry, early.pop(entry)


def _is_hidden(folders: str, name: str) -> bool:
    return is_litter(name) or any(map(is_litter, set(folders.split("/")) - {"..", "."})) if folders else is_litter(name)


def _leaves(name: str) -> bool:
    """Whether a name leads out of its folder or is impossible for a file."""
    return name.startswith("/") or ".." in name.split("/") or "\0" in name


def _modified(folder: str | os.PathLike) -> int | None:
    found = stat_of(folder)
    return found and found.st_mtime_ns


def _read_file(path: Path, entry: Entry) -> bytes | ImageError:
    found = stat_of(path)
    if found is None:
        return ImageError(entry.member, "missing file")
    if not stat.S_ISREG(found.st_mode):  # never opened: reading a pipe would block
        return ImageError(entry.member, "not a regular file")
    if entry.modified and (found.st_size, found.st_mtime_ns) != (entry.size, entry.modified):
        raise CCCError(f"{path}: was replaced since the photographs were listed; index them again")
    try:
        with open(path, "rb") as file:
            return _read(file, Entry(entry.member, 0, found.st_size))
    except OSError as error:
        return _unreadable(entry, error)


def _read(file: BinaryIO, entry: Entry) -> bytes | ImageError:
    if not 0 <= entry.size <= MAX_BYTES:  # before allocating what a header claims
        return ImageError(entry.member, "too large", f"{entry.size} bytes, at most {MAX_BYTES}")
    try:
        file.seek(entry.offset)
        data = file.read(entry.size)
    except BROKEN as error:
        return _unreadable(entry, error)
    return data if len(data) == entry.size else ImageError(entry.member, "truncated")


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo | None, entry: Entry) -> bytes | ImageError:
    if info is None:
        return ImageError(entry.member, "missing file")
    if info.file_size > MAX_BYTES:
        return ImageError(entry.member, "too large", f"{info.file_size} bytes, at most {MAX_BYTES}")
    if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        problem = "encrypted" if info.flag_bits & 1 else f"zip method {info.compress_type}"
        return ImageError(entry.member, "unreadable", problem)
    try:
        with archive.open(info) as member:
            return member.read(info.file_size)  # bounded, so that no more is inflated than the header claims
    except EOFError:
        return ImageError(entry.member, "truncated")
    except BROKEN as error:
        return _unreadable(entry, error)


def _unreadable(entry: Entry, error: Exception) -> ImageError:
    if isinstance(error, OSError) and error.errno in MACHINE:
        raise OSError(error.errno, error.strerror, entry.member)
    return ImageError(entry.member, "unreadable", first_line(error))
