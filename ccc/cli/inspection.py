"""Report a weight file's content and its loader's verdict, to paste into an issue, without running code in it."""

import hashlib
import io
import pickletools
import platform
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from ccc import __version__
from ccc.assets import weights
from ccc.core.errors import CCCError
from ccc.core.files import sha256

FIRST = 6  # tensors listed one by one
LONGEST = 2000  # characters of a line
DEEPEST = 4  # levels of nested mappings
REFUSED = re.compile(r"loader of \S+: refused|content: (not read|damaged)|container: not known")


def inspect(path: str | Path, name: str | None = None) -> Iterator[str]:
    """Lines about a weight file: versions, size, checksum, container, pickle globals, keys, shapes, loader.

    `name`: its entry of `ccc weights list`, by default the one with the same file name. Folders of this machine are
    left out.
    """
    for line in _lines(Path(path), name):
        line = line.replace(str(path), Path(path).name)
        line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line[:LONGEST])
        yield line + (" ..." if len(line) >= LONGEST else "")


def refused(line: str) -> bool:
    """Whether a line of `inspect` says that the content is refused; `ccc weights verify` judges checksums."""
    return REFUSED.match(line) is not None


def _lines(path: Path, name: str | None) -> Iterator[str]:
    name = name or next((name for name, facts in weights.known().items() if facts["file"] == path.name), None)
    yield f"ccc {__version__}, python {platform.python_version()}, torch {torch.__version__}"
    yield f"file: {path.name}, {path.stat().st_size:,} bytes, sha256 {sha256(path)}"
    if name:
        yield f"published as {name}: {_outcome(weights.verify, name, path)}"
    with open(path, "rb") as file:
        try:
            yield from _content(str(path), file)
        except (OSError, ValueError, IndexError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            yield f"content: damaged ({error})"
    if name:
        yield f"loader of {name}: {_outcome(load, name, path)}"
    else:
        yield "loader: not tried; give a name of `ccc weights list` after the file"


def _outcome(check: Callable, name: str, path: Path) -> str:
    try:
        result = check(name, path)
        return result if isinstance(result, str) else "loads"
    except CCCError as error:
        return f"refused: {error}"


def load(name: str, path: str | Path) -> Any:
    """Load a file with the loader of its catalogue entry. Raises CCCError naming the first difference."""
    from ccc import colorizers, encoder, metrics
    from ccc.colorizers import _detect
    from ccc.metrics.perceptual import TRUNKS
    from ccc.segment import sam

    for method in colorizers.names():
        info = colorizers.info(method)
        if name in info.weights:
            model = {"model": info.models[info.weights.index(name)]} if info.models else {}
            return colorizers.load(method, path, "cpu", **model)
    picture = np.zeros((64, 64, 3), np.uint8)
    if name == "su_mmagic":
        return colorizers.load("su", path, "cpu")
    if name == _detect.NAME:
        return _detect.load(path, "cpu")
    if name in ("inception_fid", "inception_torchvision"):
        resize = "torchvision" if name == "inception_torchvision" else "clean"
        return metrics.inception_features([picture], path, resize, {64})
    if name in TRUNKS.values():
        net = next(net for net, trunk in TRUNKS.items() if trunk == name)
        return metrics.lpips(picture, picture, net, path)
    if "sam" in name:
        return sam.load_network(name, path)
    return encoder.build_encoder(name, path)


# --- containers ---


def _content(path: str, file: BinaryIO) -> Iterator[str]:
    start = file.read(300)
    file.seek(0)
    if path.endswith(".safetensors"):
        yield "container: safetensors"
        yield from _tensors(path, None)
    elif start.startswith(b"PK") and zipfile.is_zipfile(file):
        yield from _archive(path, file)
    elif start.startswith(b"\x89HDF"):
        yield "container: HDF5"
        yield from _listed(_hdf5(file))
    elif start[257:262] == b"ustar":
        yield "container: the tar of torch before 0.1.10, which is not read without running code"
    elif start.startswith(b"\x80"):
        yield f"container: torch's own before 1.6, pickle protocol {start[1]}"
        yield _names(io.BytesIO(file.read(weights.PICKLE)), 5)  # as `ccc.assets.weights` reads them
        file.seek(0)
        yield from _tensors(path, file)
    elif Path(path).is_file():
        yield from _torch7(path, start)
    else:  # a member of an archive
        yield f"container: not known, it begins with {start[:16]!r}"


def _archive(path: str, file: BinaryIO) -> Iterator[str]:
    with zipfile.ZipFile(file) as archive:
        members = weights.bounded_members(archive)
        pickles = [member for member in members if member.endswith("data.pkl")]
        if pickles:
            if members[pickles[0]] > weights.PICKLE:
                yield "container: torch's zip"
                yield f"content: not read, its {pickles[0]} has {members[pickles[0]]:,} bytes"
                return
            content = archive.read(pickles[0])
            yield f"container: torch's zip ({pickles[0]}, {len(members)} members), pickle protocol {content[1]}"
            yield _names(io.BytesIO(content), 1)
            file.seek(0)
            yield from _tensors(path, file)
            return
        yield "container: a zip of " + ", ".join(f"{member} ({size:,} bytes)" for member, size in members.items())
        for member in members:
            if member.endswith((".pth", ".pt")):
                yield f"{member}:"
                yield from _content(member, io.BytesIO(archive.read(member)))


def _names(file: BinaryIO, pickles: int) -> str:
    """The globals that a file's pickles name, read from their opcodes."""
    found = {}
    try:
        for _ in range(pickles):
            pushed, memo = ["?"], {}  # the stack: strings as they are, all else "?"
            for code, argument, _ in pickletools.genops(file):
                if code.name in ("GLOBAL", "INST"):
                    found[str(argument).replace(" ", ".", 1)] = None
                elif code.name == "STACK_GLOBAL":
                    found[".".join(pushed[-2:])] = None
                if code.name == "MEMOIZE" or "PUT" in code.name:
                    memo[len(memo) if argument is None else argument] = pushed[-1]
                elif "GET" in code.name:
                    pushed.append(memo.get(argument, "?"))
                else:
                    pushed.append(argument if isinstance(argument, str) else "?")
    except (ValueError, MemoryError, OverflowError) as error:
        found[f"(cut short: {error})"] = None
    return "globals: " + (", ".join(sorted(found)) or "none")


# --- contents ---


def _tensors(path: str, file: BinaryIO | None) -> Iterator[str]:
    try:
        content = weights.read(path, file)
    except CCCError as error:
        yield f"content: not read, {error}"
        return
    for _ in range(DEEPEST):
        if not isinstance(content, Mapping):
            break
        inner = {key: value for key, value in content.items() if isinstance(value, Mapping) and value}
        if not inner:
            break
        yield "top: " + ", ".join(f"{key} ({_kind(value)})" for key, value in content.items())
        content = max(inner.values(), key=len)
    if isinstance(content, Mapping):
        yield from _listed({key: value for key, value in content.items() if hasattr(value, "shape")})
    else:
        yield f"content: {_kind(content)}"


def _kind(value: Any) -> str:
    return f"{type(value).__name__} of {len(value)}" if hasattr(value, "__len__") else type(value).__name__


def _hdf5(file: BinaryIO) -> dict:
    import h5py

    found = {}
    with h5py.File(file, "r") as content:
        content.visititems(lambda name, item: found.update({name: item}) if isinstance(item, h5py.Dataset) else None)
        return {name: np.broadcast_to(np.zeros((), item.dtype), item.shape) for name, item in found.items()}


def _torch7(path: str, start: bytes) -> Iterator[str]:
    from ccc.colorizers import _torch7, iizuka

    try:
        content = _torch7.read(path)
    except CCCError:
        yield f"container: not known, it begins with {start[:16]!r}"
        return
    yield "container: Torch7"
    yield f"top: {', '.join(map(str, content)) if isinstance(content, dict) else _kind(content)}"
    layers = enumerate(iizuka.modules(content.get("model") if isinstance(content, dict) else content))
    yield from _listed({f"{number} {layer.kind}": np.asarray(layer.get("weight")) for number, layer in layers}, 99)


def _listed(tensors: Mapping, first: int = FIRST) -> Iterator[str]:
    """Names and shapes of the first tensors, and a checksum of all, to compare two files by."""
    shapes = [f"{name} {list(value.shape)} {value.dtype}" for name, value in tensors.items()]
    digest = hashlib.sha256("\n".join(sorted(shapes)).encode()).hexdigest()[:16]
    yield f"tensors: {len(shapes)}, names and shapes {digest}"
    yield from (f"  {shape}" for shape in shapes[:first])
    if len(shapes) > first:
        yield f"  ... to {shapes[-1]}"
