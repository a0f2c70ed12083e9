"""Folders of pictures from which something was deleted: Snakemake knows only whether the folder is there."""

import csv
import os
from collections.abc import Iterable
from pathlib import Path

from ccc.data.fingerprint import counts


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
    return {os.path.splitext(name)[0] for name in os.listdir(folder) if counts(name)}
