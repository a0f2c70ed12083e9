"""Folders from which something was deleted: Snakemake knows only whether the folder is there."""

import csv
import os
from collections.abc import Iterable
from pathlib import Path

from ccc.core.images import SUFFIXES
from ccc.data.files import is_litter

LISTING = ".files"
# A command that takes outputs and leaves in each that is a folder a list of its files. Coloured pictures have the
# manifest of their benchmark instead, since they may come from anybody's command.
LIST_FILES = (
    """bash -euc 'for folder; do if [ -d "$folder" ]; then cd "$folder"; """
    f"""find . -type f ! -name ".*" -print0 | LC_ALL=C sort -z > {LISTING}; cd "$OLDPWD"; fi; done' list_files"""
)


def incomplete(dataset: str, folders: Iterable[str]) -> dict[str, list[str]]:
    """By folder in which pictures of a benchmark's manifest are missing, their names.

    `folders`: where all pictures of `dataset` should be; one that is not there is none of them.
    """
    manifest = Path(f"results/benchmarks/{dataset}/manifest.csv")
    if not manifest.is_file():
        return {}
    with open(manifest, encoding="utf-8", newline="") as file:
        names = {row["name"] for row in csv.DictReader(file)}
    missing = {folder: names - stems(folder) for folder in folders if os.path.isdir(folder)}
    return {folder: sorted(absent) for folder, absent in missing.items() if absent}


def stems(folder: str) -> set[str]:
    """Names without suffix of the pictures in a folder."""
    names = (os.path.splitext(name) for name in os.listdir(folder) if not is_litter(name))
    return {stem for stem, suffix in names if suffix.lower() in SUFFIXES}


def deleted(folders: Iterable[str]) -> dict[str, list[str]]:
    """By folder from which files of the list that LIST_FILES left there are gone, their names; without a list none."""
    found = {}
    for folder in folders:
        listing = Path(folder, LISTING)
        if listing.is_file():
            names = os.fsdecode(listing.read_bytes()).split("\0")
            found[folder] = [
                name.removeprefix("./") for name in names if not os.path.exists(os.path.join(folder, name))
            ]
    return {folder: names for folder, names in found.items() if names}
