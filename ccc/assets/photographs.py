"""Catalogue of public photograph sets: finding, fetching and checking them. Nothing is fetched without a request."""

import dataclasses
import functools
import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from ccc.assets import catalogue
from ccc.core.errors import CCCError, MissingDataset, unknown


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Facts about one set; `photographs.yaml` documents the fields."""

    name: str
    title: str
    page: str
    licence: str
    files: dict[str, dict]
    archive: str
    members: str
    pictures: int
    split: dict | None
    by_hand: str | None
    source: str
    whole: bool = False

    @property
    def gigabytes(self) -> str:
        """Total size of its files."""
        return f"{sum(file['size'] for file in self.files.values()) / 1e9:.2f} GB"

    @property
    def count(self) -> int:
        """Number of pictures in its official split."""
        return self.split["pictures"] if self.split else self.pictures


@functools.cache
def known() -> dict[str, Dataset]:
    """Every known set by name."""
    facts = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    return {name: Dataset(name=name, **entry) for name, entry in facts.items()}


def named(name: str) -> Dataset:
    """The set of that name. Raises CCCError with the nearest name if there is none."""
    if name not in known():
        raise unknown("dataset", name, known())
    return known()[name]


folders = functools.partial(catalogue.folders, "data")


def find(dataset: Dataset, first: str | os.PathLike | None = None) -> Path | None:
    """The folder that holds all files of a set under their official names; None if there is none.

    Searches, for each of `folders(first)`, its subfolder of the set's name, then the folder itself.
    """
    places = [place for folder in folders(first) for place in (folder / dataset.name, folder)]
    return next((place for place in places if all((place / file).is_file() for file in dataset.files)), None)


def how_to_get(datasets: Sequence[Dataset], folder: str | os.PathLike | None = None) -> list[str]:
    """Steps to get these sets into `folder`: one command for those that can be fetched, and manual steps for others."""
    into = f" --data {shlex.quote(str(folder))}" if folder and str(folder) != "." else ""
    fetched = " ".join(dict.fromkeys(dataset.name for dataset in datasets if not dataset.by_hand))
    steps = [f"`ccc data fetch {fetched}{into}`"] if fetched else []
    by_hand = {dataset.name: dataset.by_hand for dataset in datasets if dataset.by_hand}
    return steps + [
        f"{what}, then `ccc data fetch {name} --from FILE{into}`, or name its path as the source"
        for name, what in by_hand.items()
    ]


def resolve(source: str, first: str | os.PathLike | None = None) -> tuple[Path, Dataset | None]:
    """Path of a source's photographs, and the set if the source names one, of which the official split is meant.

    `source`: the name of a set, or a path (`./coco` is a folder of that name). Raises MissingDataset, with the remedy,
    if the set is not installed.
    """
    if not source:
        raise CCCError("the source of the photographs is an empty name; give a path, or the name of a set")
    if source not in known():
        return Path(source), None
    dataset = known()[source]
    place = find(dataset, first)
    if place is None:
        folder = Path(first or ".") / source
        hint = f" ({folder} is a folder: write ./{source} to use it)" if folder.is_dir() else ""
        raise MissingDataset(f"{dataset.title} is not at hand: {how_to_get([dataset], first)[0]}{hint}")
    return place / dataset.archive, dataset


def fetch(
    dataset: Dataset,
    folder: str | os.PathLike | None = None,
    given: str | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> list[tuple[Path, str]]:
    """Get a set's files into `folder`/NAME as `ccc.assets.catalogue.fetch` does.

    `folder`: None for the first of `folders()`; `given`: a file, a folder or an address (of a file, or of what holds
    the files under their official names) to take from; what it does not hold comes from the known addresses.
    `progress(file, done, total)` in bytes. Returns each file's path and how it came. Raises CCCError where a file
    cannot be had or is not what was published, with what to do.
    """
    mirror = given.rstrip("/") if given and "://" in given else None
    local = _local(dataset, given) if given and not mirror else {}
    otherwise = f"get it by hand (see {dataset.page}), then `ccc data fetch {dataset.name} --from FILE`"
    done = []
    for file, facts in dataset.files.items():
        target, source = catalogue.folder("data", folder) / dataset.name / file, local.get(file)
        if mirror:
            source = mirror if mirror.endswith(f"/{file}") else f"{mirror}/{file}"
        if not (source or facts["urls"] or target.is_file()):
            raise CCCError(f"{file} cannot be fetched without a person: {how_to_get([dataset], folder)[0]}")
        report = functools.partial(progress, file) if progress else None
        done.append((target, catalogue.fetch(target, facts, source, otherwise, report)))
    return done


def _local(dataset: Dataset, given: str) -> dict[str, Path]:
    """The set's files at a path: those of official names in a folder, or one file by its name or as the only one."""
    path = Path(given).resolve()
    if path.is_dir():
        found = {file: path / file for file in dataset.files if (path / file).is_file()}
    elif not path.is_file():
        raise CCCError(f"{given}: no such file or folder")
    else:
        names = [path.name] if path.name in dataset.files else list(dataset.files)
        found = {names[0]: path} if len(names) == 1 else {}
    if not found:
        raise CCCError(f"{given}: holds nothing of {dataset.name}, whose files are {', '.join(dataset.files)}")
    return found


def at_hand(word: str, first: str | os.PathLike | None = None) -> list[tuple[Dataset, Path]]:
    """Sets given by name or path, each with the folder of its files.

    `word`: a set's name, a file of an official name, or a folder that holds such files directly or in subfolders of the
    sets' names; `first`: see `folders`. Raises CCCError if there is none.
    """
    if word in known():
        return [(known()[word], resolve(word, first)[0].parent)]
    path = Path(word)
    if not path.exists():
        raise CCCError(f"{path}: no such file or folder")
    places = [path.parent] if path.is_file() else [path, *(path / name for name in known())]
    found = [
        (dataset, place)
        for place in places
        for dataset in known().values()
        if any((place / file).is_file() and (path.is_dir() or file == path.name) for file in dataset.files)
    ]
    if not found:
        names = ", ".join(file for dataset in known().values() for file in dataset.files)
        raise CCCError(f"{path}: no file of a known dataset; they are called {names}")
    return found
