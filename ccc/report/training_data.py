"""The training data: number of photographs, their selection, and which were left out, and why."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pydantic
from typing_extensions import TypedDict

from ccc.core.stored import LOOSE, Count, read_json
from ccc.data.shards import read_statistics


@pydantic.with_config(LOOSE)
class _Manifest(TypedDict):
    source: str
    words: str
    refused_by_reason: dict[str, Count]
    ignored: Count


def training_data(results: str | os.PathLike, shards: Sequence[str | os.PathLike]) -> list[dict]:
    """One row a split: the folder `shards` lie in names it, and its manifest is `results/index/<split>.json`.

    `shards`: tars of `ccc shard` with their statistics beside them. A row holds `split`, `source`, `choice` (words),
    `samples`, `skipped` (unreadable pictures, by reason), `refused` (archive members that no job may read, by reason)
    and `ignored` (other files, a number). Raises CCCError where a file is missing or broken.
    """
    rows = []
    for split in dict.fromkeys(Path(shard).parent.name for shard in shards):
        path = Path(results) / "index" / f"{split}.json"
        manifest = read_json(path, "manifest", "make it with `ccc index`", _Manifest)
        statistics = read_statistics([shard for shard in shards if Path(shard).parent.name == split])
        skipped = sum((Counter(item["skipped_by_reason"]) for item in statistics), Counter())
        rows.append({
            "split": split, "source": manifest["source"], "choice": manifest["words"],
            "samples": sum(item["samples"] for item in statistics), "skipped": dict(sorted(skipped.items())),
            "refused": manifest["refused_by_reason"], "ignored": manifest["ignored"],
        })  # fmt: skip
    return rows
