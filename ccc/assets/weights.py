"""Weight files: which are known, where they lie, how they are fetched, checked and loaded.

Nothing is fetched unless asked for, and nothing stands in for a file that is missing.
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
from ccc.core.errors import CCCError, MissingWeights, unknown, write_line
from ccc.core.files import regular

if TYPE_CHECKING:
    import torch

PICKLE = 1 << 26  # bytes of a pickle without its tensors
LONGEST = 1000, 10_000  # letters of a name in a pickle, and of what has no space in another text of it
UNPACKED = 1 << 29  # bytes that the members of a zip may have more than the zip: torch stores them as they are


@functools.cache
def known() -> dict[str, dict]:
    """Facts about every weight file by name: file, urls, size, at_least, sha256, licence, source, used_by and more.

    More are layout, checked, and of some md5 and note. Source: `weights.yaml` beside this file, which explains them.
    """
    text = Path(__file__).with_name("weights.yaml").read_text(encoding="utf-8")
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # in C where it is: a tenth of the time


def folders() -> list[Path]:
    """Where files are looked for, in order: $CCC_WEIGHTS, the cache of ccc, the cache of torch.hub."""
    torch_home = os.environ.get("TORCH_HOME") or ((cache := catalogue.cache()) and cache / "torch")
    return catalogue.folders("weights") + ([Path(torch_home) / "hub" / "checkpoints"] if torch_home else [])


def facts(name: str) -> dict:
    """What is known of a weight file, see `known`. Raises CCCError, with the nearest name, where there is none."""
    if name not in known():
        raise unknown("weight file", name, known())
    return known()[name]


def find(name: str) -> Path | None:
    """Path of a weight file in the first of `folders()` that holds it; None where none does."""
    file = facts(name)["file"]
    return next((folder / file for folder in folders() if (folder / file).is_file()), None)


def locate(name: str, given: str | os.PathLike | None = None) -> Path:
    """Path of a weight file: `given` where it is given, else the first of `folders()` that holds it.

    A file whose publisher gives no checksum is taken on trust, which is said and recorded when it is first found.
    Raises MissingWeights, with the command that gets the file, where it is not there; CCCError for an unknown name.
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
    place = f"in {folders()[0]}" if folders() else "here, and this user has no home: set CCC_WEIGHTS to a folder"
    raise MissingWeights(
        f"no weights: {facts(name)['file']} is not {place}: get it with `ccc weights fetch {name}`, "
        f"or with `ccc weights fetch {name} --from FILE` where you have it"
    )


def verify(name: str, path: str | os.PathLike | None = None) -> str:
    """Check a weight file as `ccc.assets.catalogue.check` does; returns in words what was compared.

    `path`: None for where `locate` finds it. Raises MissingWeights where it is not there; CCCError where it is not
    what was published.
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
    """Get a weight file into `folder` (None: the first of `folders()`) as `ccc.assets.catalogue.fetch` does.

    One that is at hand and whole is left where it is. `source`: a file or an address to get it from. Returns the file's
    path. Raises CCCError for an unknown name, and where no address gives the file, with each one's reason.
    """
    at_hand = find(name) if folder is None and source is None else None
    if at_hand and catalogue.is_whole(at_hand, facts(name)):
        return at_hand
    target = (Path(folder) if folder else catalogue.folder("weights")) / facts(name)["file"]
    by_hand = f"fetch it by hand and give it with `ccc weights fetch {name} --from FILE`"
    catalogue.fetch(target, facts(name), source, by_hand, progress)
    return target


# --- loading ---


def read_state_dict(path: str | os.PathLike, unwrap: Sequence[str] = (), file: BinaryIO | None = None) -> dict:
    """Tensors of a `.safetensors` or torch file by name, on the CPU, without running any code in it.

    `unwrap`: keys under which the state dict may lie, such as "params" or "model"; the first that the file has is
    followed; `file`: what to read instead, such as a member of an archive: `path` then only names it. Raises
    CCCError, naming the file, where it is truncated, holds anything but tensors, or is no such file.
    """
    return unwrapped(read(path, file), path, unwrap)


def read(path: str | os.PathLike, file: BinaryIO | None = None) -> Any:
    """All that a `.safetensors` or torch file holds, as `read_state_dict` reads it: tensors and plain Python values.

    Of what a pickle names, torch's own list and `slice` are allowed: DeOldify's files hold learning rates in a slice
    beside their tensors. Raises CCCError, naming the file and the first other thing that its pickle names.
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
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if reason.startswith("Weights only load failed"):  # what follows advises to run whatever the file holds
            reason = "no plain file of torch.save"
        raise CCCError(f"{path}: not a file of weights that can be loaded safely ({reason}); fetch it again") from None


def check_pickles(path: str | os.PathLike, file: BinaryIO | None = None) -> None:
    """Read the opcodes of a torch file's pickles, those of `file` where it is given, and leave it at its start.

    Raises ValueError where they are damaged, where their names and texts are longer than torch's own messages about
    them can be made in good time (it searches them with patterns that take the square of their length), and where the
    members of a zip promise more than `bounded_members` allows.
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
    """The streams of pickles in a torch file, and how many lie in each."""
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
    """Bytes of every file in a zip by name. Raises ValueError where they unpack to far more than the zip has."""
    members = {member.filename: member.file_size for member in archive.infolist() if not member.is_dir()}
    size = archive.fp.seek(0, os.SEEK_END)  # ty: ignore[missing-union-attribute] # None once closed
    if (total := sum(members.values())) > size + UNPACKED:
        raise ValueError(f"its {len(members)} members unpack to {total:,} bytes, the file has {size:,}")
    return members


def unwrapped(state: Any, path: str | os.PathLike, unwrap: Sequence[str] = ()) -> dict:
    """The state dict in what a file held: `state` itself, or what lies under the first of the keys `unwrap` it has.

    Raises CCCError naming `path` where that is not a mapping of names to tensors.
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
    """Load tensors into a torch module; every name and shape must fit.

    Raises CCCError naming the file and the first keys that are missing, left over or of another shape.
    """
    on_meta = next(network.parameters()).is_meta  # built without memory, to take over the tensors themselves
    try:
        network.load_state_dict(dict(state), strict=True, assign=on_meta)
    except RuntimeError as error:
        wrong = textwrap.shorten(str(error).splitlines()[1], 200, placeholder=" ...")
        raise CCCError(f"{path}: not the weights of this network: {wrong}") from None


def load_state_dict(
    path: str | os.PathLike, network: "torch.nn.Module", strip_prefix: str = "", unwrap: Sequence[str] = ()
) -> None:
    """Load a `.pth` or `.safetensors` file into a torch module, strictly.

    `strip_prefix`: removed from every key that begins with it (DataParallel writes "module."); `unwrap`: see
    `read_state_dict`. Raises CCCError naming the file, and the first key that is missing, left over or of another
    shape.
    """
    state = read_state_dict(path, unwrap)
    load_strictly(network, {key.removeprefix(strip_prefix): value for key, value in state.items()}, path)
