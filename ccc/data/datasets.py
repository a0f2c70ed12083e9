"""The official part of a public photograph set."""

import fnmatch
import os
from collections.abc import Sequence
from pathlib import Path

from ccc.assets.catalogue import check
from ccc.assets.photographs import Dataset, how_to_get
from ccc.core.errors import CCCError
from ccc.core.stored import reading
from ccc.data.sources import Source


def select(dataset: Dataset, members: Sequence[str], folder: str | os.PathLike) -> list[int]:
    """Positions of the official part's pictures in `members`, the names of the archive's pictures.

    `folder`: of the split file, if there is one. Raises CCCError for an unexpected archive or split file.
    """
    archive = Path(folder) / dataset.archive
    names = {name.removeprefix("./"): position for position, name in enumerate(members)}
    matching = [name for name in names if fnmatch.fnmatchcase(name, dataset.members)]
    if len(matching) != dataset.pictures:
        raise CCCError(
            f"{archive}: {len(matching):,} pictures {dataset.members} in it, where {dataset.title} has "
            f"{dataset.pictures:,}; check it with `ccc data check {archive}`"
        )
    if dataset.split is None:
        return [names[name] for name in matching]
    path = Path(folder) / dataset.split["file"]
    official = {dataset.split["member"].format(key) for key in _listed(path, dataset.split)}
    if len(official) != dataset.split["pictures"] or not official <= set(matching):
        there = len(official & set(matching))
        raise CCCError(
            f"{path}: lists {len(official):,} pictures, {there:,} of them in {dataset.archive}, where "
            f"{dataset.split['pictures']:,} are expected; check it with `ccc data check {path}`"
        )
    return [names[name] for name in matching if name in official]


def _listed(path: Path, split: dict) -> list:
    """File names or numbers that a split file lists under its key. Raises CCCError for an unreadable file."""
    if not path.is_file():
        raise CCCError(f"{path}: is not there, but is needed: it lists the official part; fetch it again")
    with reading(path, "cannot be read as a split file", "fetch it again", Exception):  # SciPy raises many kinds
        if split["kind"] == "matlab":
            from scipy.io import loadmat

            return loadmat(path)[split["key"]].ravel().tolist()
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return [name for name, part in lines if part == split["key"]]


def verify(dataset: Dataset, folder: str | os.PathLike) -> str:
    """Check the files of a set in `folder`, bytes and layout; returns a one-line summary.

    Raises CCCError naming the first file that is missing, not as published, or without the expected pictures.
    """
    folder = Path(folder)
    for file, facts in dataset.files.items():
        if not (folder / file).is_file():
            raise CCCError(f"{folder / file}: is not there; {how_to_get([dataset])[0]}")
        try:
            check(folder / file, facts)
        except CCCError as error:
            raise CCCError(f"{error}; remove it and {how_to_get([dataset])[0]}") from None
    members = [entry.member for entry in Source(folder / dataset.archive).entries()]
    chosen = select(dataset, members, folder)
    files = ", ".join(dataset.files)
    return f"{files}: size and checksum as recorded ({dataset.source}); {len(chosen):,} pictures in the official part"
