"""Weight files: which are known, where they lie, how they are fetched, checked and loaded.

Nothing is fetched unless asked for, and nothing stands in for a file that is missing.
"""

import contextlib
import functools
import hashlib
import json
import os
import pickle
import shutil
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import yaml

from ccc.errors import CCCError, MissingWeights
from ccc.files import sha256, write_text, written_whole

_ATTEMPTS = 5  # at one address without a single new byte, before the next mirror is tried
_PAUSE = 0.5  # seconds before the second attempt, doubled with every fruitless one
_CHUNK = 1 << 16  # what is lost at most where a transfer breaks off
# How files of each kind begin: a web page saved under a checkpoint's name is told at once.
_MAGIC = {".pth": (b"PK", b"\x80"), ".pt": (b"PK", b"\x80"), ".zip": (b"PK",), ".h5": (b"\x89HDF\r\n\x1a\n",)}


@functools.cache
def known() -> dict[str, dict]:
    """Facts about every weight file by name: file, urls, size, at_least, sha256, licence, source, used_by.

    Some have md5 and note too. Source: `weights.yaml` beside this module, which says what each means.
    """
    return yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))


def folders() -> list[Path]:
    """Where files are looked for, in order: $CCC_WEIGHTS, the cache of ccc, the cache of torch.hub."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    hub = Path(os.environ.get("TORCH_HOME") or cache / "torch") / "hub" / "checkpoints"
    given = [Path(os.environ["CCC_WEIGHTS"])] if os.environ.get("CCC_WEIGHTS") else []
    return [*given, cache / "ccc" / "weights", hub]


def _facts(name: str) -> dict:
    if name not in known():
        raise CCCError(f"no weight file {name!r}: there are {', '.join(known())}")
    return known()[name]


def locate(name: str, given: str | os.PathLike | None = None) -> Path:
    """Path of a weight file: `given` where it is given, else the first of `folders()` that holds it.

    Raises MissingWeights, with the command that gets the file, where it is not there; CCCError for an unknown name.
    """
    if given is not None:
        if not Path(given).exists():
            fetch_it = f"; `ccc weights fetch {name}` gets the published file" if name in known() else ""
            raise MissingWeights(f"no weights: {given} is not there{fetch_it}")
        return Path(given)
    file = _facts(name)["file"]
    for folder in folders():
        if (folder / file).is_file():
            return folder / file
    raise MissingWeights(
        f"no weights: {file} is not in {folders()[0]}: get it with `ccc weights fetch {name}`, "
        f"or with `ccc weights fetch {name} --from FILE` where you have it"
    )


# --- checking ---


def _recorded(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _check(name: str, path: Path) -> str:
    """SHA-256 of a file that is what its facts say. Raises CCCError, which says what is wrong, where it is not."""
    facts = _facts(name)
    size = path.stat().st_size
    if facts.get("size") and size != facts["size"]:
        raise CCCError(f"{path}: {size:,} bytes, where {name} has {facts['size']:,}; {_again(name)}")
    if facts.get("at_least") and size < facts["at_least"]:
        raise CCCError(f"{path}: {size:,} bytes, where {name} has at least {facts['at_least']:,}; {_again(name)}")
    with open(path, "rb") as file:
        start = file.read(16)
    magic = _MAGIC.get(Path(facts["file"]).suffix)
    if magic and not start.startswith(magic):
        raise CCCError(f"{path}: not a {Path(facts['file']).suffix} file, it begins with {start!r}; {_again(name)}")
    if start.startswith(b"PK") and not zipfile.is_zipfile(path):
        raise CCCError(f"{path}: truncated, its end is missing; {_again(name)}")
    digest = sha256(path)
    if facts.get("sha256") and not digest.startswith(facts["sha256"]):
        raise CCCError(f"{path}: sha256 {digest}, where {name} has {facts['sha256']}; {_again(name)}")
    if facts.get("md5"):
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "md5").hexdigest()
        if found != facts["md5"]:
            raise CCCError(f"{path}: md5 {found}, where {name} has {facts['md5']}; {_again(name)}")
    return digest


def _again(name: str) -> str:
    return f"remove it and `ccc weights fetch {name}`"


def verify(name: str, path: str | os.PathLike | None = None) -> str:
    """Check a weight file against its published facts, and against its checksum at the first download.

    `path`: None for where `locate` finds it. Returns one line that says what was compared. Raises MissingWeights
    where it is not there; CCCError where its size, first bytes or checksum are not what they should be.
    """
    path = locate(name, path)
    digest = _check(name, path)
    facts = _facts(name)
    if facts.get("sha256"):
        whole = "sha256" if len(facts["sha256"]) == 64 else f"first {len(facts['sha256'])} digits of the sha256"
        return f"{whole} as published ({digest})"
    if facts.get("md5"):
        return f"md5 as published ({facts['md5']})"
    if not _recorded(path).is_file():
        return f"no checksum was published, and none recorded (sha256 {digest})"
    before = _recorded(path).read_text().split()[0]
    if before != digest:
        raise CCCError(f"{path}: sha256 {digest}, but {before} was recorded at its first download; {_again(name)}")
    return f"sha256 as recorded at its first download ({digest}); none was published"


# --- fetching ---


def fetch(
    name: str,
    source: str | os.PathLike | None = None,
    folder: str | os.PathLike | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Path:
    """Get a weight file into `folder` (None: the first of `folders()`), checked, whole or not at all.

    One that is at hand is checked and left where it is. `source`: a file or an address to get it from instead of the
    known addresses; `progress(done, total)` is called with bytes, `total` None where the server does not tell. A
    download that breaks off is taken up where it stopped, now or at the next call; addresses are tried in turn. Where
    no checksum is published, that of the first download is kept beside the file, as `FILE.sha256`, and later
    downloads must equal it. Returns the file's path. Raises CCCError for an unknown name, and where no address gives
    the file, with each one's reason.
    """
    facts = _facts(name)
    target = Path(folder or folders()[0]) / facts["file"]
    if source is None:
        for at_hand in [target] if folder else [each / facts["file"] for each in folders()]:
            if at_hand.is_file():
                verify(name, at_hand)
                return at_hand
    target.parent.mkdir(parents=True, exist_ok=True)
    if source is not None and "://" not in str(source):
        source = Path(source)
        if not source.is_file():
            raise CCCError(f"{source}: no such file")
        _accept(name, source, target)
        with written_whole(target) as aside:
            shutil.copyfile(source, aside)
        return target
    part = target.with_name(f".{target.name}.part")
    reasons = []
    with _only_one(part, name):
        for url in facts["urls"] if source is None else [str(source)]:
            try:
                for resumed in (True, False):  # a part that turns out wrong may be the fault of an earlier address
                    fresh = not resumed or not part.exists()
                    if not resumed:
                        part.unlink(missing_ok=True)
                    _download(url, part, facts, progress)
                    try:
                        _accept(name, part, target)
                        break
                    except CCCError as error:
                        part.unlink(missing_ok=True)
                        if fresh:
                            wrong = str(error).replace(f"{part}: ", "", 1).replace(f"; {_again(name)}", "")
                            raise CCCError(f"what it serves is wrong: {wrong}") from None
                os.replace(part, target)
                _origin(part).unlink(missing_ok=True)
                return target
            except CCCError as error:
                reasons.append(f"{url}: {error}")
    raise CCCError(
        f"{facts['file']} could not be fetched ({'; '.join(reasons)}); "
        f"fetch it by hand and give it with `ccc weights fetch {name} --from FILE`"
    )


def _accept(name: str, candidate: Path, target: Path) -> None:
    """Check a file that is about to become `target`; record its checksum where none is published."""
    digest = _check(name, candidate)
    if _facts(name).get("sha256"):
        return
    record = _recorded(target)
    if record.is_file() and record.read_text().split()[0] != digest:
        before = record.read_text().split()[0]
        raise CCCError(
            f"{candidate}: sha256 {digest}, but {before} was recorded at the first download; "
            f"remove {record} if the publisher has changed the file"
        )
    write_text(record, f"{digest}  {target.name}\n")  # as sha256sum --check reads it


def _origin(part: Path) -> Path:
    return part.with_name(part.name + ".json")


@contextlib.contextmanager
def _only_one(part: Path, name: str) -> Iterator[None]:
    """Hold a lock beside `part`, so that two processes do not write it together; a lock dies with its process."""
    try:
        import fcntl
    except ImportError:  # Windows: nothing to hold
        yield
        return
    path = part.with_name(part.name + ".lock")
    with open(path, "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CCCError(f"{name} is being fetched by another process, into {part.parent}") from None
        except OSError:  # a file system without locks
            pass
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _download(url: str, part: Path, facts: Mapping, progress) -> None:
    """Download `url` into `part`, from where `part` ends; raise CCCError with the reason where that fails."""
    import requests

    fruitless = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _download_once(url, part, facts, progress)
            return
        except requests.HTTPError as error:
            status = error.response.status_code
            if status < 500 and status not in (408, 429):
                raise CCCError(f"status {status} {error.response.reason}") from None
            reason = f"status {status} {error.response.reason}"
        except requests.RequestException as error:
            reason = _plain(error)
        grown = part.exists() and part.stat().st_size > before
        fruitless = 0 if grown else fruitless + 1
        if fruitless >= _ATTEMPTS or reason == "no connection":
            raise CCCError(reason)
        time.sleep(min(_PAUSE * 2**fruitless, 30))


def _plain(error: Exception) -> str:
    import requests

    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the transfer broke off"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _download_once(url: str, part: Path, facts: Mapping, progress) -> None:
    import requests

    at = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}  # else a length would be that of the compressed bytes
    if at:
        origin = json.loads(_origin(part).read_text()) if _origin(part).exists() else {}
        same = origin.get("url") == url and origin.get("validator")
        if same:
            headers["If-Range"] = origin["validator"]
        if same or facts.get("sha256"):  # otherwise halves of two different files could be joined unnoticed
            headers["Range"] = f"bytes={at}-"
    with requests.get(url, headers=headers, stream=True, timeout=30) as answer:
        if answer.status_code == 416:  # nothing lies beyond `at`: either all is here, or the part is of another file
            whole = answer.headers.get("Content-Range", "").rpartition("/")[2]
            if whole == str(at):
                return
            part.unlink()
            raise requests.RequestException("the part at hand is longer than the file")
        answer.raise_for_status()
        resumed = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {at}-")
        if answer.status_code == 206 and not resumed:
            part.unlink(missing_ok=True)
            raise requests.RequestException("the server sent another range than asked for")
        done = at if resumed else 0
        length = answer.headers.get("Content-Length")
        total = done + int(length) if length and length.isdigit() else facts.get("size")
        etag = answer.headers.get("ETag", "")
        validator = etag if etag and not etag.startswith("W/") else answer.headers.get("Last-Modified")
        write_text(_origin(part), json.dumps({"url": url, "validator": validator}) + "\n")
        with open(part, "ab" if resumed else "wb") as file:
            for chunk in answer.iter_content(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                if progress:
                    progress(done, total)


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
    network.load_state_dict(dict(state), strict=True)


def load_state_dict(path: str | os.PathLike, network, strip_prefix: str = "", unwrap: Sequence[str] = ()) -> None:
    """Load a `.pth` or `.safetensors` file into a torch module, strictly.

    `strip_prefix`: removed from every key that begins with it (DataParallel writes "module."); `unwrap`: see
    `read_state_dict`. Raises CCCError naming the file, and the first key that is missing, left over or of another
    shape.
    """
    state = read_state_dict(path, unwrap)
    load_strictly(network, {key.removeprefix(strip_prefix): value for key, value in state.items()}, path)
