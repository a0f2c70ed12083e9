"""Values that were computed before, each under what they were computed from."""

import contextlib
import functools
import hashlib
import importlib
import os
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import numpy as np
from filelock import FileLock

from ccc.core.files import sha256, written_whole

# What every metric rests on; a metric's own module comes on top. Versions of packages count where they do arithmetic.
_MODULES = ("ccc.core.images", "ccc.color", "ccc.codebook", "ccc.metrics.pair", "ccc.metrics.foreign")
_PACKAGES = ("numpy", "scipy", "scikit-image", "pillow", "torch", "torchvision", "lpips", "pytorch-fid", "pyiqa")


class Store:
    """Arrays of float64 in a folder, one small file for each; or nowhere, where `folder` is None.

    An entry's name is a digest of all that its values depend on, so that one that is found is never stale: change an
    input, and it is not found. Whole files only, so that processes may share a folder; it may be deleted at any time.
    """

    def __init__(self, folder: str | os.PathLike | None):
        self.folder = None if folder is None else Path(folder)

    def get(self, label: str, key: str) -> np.ndarray | None:
        """The array stored under `key`, or None: there is none, or not a whole one."""
        if self.folder is None:
            return None
        try:
            return np.load(self._path(label, key), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None

    def put(self, label: str, key: str, values: np.ndarray) -> None:
        """Store an array; `label` is only the folder's name that a reader sees."""
        if self.folder is not None:
            with written_whole(self._path(label, key)) as aside, open(aside, "wb") as file:
                np.save(file, values, allow_pickle=False)

    @contextlib.contextmanager
    def alone(self, label: str, key: str) -> Iterator[None]:
        """Hold others who enter with the same key: the second then finds what the first has stored."""
        if self.folder is None:
            yield
            return
        path = self._path(label, key).with_suffix(".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as held:
            with contextlib.suppress(OSError):  # a file system without locks: both compute, and store the same
                held.enter_context(FileLock(path))
            yield

    def _path(self, label: str, key: str) -> Path:
        return self.folder / label.replace(":", "_") / f"{key}.npy"


def digest(*parts: object) -> str:
    """Hexadecimal SHA-256 of the parts as text."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


@functools.cache
def sha256_of_unchanged(path: Path, size: int, modified: int) -> str:
    """SHA-256 of a file, once for each size and time of modification in this process."""
    return sha256(path)


def content(path: str | os.PathLike) -> str:
    """SHA-256 of a file's bytes."""
    facts = os.stat(path)
    return sha256_of_unchanged(Path(path), facts.st_size, facts.st_mtime_ns)


def code_of(function) -> str:
    """Digest of the code behind a metric's function: its module, what all metrics rest on, and the packages."""
    module = getattr(function, "func", function).__module__
    importlib.import_module(module)
    files = [sys.modules[name].__file__ for name in (*_MODULES, module)]
    return digest(*map(content, files), *_versions())


@functools.cache
def _versions() -> list[str]:
    return [f"{name} {metadata.version(name)}" for name in _PACKAGES]
