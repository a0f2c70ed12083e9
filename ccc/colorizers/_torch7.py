"""Read files of Torch7's torch.save in its binary format (`.t7`), without Torch7 and without running code.

Not verified against Torch7: written from the format's description. Storages are views of the memory-mapped
file, so that unused ones, such as gradient buffers, cost nothing.
"""

import dataclasses
import mmap
import os
import re
from typing import Any

import numpy as np

from ccc.core.stored import reading

_NIL, _NUMBER, _STRING, _TABLE, _TORCH, _BOOLEAN, _FUNCTION, _OLD_RECUR, _RECUR = range(9)
_TYPES = {"Byte": "u1", "Char": "i1", "Short": "<i2", "Int": "<i4", "Long": "<i8"}
_TYPES |= {"Half": "<f2", "Float": "<f4", "Double": "<f8"}
_TYPES |= {"CudaHalf": "<f2", "Cuda": "<f4", "CudaDouble": "<f8", "CudaLong": "<i8"}


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
        self.data, self.at = data, 0
        self.seen: dict[int, Any] = {}  # by index in the file, each before what it holds, which may refer to it

    def array(self, kind: str, count: int) -> np.ndarray:
        if count < 0:
            raise ValueError("a size below 0")
        values = np.frombuffer(self.data, kind, count, self.at)  # raises ValueError beyond the end
        self.at += values.nbytes
        return values

    def integer(self) -> int:
        return self.array("<i4", 1).item()

    def longs(self, count: int) -> list[int]:
        return self.array("<i8", count).tolist()

    def string(self) -> str:
        return self.array("u1", self.integer()).tobytes().decode("latin-1")

    def value(self) -> Any:
        kind = self.integer()
        if kind == _NIL:
            return None
        if kind == _NUMBER:
            number = self.array("<f8", 1).item()
            return int(number) if number.is_integer() else number
        if kind == _STRING:
            return self.string()
        if kind == _BOOLEAN:
            return self.integer() == 1
        if kind not in (_TABLE, _TORCH, _FUNCTION, _OLD_RECUR, _RECUR):
            raise ValueError(f"no type {kind}")
        index = self.integer()
        if index not in self.seen:
            {_TABLE: self.table, _TORCH: self.torch_object}.get(kind, self.function)(index)
        return self.seen[index]

    def function(self, index: int) -> None:
        self.seen[index] = TorchObject("function", {})
        self.string()  # its bytecode is passed over
        self.value()

    def table(self, index: int) -> None:
        table = self.seen[index] = {}
        for _ in range(self.integer()):
            key = self.value()
            table[key if isinstance(key, str | int | float | bool) else id(key)] = self.value()

    def torch_object(self, index: int) -> None:
        name = self.string()
        if name.startswith("V "):  # versions before 1 begin with the class name
            name = self.string()
        kind = re.fullmatch(r"torch\.(\w+)(Storage|Tensor)", name)
        if kind is None or kind[1] not in _TYPES:
            value = self.seen[index] = TorchObject(name, {})
            fields = self.value()
            value.fields = fields if isinstance(fields, dict) else {"value": fields}
        elif kind[2] == "Storage":
            self.seen[index] = self.array(_TYPES[kind[1]], *self.longs(1))
        else:
            self.seen[index] = self.tensor()

    def tensor(self) -> np.ndarray:
        dimensions = self.integer()
        shape, strides, (start,) = self.longs(dimensions), self.longs(dimensions), self.longs(1)
        storage = self.value()
        if dimensions == 0 or storage is None:
            return np.zeros(0)
        last = start - 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
        if min(shape) < 1 or min(strides) < 0 or start < 1 or last >= len(storage):
            raise ValueError("a tensor reaches beyond its storage")
        steps = [stride * storage.itemsize for stride in strides]
        return np.lib.stride_tricks.as_strided(storage[start - 1 :], shape, steps, writeable=False)


def read(path: str | os.PathLike) -> Any:
    """Read a binary `.t7` file.

    Tables become dicts (a Lua array has the keys 1, 2, ...), tensors read-only arrays that look into the file,
    objects `TorchObject`; what was shared in Lua is shared here. Raises CCCError, naming the file, where it is
    truncated or something else.
    """
    with reading(path, "truncated, or not a binary Torch7 file", "fetch it again", OSError), open(path, "rb") as file:
        return _Reader(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)).value()
