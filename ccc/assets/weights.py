"""Weight files: which are known, where they lie, how they are fetched, checked and loaded.

Nothing is fetched unless asked for, and nothing stands in for a file that is missing.
"""

import functools
import os
import pickle
import shutil
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import yaml

from ccc.assets.download import check, download
from ccc.core.errors import CCCError, MissingWeights, did_you_mean
from ccc.core.files import sha256, write_text, written_whole

# How files of each kind begin: a web page saved under a checkpoint's name is told at once.
_MAGIC = {".pth": (b"PK", b"\x80"), ".pt": (b"PK", b"\x80"), ".zip": (b"PK",), ".h5": (b"\x89HDF\r\n\x1a\n",)}


@functools.cache
def known() -> dict[str, dict]:
    """Facts about every weight file by name: file, urls, size, at_least, sha256, licence, source, used_by.

    Some have md5 and note too. Source: `weights.yaml` beside this file, which says what each means.
    """
    return yaml.safe_load(Path(__file__).with_name("weights.yaml").read_text(encoding="utf-8"))


def folders() -> list[Path]:
    """Where files are looked for, in order: $CCC_WEIGHTS, the cache of ccc, the cache of torch.hub."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    hub = Path(os.environ.get("TORCH_HOME") or cache / "torch") / "hub" / "checkpoints"
    given = [Path(os.environ["CCC_WEIGHTS"])] if os.environ.get("CCC_WEIGHTS") else []
    return [*given, cache / "ccc" / "weights", hub]


def facts(name: str) -> dict:
    """What is known of a weight file, see `known`. Raises CCCError, with the nearest name, where there is none."""
    if name not in known():
        raise CCCError(f"no weight file {name!r}: {did_you_mean(name, known())}there are {', '.join(known())}")
    return known()[name]


def find(name: str) -> Path | None:
    """Path of a weight file in the first of `folders()` that holds it; None where none does."""
    file = facts(name)["file"]
    return next((folder / file for folder in folders() if (folder / file).is_file()), None)


def locate(name: str, given: str | os.PathLike | None = None) -> Path:
    """Path of a weight file: `given` where it is given, else the first of `folders()` that holds it.

    Raises MissingWeights, with the command that gets the file, where it is not there; CCCError for an unknown name.
    """
    if given is not None:
        if not Path(given).exists():
            fetch_it = f"; `ccc weights fetch {name}` gets the published file" if name in known() else ""
            raise MissingWeights(f"no weights: {given} is not there{fetch_it}")
        return Path(given)
    if path := find(name):
        return path
    raise MissingWeights(
        f"no weights: {facts(name)['file']} is not in {folders()[0]}: get it with `ccc weights fetch {name}`, "
        f"or with `ccc weights fetch {name} --from FILE` where you have it"
    )


# --- checking ---


def _recorded(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _inspect(name: str, path: Path) -> None:
    """Raise CCCError where a file is plainly not what its facts say, without reading it whole."""
    size, least, suffix = path.stat().st_size, facts(name).get("at_least"), Path(facts(name)["file"]).suffix
    if least and size < least:
        raise CCCError(f"{path}: {size:,} bytes, where at least {least:,} are expected")
    with open(path, "rb") as file:
        start = file.read(16)
    if suffix in _MAGIC and not start.startswith(_MAGIC[suffix]):
        raise CCCError(f"{path}: not a {suffix} file, it begins with {start!r}")
    if start.startswith(b"PK") and not zipfile.is_zipfile(path):
        raise CCCError(f"{path}: truncated, its end is missing")


def _published(name: str) -> dict:
    return {key: facts(name).get(key) for key in ("size", "sha256", "md5")}


def verify(name: str, path: str | os.PathLike | None = None) -> str:
    """Check a weight file against its published facts, and against its checksum at the first download.

    `path`: None for where `locate` finds it. Returns one line that says what was compared. Raises MissingWeights
    where it is not there; CCCError where its size, first bytes or checksum are not what they should be.
    """
    path = locate(name, path)
    published = _published(name)
    try:
        _inspect(name, path)
        check(path, **published)
        if published["sha256"]:
            digits = len(published["sha256"])
            return "sha256 as published" if digits == 64 else f"first {digits} digits of the sha256 as published"
        if published["md5"]:
            return "md5 as published"
        digest = sha256(path)
        if not _recorded(path).is_file():
            return f"no checksum was published, and none recorded (sha256 {digest})"
        _compare(path, digest, _recorded(path))
        return f"sha256 as recorded at its first download ({digest}); none was published"
    except CCCError as error:
        raise CCCError(f"{error}; remove it and `ccc weights fetch {name}`") from None


def _compare(path: Path, digest: str, record: Path) -> None:
    before = record.read_text().split()[0]
    if before != digest:
        raise CCCError(f"{path}: sha256 {digest}, but {before} was recorded at its first download, in {record.name}")


# --- fetching ---


def fetch(
    name: str,
    source: str | os.PathLike | None = None,
    folder: str | os.PathLike | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Path:
    """Get a weight file into `folder` (None: the first of `folders()`), checked, whole or not at all.

    One that is at hand is checked and left where it is. `source`: a file or an address to get it from instead of the
    known addresses; `progress`: see `ccc.assets.download.download`. Where no checksum is published, that of the first
    download is kept beside the file, as `FILE.sha256`, and later downloads must equal it. Returns the file's path.
    Raises CCCError for an unknown name, and where no address gives the file, with each one's reason.
    """
    target = Path(folder or folders()[0]) / facts(name)["file"]
    at_hand = find(name) if folder is None else target if target.is_file() else None
    if source is None and at_hand:
        verify(name, at_hand)
        return at_hand
    record, published = _recorded(target), _published(name)

    def accept(path: Path) -> None:
        _inspect(name, path)
        if record.is_file() and not published["sha256"]:
            _compare(path, sha256(path), record)

    if source is not None and "://" not in str(source):
        source = Path(source)
        if not source.is_file():
            raise CCCError(f"{source}: no such file")
        accept(source)
        check(source, **published)
        with written_whole(target) as aside:
            shutil.copyfile(source, aside)
    else:
        try:
            urls = facts(name)["urls"] if source is None else str(source)
            download(urls, target, **published, accept=accept, progress=progress)
        except CCCError as error:
            by_hand = f"fetch it by hand and give it with `ccc weights fetch {name} --from FILE`"
            raise CCCError(f"{error}; {by_hand}") from None
    if not published["sha256"] and not record.is_file():
        write_text(record, f"{sha256(target)}  {target.name}\n")  # as sha256sum --check reads it
    return target


# --- loading ---


def read_state_dict(path: str | os.PathLike, unwrap: Sequence[str] = (), file: BinaryIO | None = None) -> dict:
    """Tensors of a `.safetensors` or torch file by name, on the CPU, without running any code in it.

    `unwrap`: keys under which the state dict may lie, such as "params" or "model"; the first that the file has is
    followed; `file`: what to read instead, such as a member of an archive: `path` then only names it. Raises
    CCCError, naming the file, where it is truncated, holds anything but tensors, or is no such file.
    """
    import safetensors
    import safetensors.torch
    import torch

    try:
        if file is None and Path(path).suffix == ".safetensors":
            state = safetensors.torch.load_file(path)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                state = torch.load(path if file is None else file, map_location="cpu", weights_only=True)
    except (
        *(RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError, TypeError, IndexError),
        *(pickle.UnpicklingError, safetensors.SafetensorError),
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CCCError(f"{path}: not a file of weights that can be loaded safely ({reason}); fetch it again") from None
    return unwrapped(state, path, unwrap)


def unwrapped(state, path: str | os.PathLike, unwrap: Sequence[str] = ()) -> dict:
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


def load_strictly(network, state: Mapping, path: str | os.PathLike) -> None:
    """Load tensors into a torch module; every name and shape must fit.

    Raises CCCError naming the file and the first key that is missing, left over or of another shape.
    """
    wanted = network.state_dict()
    for key in wanted:
        if key not in state:
            raise CCCError(f"{path}: not the weights of this network: {key} is missing")
        if state[key].shape != wanted[key].shape:
            shapes = f"{tuple(state[key].shape)}, not {tuple(wanted[key].shape)}"
            raise CCCError(f"{path}: not the weights of this network: {key} has shape {shapes}")
    for key in state:
        if key not in wanted:
            raise CCCError(f"{path}: not the weights of this network: {key} is left over")
    on_meta = next(network.parameters()).is_meta  # built without memory, to take over the tensors themselves
    network.load_state_dict(dict(state), strict=True, assign=on_meta)


def load_state_dict(path: str | os.PathLike, network, strip_prefix: str = "", unwrap: Sequence[str] = ()) -> None:
    """Load a `.pth` or `.safetensors` file into a torch module, strictly.

    `strip_prefix`: removed from every key that begins with it (DataParallel writes "module."); `unwrap`: see
    `read_state_dict`. Raises CCCError naming the file, and the first key that is missing, left over or of another
    shape.
    """
    state = read_state_dict(path, unwrap)
    load_strictly(network, {key.removeprefix(strip_prefix): value for key, value in state.items()}, path)
