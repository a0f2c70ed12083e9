"""Finding, checking and fetching of published files: weights and photographs.

The `facts` of a file are its urls, size in bytes, at_least (bytes), sha256 (whole or its first digits) and md5; None or
missing means unknown. Nothing is fetched without a request.
"""

import contextlib
import hashlib
import os
import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from ccc.core.errors import CCCError
from ccc.core.files import file_name, write_text, written_whole

# First bytes by suffix, to detect such things as a web page saved under a checkpoint's name.
_MAGIC = {".pth": (b"PK", b"\x80"), ".pt": (b"PK", b"\x80"), ".zip": (b"PK",), ".h5": (b"\x89HDF\r\n\x1a\n",)}


def cache() -> Path | None:
    """The user's cache folder: $XDG_CACHE_HOME, else ~/.cache; None for a user without home directory."""
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given)
    try:
        return Path.home() / ".cache"
    except RuntimeError:  # no HOME and no passwd entry, as in containers with an arbitrary user id
        return None


def folders(kind: str, first: str | os.PathLike | None = None) -> list[Path]:
    """Folders searched for a kind of files, "weights" or "data": `first`, $CCC_WEIGHTS or $CCC_DATA, ccc's cache.

    May be empty, see `cache`.
    """
    given = [first, os.environ.get(f"CCC_{kind.upper()}"), (found := cache()) and found / "ccc" / kind]
    return [Path(folder) for folder in given if folder]


def folder(kind: str, first: str | os.PathLike | None = None) -> Path:
    """The first of `folders`, into which files are fetched. Raises CCCError, with the remedy, if there is none."""
    if found := folders(kind, first):
        return found[0]
    raise CCCError(f"no folder for {kind}: this user has no home; set CCC_{kind.upper()} or XDG_CACHE_HOME to a folder")


def check(path: str | os.PathLike, facts: Mapping, target: str | os.PathLike | None = None) -> str:
    """Compare a file with its facts; returns a description of what was compared.

    `target`: its final path under the official name, if not `path`. Without published checksum, uses the one that
    `fetch` recorded beside the target at the first download. Raises CCCError naming the file, the value found and the
    value expected, if size, first bytes or checksum differ.
    """
    path, target = Path(path), Path(target or path)
    size, least = path.stat().st_size, facts.get("at_least")
    with open(path, "rb") as file:
        start = file.read(16)
    if least and size < least:
        raise CCCError(f"{path}: {size:,} bytes, where at least {least:,} are expected")
    if not start.startswith(_MAGIC.get(target.suffix, b"")):
        raise CCCError(f"{path}: not a {target.suffix} file, it begins with {start!r}")
    if start.startswith(b"PK") and not zipfile.is_zipfile(path):
        raise CCCError(f"{path}: truncated, its end is missing")
    if facts.get("size") not in (None, size):
        raise CCCError(f"{path}: {size:,} bytes, where {facts['size']:,} are expected")
    published = [name for name in ("sha256", "md5") if facts.get(name)]
    for name in published:
        if not (digest := _digest(path, name)).startswith(facts[name].lower()):
            raise CCCError(f"{path}: {name} {digest}, where {facts[name]} is expected")
    if published:
        digits = len(facts[published[0]])
        return f"{f'first {digits} digits of the ' if digits < 32 else ''}{published[0]} as published"
    digest = _digest(path, "sha256")
    kept = next(filter(os.path.isfile, _records_of(target)), None)
    if kept is None:
        return f"no checksum was published, and none recorded (sha256 {digest})"
    if not (words := kept.read_text(errors="replace").split()):
        raise CCCError(f"{kept}: empty, where a sha256 was recorded; delete it, and the next use records one again")
    if (before := words[0]) != digest:
        raise CCCError(
            f"{path}: sha256 {digest}, but {before} was recorded when it was first seen, in {kept} (delete it too "
            "if it was the wrong one)"
        )
    return f"no checksum is published: taken on trust, sha256 as recorded when it was first seen ({digest})"


def _digest(path: Path, name: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, name).hexdigest()


def _records_of(target: Path) -> list[Path]:
    """Where its checksum may be recorded: beside it, or in ccc's cache where its folder is read-only."""
    beside, elsewhere = target.with_name(target.name + ".sha256"), cache()
    name = str(beside.absolute()).replace("/", "%")
    return [beside] + ([elsewhere / "ccc" / "recorded" / file_name(name)] if elsewhere else [])


def record(target: str | os.PathLike, facts: Mapping) -> str | None:
    """Record the sha256 of a file without published checksum as `FILE.sha256` beside it, for `check` to compare later.

    Returns the digest if it is new; None if a checksum is published or already recorded, or the file fails `check`.
    Records it in ccc's cache if the folder is not writable, and nowhere if that is not either.
    """
    records = _records_of(Path(target))
    recorded = facts.get("sha256") or facts.get("md5") or any(map(os.path.isfile, records))
    if recorded or not is_whole(Path(target), facts):
        return None
    digest = _digest(Path(target), "sha256")
    for kept in records:
        with contextlib.suppress(OSError):
            write_text(kept, f"{digest}  {Path(target).name}\n")  # as sha256sum --check reads it
            break
    return digest


def fetch(
    target: str | os.PathLike,
    facts: Mapping,
    given: str | os.PathLike | None = None,
    otherwise: str = "",
    progress: Callable[[int, int | None], None] | None = None,
) -> str:
    """Fetch a file to `target`: checked, and atomic.

    `given`: a file to copy, or a URL to try before the known ones; `otherwise`: the remedy if every URL fails;
    `progress`: see `ccc.assets.download.download`. Without published checksum, records that of the first download as
    `FILE.sha256` beside the file. Returns "was there", "taken" or "fetched". Raises CCCError if the file is not the
    published one, or if every URL fails, with the reason for each.
    """
    target, address = Path(target), given is not None and "://" in str(given)
    if given and not address:
        if not Path(given).is_file():
            raise CCCError(f"{given}: no such file")
        check(given, facts, target)
        _take(Path(given).resolve(), target)
        how = "taken"
    elif target.is_file() and is_whole(target, facts):
        return "was there"
    else:
        try:
            from ccc.assets.download import download  # not needed to list the catalogue

            urls = [*([str(given)] if address else []), *facts["urls"]]
            download(urls, target, lambda path: check(path, facts, target), facts, progress)
        except CCCError as error:
            raise CCCError(f"{error}; {otherwise}") from None
        how = "fetched"
    record(target, facts)
    return how


def is_whole(path: Path, facts: Mapping) -> bool:
    """Whether a file passes `check`."""
    with contextlib.suppress(CCCError):
        return bool(check(path, facts))
    return False


def _take(path: Path, target: Path) -> None:
    if target.exists() and target.samefile(path):
        return
    with written_whole(target) as temporary:
        shutil.copyfile(path, temporary)  # no hard link: the mode of the user's own file would change with the copy's
