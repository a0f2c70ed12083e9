"""Catalogue of weight files: finding, fetching, checking and loading them.

Nothing is fetched without a request, and nothing replaces a missing file.
"""

import contextlib
import functools
import io
import os
import pickle
import pickletools
import re
import textwrap
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import yaml

from ccc.assets import catalogue
from ccc.core.errors import CCCError, MissingWeights, first_line, unknown, write_line
from ccc.core.files import regular

if TYPE_CHECKING:
    import torch

PICKLE = 1 << 26  # bytes of a pickle without its tensors
LONGEST = 1000, 10_000  # letters of a name in a pickle, and of a word in its other texts
UNPACKED = 1 << 29  # bytes by which a zip's members may exceed the zip: torch stores them uncompressed


@functools.cache
def known() -> dict[str, dict]:
    """Facts about every weight file by name, from `weights.yaml`, which documents the fields."""
    text = Path(__file__).with_name("weights.yaml").read_text(encoding="utf-8")
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # the C loader takes a tenth of the time


def folders() -> list[Path]:
    """Folders searched, in order: $CCC_WEIGHTS, the cache of ccc, the cache of torch.hub."""
    torch_home = os.environ.get("TORCH_HOME") or ((cache := catalogue.cache()) and cache / "torch")
    return catalogue.folders("weights") + ([Path(torch_home) / "hub" / "checkpoints"] if torch_home else [])


def facts(name: str) -> dict:
    """Facts about a weight file, see `known`. Raises CCCError, with the nearest name, if it is unknown."""
    if name not in known():
        raise unknown("weight file", name, known())
    return known()[name]


def find(name: str) -> Path | None:
    """Path of a weight file in the first of `folders()` that holds it; None if none does."""
    file = facts(name)["file"]
    return next((folder / file for folder in folders() if (folder / file).is_file()), None)


def locate(name: str, given: str | os.PathLike | None = None) -> Path:
    """Path of a weight file: `given`, else the file in the first of `folders()` that holds it.

    The first use of a file without published checksum is reported, and its sha256 recorded. Raises MissingWeights, with
    the command that fetches the file, if it is missing; CCCError for an unknown name.
    """
    if given is not None:
        if not Path(given).exists():
            fetch_it = f"; `ccc weights fetch {name}` gets the published file" if name in known() else ""
            raise MissingWeights(f"no weights: {given} is not there{fetch_it}")
        return Path(given)
    if path := find(name):
        if digest := catalogue.record(path, facts(name)):
            write_line(f"{path}: no checksum is published: taken on trust, its sha256 is {digest}")
        return path
    place = "here, and this user has no home: set CCC_WEIGHTS to a folder"
    if folders():
        place, home = f"in {folders()[0]}", os.path.expanduser("~/")
        place = place.replace(f"in {home}", "in ~/")  # tables show this reason to others
    raise MissingWeights(
        f"no weights: {facts(name)['file']} is not {place}: get it with `ccc weights fetch {name}`, "
        f"or with `ccc weights fetch {name} --from FILE` where you have it{enough(name)}"
    )


def enough(name: str) -> str:
    """The end of a message about a missing weight file: which part of it is enough; "" where the whole is needed."""
    part = known().get(name, {}).get("enough")
    return f"; {part}" if part else ""


def verify(name: str, path: str | os.PathLike | None = None) -> str:
    """Check a weight file with `ccc.assets.catalogue.check`; returns a description of what was compared.

    `path`: None to use `locate`. Raises MissingWeights if it is missing, CCCError if it is not the published file.
    """
    path = locate(name, path)
    try:
        return catalogue.check(path, facts(name), path.with_name(facts(name)["file"]))
    except CCCError as error:
        raise CCCError(f"{error}; remove it and `ccc weights fetch {name}`") from None


