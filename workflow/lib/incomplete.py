"""Finds folders with deleted files, because Snakemake only checks that a folder exists."""

import csv
import os
from collections.abc import Iterable
from pathlib import Path

from ccc.core.images import SUFFIXES
from ccc.data.files import is_litter

LISTING = ".files"
# A command that writes a list of its files into each output folder. Coloured pictures are checked against the manifest
# of their benchmark instead, since any command may make them.
LIST_FILES = (
    """bash -euc 'for folder; do if [ -d "$folder" ]; then cd "$folder"; """
    f"""find . -type f ! -name ".*" -print0 | LC_ALL=C sort -z > {LISTING}; cd "$OLDPWD"; fi; done' list_files"""
)


def incomplete(dataset: str, folders: Iterable[str]) -> dict[str, list[str]]:
    """Names of missing pictures of a benchmark's manifest, by folder.

    `folders`: those that should hold all pictures of `dataset`; absent folders are skipped.
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
    """Names of files that are missing from the list of LIST_FILES, by folder; folders without a list are skipped."""
    found = {}
    for folder in folders:
        listing = Path(folder, LISTING)
        if listing.is_file():
            names = os.fsdecode(listing.read_bytes()).split("\0")
            found[folder] = [
                name.removeprefix("./") for name in names if not os.path.exists(os.path.join(folder, name))
            ]
    return {folder: names for folder, names in found.items() if names}
