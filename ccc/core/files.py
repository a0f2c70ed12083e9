"""Files that appear whole or not at all."""

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
from typing import IO

from ccc.core import processes
from ccc.core.errors import CCCError, printable

try:
    import fcntl  # not filelock: what is locked is the half-written file itself, so that its lock dies with its writer
except ImportError:  # Windows: files appear whole all the same, but what killed writers leave is not swept away
    fcntl = None

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # of writing alone
ASIDE = ".ccc-"  # how the names of files begin that are being written; those of killed writers are swept away
LONGEST_NAME = 200  # bytes of a name, which leaves room for suffixes: most file systems take 255
LOCK = ".lock"  # in a folder that is being written


def lock(file: int | IO, wait: bool = True) -> None:
    """Lock an open file against other processes, until it is closed.

    Raises BlockingIOError where another has it and this one is not to wait; OSError where there are no locks.
    """
    if fcntl is None:
        raise OSError(errno.ENOTSUP, "no locks on this system")
    fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def written_whole(path: str | os.PathLike) -> Generator[Path]:
    """Give a temporary path beside `path`; rename it to `path` when the block ends well, remove it otherwise.

    The temporary name is hidden, unique to this process and keeps the suffix, so that two writers never share one
    and writers that choose a format by suffix work. Parent folders are made. Raises OSError that names `path` where
    the disk is full or cannot be written to, `ccc.core.processes.Orphaned` where nobody waits for the file any more.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        handle, aside = _aside(path)
    except OSError as error:
        raise _naming(error, path) from None
    try:
        yield aside
        aside.chmod(0o666 & ~_umask())
        processes.check()
        os.replace(aside, path)
    except BaseException as error:
        aside.unlink(missing_ok=True)
        if isinstance(error, OSError) and (error.filename == str(aside) or error.errno in FULL):
            raise _naming(error, path) from None
        raise
    finally:
        os.close(handle)


def _aside(path: Path) -> tuple[int, Path]:
    """An empty file beside `path`, open and locked for as long as its handle is."""
    while True:
        processes.check()  # an orphan whose file was swept away begins no other
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=ASIDE, suffix=path.suffix)
        with contextlib.suppress(OSError):  # a file system without locks is never swept either
            lock(handle)
        if os.path.exists(name):
            return handle, Path(name)
        os.close(handle)  # another process swept it away before it was locked


@contextlib.contextmanager
def folder_aside(folder: str | os.PathLike) -> Generator[Path]:
    """Give a hidden folder in `folder` in which to make what `put_folder` then puts in place; remove it at the end."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    aside = Path(tempfile.mkdtemp(dir=folder, prefix=ASIDE))
    try:
        with open(aside / LOCK, "xb") as held:
            with contextlib.suppress(OSError):
                lock(held)
            yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def put_folder(aside: Path, folder: Path) -> None:
    """Replace `folder`, or nothing, by the folder `aside` of the same file system."""
    aside.chmod(0o777 & ~_umask())
    processes.check()
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(aside, folder)


@functools.cache
def _sweep(folder: Path) -> None:
    """Remove from a folder what killed writers left half-written; once in the life of this process."""
    for aside in folder.glob(ASIDE + "*"):
        with contextlib.suppress(OSError), open(aside / LOCK if aside.is_dir() else aside, "rb+") as file:
            lock(file, wait=False)  # fails where its writer lives
            shutil.rmtree(aside) if aside.is_dir() else aside.unlink()


def _naming(error: OSError, path: Path) -> OSError:
    return OSError(error.errno, error.strerror, str(path))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with written_whole(path) as aside:
        aside.write_bytes(data)


def file_name(path: str | os.PathLike, longest: int = LONGEST_NAME) -> str:
    """A path, with "/" between its parts, as the name of a file to be written: NFC, printable, no part too long.

    A part of more than `longest` bytes is cut and ends in the start of its SHA-256, so that two remain two.
    """
    return "/".join(_fitting(part, longest) for part in PurePath(path).parts)


def _fitting(part: str, longest: int) -> str:
    raw = unicodedata.normalize("NFC", printable(part)).encode()
    if len(raw) > longest:
        raw = (
            raw[: longest - 13].decode(errors="ignore").encode() + b"~" + hashlib.sha256(raw).hexdigest()[:12].encode()
        )
    return raw.decode()


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all; bytes of file names that are no UTF-8 are replaced."""
    write_bytes(path, printable(text).encode())


def write_json(path: str | os.PathLike, value: object) -> None:
    """Write `value` as indented JSON with a final newline, whole or not at all; keys keep their order."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_csv(path: str | os.PathLike, rows: Sequence[Mapping] | Mapping[str, Iterable]) -> None:
    """Write rows of the same columns, or columns by name, as CSV, whole or not at all; None and NaN stay empty."""
    import pandas

    write_text(path, pandas.DataFrame(rows, dtype=object).to_csv(index=False, lineterminator="\n"))


def regular(path: str | os.PathLike) -> Path:
    """`path`, where an ordinary file lies. Raises FileNotFoundError for none, CCCError for a pipe, folder or device:
    opened, a pipe would wait for ever and a device never end."""
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
    """Texts that a safetensors file holds beside its tensors. Raises CCCError, naming the file, where it is none."""
    import safetensors

    try:
        with safetensors.safe_open(regular(path), framework="np") as file:
            return file.metadata() or {}
    except FileNotFoundError:
        raise CCCError(f"{path}: no such file") from None
    except (safetensors.SafetensorError, OSError) as error:
        raise CCCError(f"{path}: not a safetensors file ({error}); make it or fetch it again") from None