def fetch(
    name: str,
    source: str | os.PathLike | None = None,
    folder: str | os.PathLike | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Path:
    """Fetch a weight file into `folder` (None: the first of `folders()`) with `ccc.assets.catalogue.fetch`.

    `source`: a file or URL to take it from; without `folder` and `source`, a valid file in `folders()` is used as it
    is. Returns the file's path. Raises CCCError for an unknown name, or if every URL fails, with the reason for each.
    """
    at_hand = find(name) if folder is None and source is None else None
    if at_hand and catalogue.is_whole(at_hand, facts(name)):
        return at_hand
    target = catalogue.folder("weights", folder) / facts(name)["file"]
    by_hand = f"fetch it by hand and give it with `ccc weights fetch {name} --from FILE`"
    catalogue.fetch(target, facts(name), source, by_hand, progress)
    return target


# --- loading ---


def read_state_dict(path: str | os.PathLike, unwrap: Sequence[str] = (), file: BinaryIO | None = None) -> dict:
    """Read the tensors of a `.safetensors` or torch file by name, on the CPU, without running code in it.

    `unwrap`: keys of a nested state dict, such as "params" or "model", of which the first in the file is used; `file`:
    an open file to read instead of `path`, such as a member of an archive; `path` then only names it in errors. Raises
    CCCError, naming the file, if it is truncated, holds anything but tensors, or has another format.
    """
    return unwrapped(read(path, file), path, unwrap)


def read(path: str | os.PathLike, file: BinaryIO | None = None) -> Any:
    """Read all contents of a `.safetensors` or torch file as `read_state_dict`: tensors and plain Python values.

    Allows the globals that torch considers safe, and `slice`, since DeOldify's files hold learning rates in a slice.
    Raises CCCError naming the file and the first other global in its pickle.
    """
    import safetensors
    import safetensors.torch
    import torch

    try:
        if file is None:
            regular(path)
        if file is None and Path(path).suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        check_pickles(path, file)
        with warnings.catch_warnings(), torch.serialization.safe_globals([slice]):
            warnings.simplefilter("ignore")
            return torch.load(path if file is None else file, map_location="cpu", weights_only=True)
    except (
        *(RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError, TypeError, IndexError),
        *(pickle.UnpicklingError, safetensors.SafetensorError, zipfile.BadZipFile, zlib.error),
    ) as error:
        if refused := re.search(r"GLOBAL (\S+) (?:was not|whose module)", str(error)):
            raise CCCError(
                f"{path}: refused: its pickle names {refused[1]}, and what is not plain tensors may run code when it "
                f"is loaded; fetch the published file, or show `ccc weights inspect {path}` in an issue"
            ) from None
        reason = first_line(error)
        if reason.startswith("Weights only load failed"):  # the rest of torch's message advises unsafe loading
            reason = "no plain file of torch.save"
        raise CCCError(f"{path}: not a file of weights that can be loaded safely ({reason}); fetch it again") from None


def check_pickles(path: str | os.PathLike, file: BinaryIO | None = None) -> None:
    """Check the opcodes of the pickles in a torch file, or in `file`, which is then rewound.

    Raises ValueError if they are damaged, if names or texts are so long that torch's error messages would take too
    long (its patterns need quadratic time), or if a zip's members are larger than `bounded_members` allows.
    """
    with open(path, "rb") if file is None else contextlib.nullcontext(file) as file:
        for content, pickles in _pickles(file):
            for _ in range(pickles):
                for code, argument, _ in pickletools.genops(content):
                    named = code.name in ("GLOBAL", "INST")
                    if not isinstance(argument, str | bytes) or len(argument) <= LONGEST[not named]:
                        continue
                    if named or max(map(len, argument.split())) > LONGEST[1]:
                        raise ValueError(f"its pickle holds a {'name' if named else 'text'} of {len(argument):,} bytes")
        file.seek(0)


def _pickles(file: BinaryIO) -> Iterator[tuple[BinaryIO, int]]:
    """Streams of pickles in a torch file, and the number of pickles in each."""
    file.seek(0)
    if file.read(2) != b"PK":
        file.seek(0)
        yield io.BytesIO(file.read(PICKLE)), 5  # magic number, version, machine, content and the keys of its storages
        return
    with zipfile.ZipFile(file) as archive:
        for member, size in bounded_members(archive).items():
            if member.endswith("data.pkl"):
                if size > PICKLE:
                    raise ValueError(f"its {member} of {size:,} bytes is too large")
                yield io.BytesIO(archive.read(member)), 1


def bounded_members(archive: zipfile.ZipFile) -> dict[str, int]:
    """Size in bytes of every file in a zip by name. Raises ValueError if they unpack to far more than its size."""
    members = {member.filename: member.file_size for member in archive.infolist() if not member.is_dir()}
    size = archive.fp.seek(0, os.SEEK_END)  # ty: ignore[missing-union-attribute] # None once closed
    if (total := sum(members.values())) > size + UNPACKED:
        raise ValueError(f"its {len(members)} members unpack to {total:,} bytes, the file has {size:,}")
    return members


def unwrapped(state: Any, path: str | os.PathLike, unwrap: Sequence[str] = ()) -> dict:
    """The state dict in a file's contents: `state` itself, or its value under the first of the keys `unwrap` it has.

    Raises CCCError naming `path` if that is not a mapping of names to tensors.
    """
    import torch

    for key in unwrap:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
            break
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise CCCError(f"{path}: holds no state dict (names to tensors); fetch the published file")
    return dict(state)


def load_strictly(network: "torch.nn.Module", state: Mapping, path: str | os.PathLike) -> None:
    """Load tensors into a torch module; all names and shapes must match.

    Raises CCCError naming the file and the first keys that are missing, unexpected or of another shape.
    """
    on_meta = next(network.parameters()).is_meta  # built without memory: assign the tensors instead of copying
    try:
        network.load_state_dict(dict(state), strict=True, assign=on_meta)
    except RuntimeError as error:
        wrong = textwrap.shorten(str(error).splitlines()[1], 200, placeholder=" ...")
        raise CCCError(f"{path}: not the weights of this network: {wrong}") from None


def load_state_dict(
    path: str | os.PathLike, network: "torch.nn.Module", strip_prefix: str = "", unwrap: Sequence[str] = ()
) -> None:
    """Load a `.pth` or `.safetensors` file into a torch module, strictly.

    `strip_prefix`: prefix removed from keys (DataParallel writes "module."); `unwrap`: see `read_state_dict`. Raises
    CCCError as `read_state_dict` and `load_strictly`.
    """
    state = read_state_dict(path, unwrap)
    load_strictly(network, {key.removeprefix(strip_prefix): value for key, value in state.items()}, path)
