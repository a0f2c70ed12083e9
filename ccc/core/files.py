"""Atomic writing of files and folders; checked reading."""

import contextlib
import errno
import functools
import hashlib
import json
import os
import shutil
import stat
import tempfile
import unicodedata
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path, PurePath

from ccc.core import processes
from ccc.core.errors import CCCError, printable

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # raised only by writing
MACHINE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ESTALE)  # when reading: not the file's own fault
ASIDE = ".ccc-"  # prefix of temporary files; `_sweep` removes those of killed writers
LONGEST_NAME = 200  # bytes; leaves room for suffixes, since most file systems allow 255
LOCK = ".lock"  # file in a temporary folder


def lock(file: int, wait: bool = True) -> bool:
    """Lock an open file, by its descriptor, against other processes until it is closed; False if another holds it."""
    from filelock import lock_descriptor  # takes as long to import as all else in this module

    return lock_descriptor(file, blocking=wait)


@contextlib.contextmanager
def written_whole(path: str | os.PathLike) -> Generator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block succeeds, else remove it.

    The temporary name is hidden, unique to this process and keeps the suffix, by which some writers choose a format.
    Creates parent folders. Raises OSError that names `path` if the disk is full or not writable, and
    `ccc.core.processes.Orphaned` if the parent process has ended.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        handle, temporary = _temporary_file(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        processes.check()
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and (error.filename == str(temporary) or error.errno in FULL):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    finally:
        os.close(handle)


def _temporary_file(path: Path) -> tuple[int, Path]:
    """Create an empty file beside `path`; returns its handle, which holds a lock until it is closed, and its path."""
    while True:
        processes.check()  # an orphan must not start again after its file was removed
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=ASIDE, suffix=path.suffix)
        with contextlib.suppress(OSError):  # a file system without locks is never swept either
            lock(handle)
        if os.path.exists(name):
            return handle, Path(name)
        os.close(handle)  # another process removed it before it was locked


@contextlib.contextmanager
def folder_aside(folder: str | os.PathLike) -> Generator[Path]:
    """Yield a hidden temporary folder in `folder`, for `put_folder`; remove it at the end."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    aside = Path(tempfile.mkdtemp(dir=folder, prefix=ASIDE))
    try:
        with open(aside / LOCK, "xb") as held:
            with contextlib.suppress(OSError):
                lock(held.fileno())
            yield aside
    finally:
        with contextlib.suppress(OSError):
            _remove(aside)
        _sweep.__wrapped__(folder)  # again: a killed run's last writer may have lived until now


def put_folder(aside: Path, folder: Path) -> None:
    """Move the folder `aside` to `folder` on the same file system; replaces an existing one."""
    aside.chmod(0o777 & ~_umask())
    processes.check()
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(aside, folder)


@functools.cache
def _sweep(folder: Path) -> None:
    """Remove half-written files of killed writers from a folder, once per process."""
    for aside in folder.glob(ASIDE + "*"):
        with contextlib.suppress(OSError), open(aside / LOCK if aside.is_dir() else aside, "rb+") as file:
            if lock(file.fileno(), wait=False):  # not while its writer runs
                _remove(aside)


def _remove(path: Path) -> None:
    """Remove a file or folder, its lock last: a folder without one would stay for ever if a signal stopped this."""
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    for part in set(path.iterdir()) - {path / LOCK}:
        shutil.rmtree(part) if part.is_dir() and not part.is_symlink() else part.unlink()
    shutil.rmtree(path)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Write `data` to `path` atomically."""
    with written_whole(path) as temporary:
        temporary.write_bytes(data)


def file_name(path: str | os.PathLike) -> str:
    """A path as the name of a file to write, with "/" between its parts: NFC, printable, no part too long.

    A part of more than `LONGEST_NAME` bytes is cut and ends in 12 digits of its SHA-256, so that names stay distinct.
    """
    return "/".join(map(_fitting, PurePath(path).parts))


def _fitting(part: str) -> str:
    raw = unicodedata.normalize("NFC", printable(part)).encode()
    if len(raw) <= LONGEST_NAME:
        return raw.decode()
    return raw[: LONGEST_NAME - 13].decode(errors="ignore") + "~" + hashlib.sha256(raw).hexdigest()[:12]


def part_of_path(name: str) -> str:
    """`name`, if it can name a file or folder.

    Raises ValueError if it is empty, "." or "..", or holds a slash or a character that cannot be printed.
    """
    if name in ("", ".", "..") or "/" in name or not name.isprintable():
        raise ValueError(f"{name!r} cannot name files: give letters, digits, '-' and '_'")
    return name


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write `text` as UTF-8 to `path` atomically; replaces bytes of file names that are not UTF-8."""
    write_bytes(path, printable(text).encode())


def write_json(path: str | os.PathLike, value: object) -> None:
    """Write `value` atomically as indented JSON with a final newline; keys keep their order."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_csv(path: str | os.PathLike, rows: Sequence[Mapping] | Mapping[str, Iterable]) -> None:
    """Write rows of the same columns, or columns by name, as CSV, atomically; None and NaN are empty fields."""
    import pandas

    write_text(path, pandas.DataFrame(rows, dtype=object).to_csv(index=False, lineterminator="\n"))


def regular(path: str | os.PathLike) -> Path:
    """`path` if it is a regular file. Raises FileNotFoundError if it does not exist, CCCError for a folder, pipe or
    device: reading a pipe may block forever, and a device may never end."""
    try:
        mode = os.stat(path).st_mode
    except ValueError as error:  # a NUL in the name
        raise CCCError(f"{str(path)!r}: no name of a file ({error})") from None
    if not stat.S_ISREG(mode):
        raise CCCError(f"{path}: {'a folder' if stat.S_ISDIR(mode) else 'a pipe or device'}, not a file")
    return Path(path)


def sha256(path: str | os.PathLike) -> str:
    """Hexadecimal SHA-256 of a file's bytes. Raises as `regular`."""
    with open(regular(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def safetensors_metadata(path: str | os.PathLike) -> dict[str, str]:
    """Metadata of a safetensors file. Raises CCCError, naming the file, if it is not one."""
    import safetensors

    try:
        with safetensors.safe_open(regular(path), framework="np") as file:
            return file.metadata() or {}
    except FileNotFoundError:
        raise CCCError(f"{path}: no such file") from None
    except (safetensors.SafetensorError, OSError) as error:
        raise CCCError(f"{path}: not a safetensors file ({error}); make it or fetch it again") from None
