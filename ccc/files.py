"""Files that appear whole or not at all."""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ccc.errors import CCCError


@contextlib.contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` when the block ends well, remove it otherwise.

    The temporary name is hidden, unique to this process and keeps the suffix, so that two writers never share one
    and writers that choose a format by suffix work. Parent folders are made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
    os.close(handle)
    aside = Path(name)
    try:
        yield aside
        aside.chmod(0o666 & ~_umask())
        os.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with written_whole(path) as aside:
        aside.write_bytes(data)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: str | os.PathLike, value: object) -> None:
    """Write `value` as indented JSON with a final newline, whole or not at all; keys keep their order."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def sha256(path: str | os.PathLike) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def safetensors_metadata(path: str | os.PathLike) -> dict[str, str]:
    """Texts that a safetensors file holds beside its tensors. Raises CCCError, naming the file, where it is none."""
    import safetensors

    try:
        with safetensors.safe_open(path, framework="np") as file:
            return file.metadata() or {}
    except FileNotFoundError:
        raise CCCError(f"{path}: no such file") from None
    except (safetensors.SafetensorError, OSError) as error:
        raise CCCError(f"{path}: not a safetensors file ({error}); make it or fetch it again") from None
