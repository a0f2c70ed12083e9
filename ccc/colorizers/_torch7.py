"""Torch7's binary files (`.t7`) by the package torchfile, which runs no code; what it takes on trust is checked.

Not verified against Torch7.
"""

import os
import struct

import numpy as np
import torchfile

from ccc.core.errors import CCCError


def _storage(read):
    """torchfile's reader of a storage, which would not notice that the file ends within it."""

    def checked(reader, version):
        start = reader.f.tell()
        size = reader.read_long()
        reader.f.seek(start)
        storage = read(reader, version)
        if len(storage) != size:
            raise ValueError("the file ends too early")
        return storage

    return checked


def _tensor(reader, version) -> np.ndarray:
    """A tensor as a view of its storage, beyond which torchfile would look."""
    dimensions = reader.read_int()
    shape, strides = reader.read_long_array(dimensions), reader.read_long_array(dimensions)
    offset, storage = reader.read_long() - 1, reader.read_obj()
    if not shape or storage is None:
        return np.zeros(0)
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if min((*shape, 1)) < 1 or min((*strides, 0)) < 0 or offset < 0 or last >= len(storage):
        raise ValueError("a tensor reaches beyond its storage")
    steps = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps, writeable=False)


for _name, _read in torchfile.type_handlers.items():
    if _name.endswith(b"Storage"):
        torchfile.type_handlers[_name] = _storage(_read)
    elif _name.endswith(b"Tensor"):
        torchfile.type_handlers[_name] = _tensor


def read(path: str | os.PathLike):
    """What a binary `.t7` file holds, as `torchfile.load` gives it: strings are bytes, and so are keys.

    Raises CCCError, naming the file, where it is truncated or something else.
    """
    try:
        return torchfile.load(path)
    except (
        *(OSError, EOFError, MemoryError, RecursionError, RuntimeError, struct.error),
        *(ValueError, TypeError, AttributeError, LookupError, torchfile.T7ReaderException),
    ) as error:
        raise CCCError(f"{path}: truncated, or not a binary Torch7 file ({error}); fetch it again") from None
