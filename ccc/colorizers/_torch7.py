"""Read files of Torch7's torch.save in its binary format (`.t7`), without Torch7 and without running code.

Not verified against Torch7: written from the format's description. Storages are views of the memory-mapped
file, so that unused ones, such as gradient buffers, cost nothing.
"""

import dataclasses
import mmap
import os
import struct
from typing import Any

import numpy as np

from ccc.core.errors import CCCError

_NIL, _NUMBER, _STRING, _TABLE, _TORCH, _BOOLEAN, _FUNCTION, _OLD_RECUR, _RECUR = range(9)
_TYPES = {
    "Byte": "u1",
    "Char": "i1",
    "Short": "<i2",
    "Int": "<i4",
    "Long": "<i8",
    "Float": "<f4",
    "Double": "<f8",
    "Half": "<f2",
    "Cuda": "<f4",
    "CudaDouble": "<f8",
    "CudaHalf": "<f2",
    "CudaLong": "<i8",
}


@dataclasses.dataclass(eq=False)
class TorchObject:
    """An object of a Lua class: `kind` is its name, such as "nn.Linear", `fields` its table."""

    kind: str
    fields: dict

    def get(self, name: str, default: Any = None) -> Any:
        """A field by name."""
        return self.fields.get(name, default)


class _Reader:
    def __init__(self, data: mmap.mmap):
        self.data, self.at, self.seen = data, 0, {}

    def _unpack(self, code: str):
        size = struct.calcsize(code)
        if self.at + size > len(self.data):
            raise ValueError("the file ends too early")
        (value,) = struct.unpack_from(code, self.data, self.at)
        self.at += size
        return value

    def integer(self) -> int:
        return self._unpack("<i")

    def long(self) -> int:
        return self._unpack("<q")

    def string(self) -> str:
        size = self.integer()
        if size < 0 or self.at + size > len(self.data):
            raise ValueError("the file ends too early")
        text = self.data[self.at : self.at + size]
        self.at += size
        return text.decode("latin-1")

    def array(self, kind: str, count: int) -> np.ndarray:
        dtype = np.dtype(kind)
        if count < 0 or self.at + count * dtype.itemsize > len(self.data):
            raise ValueError("the file ends too early")
        values = np.frombuffer(self.data, dtype, count, self.at)
        self.at += count * dtype.itemsize
        return values

    def value(self):
        kind = self.integer()
        if kind == _NIL:
            return None
        if kind == _NUMBER:
            number = self._unpack("<d")
            return int(number) if number.is_integer() else number
        if kind == _STRING:
            return self.string()
        if kind == _BOOLEAN:
            return self.integer() == 1
        if kind not in (_TABLE, _TORCH, _FUNCTION, _OLD_RECUR, _RECUR):
            raise ValueError(f"no type {kind}")
        index = self.integer()
        if index in self.seen:
            return self.seen[index]
        if kind == _TABLE:
            return self.table(index)
        if kind == _TORCH:
            return self.torch_object(index)
        function = TorchObject("function", {})  # its bytecode is passed over
        self.seen[index] = function
        self.string()
        self.value()
        return function

    def table(self, index: int) -> dict:
        table: dict = {}
        self.seen[index] = table
        for _ in range(self.integer()):
            key = self.value()
            value = self.value()
            table[key if isinstance(key, str | int | float | bool) else id(key)] = value
        return table

    def torch_object(self, index: int):
        name = self.string()
        if name.startswith("V "):  # versions before 1 begin with the class name
            name = self.string()
        module, _, kind = name.partition(".")
        if module == "torch" and kind.endswith("Storage") and kind[:-7] in _TYPES:
            storage = self.array(_TYPES[kind[:-7]], self.long())
            self.seen[index] = storage
            return storage
        if module == "torch" and kind.endswith("Tensor") and kind[:-6] in _TYPES:
            return self.tensor(index)
        value = TorchObject(name, {})
        self.seen[index] = value
        fields = self.value()
        value.fields = fields if isinstance(fields, dict) else {"value": fields}
        return value

    def tensor(self, index: int) -> np.ndarray:
        dimensions = self.integer()
        shape = tuple(self.long() for _ in range(dimensions))
        strides = tuple(self.long() for _ in range(dimensions))
        offset = self.long() - 1
        storage = self.value()
        if dimensions == 0 or storage is None:
            tensor = np.zeros(0)
        else:
            last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
            if min((*shape, 1)) < 1 or min((*strides, 0)) < 0 or offset < 0 or last >= len(storage):
                raise ValueError("a tensor reaches beyond its storage")
            steps = tuple(stride * storage.itemsize for stride in strides)
            tensor = np.lib.stride_tricks.as_strided(storage[offset:], shape, steps, writeable=False)
        self.seen[index] = tensor
        return tensor


def read(path: str | os.PathLike) -> Any:
    """Read a binary `.t7` file.

    Tables become dicts (a Lua array has the keys 1, 2, ...), tensors read-only arrays that look into the file,
    objects `TorchObject`; what was shared in Lua is shared here. Raises CCCError, naming the file, where it is
    truncated or something else.
    """
    try:
        with open(path, "rb") as file:
            return _Reader(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)).value()
    except (OSError, ValueError, TypeError, AttributeError, struct.error, RecursionError) as error:
        raise CCCError(f"{path}: truncated, or not a binary Torch7 file ({error}); fetch it again") from None
