"""What the network was trained on: how many photographs, how they were chosen, and which were left out, and why."""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ccc.errors import CCCError
from ccc.shards import read_statistics


def training_data(manifests: Mapping[str, str | os.PathLike], shards: Sequence[str | os.PathLike]) -> list[dict]:
    """One row a split, from the manifests of `ccc index` (by split) and the statistics beside the shards.

    A shard belongs to the split whose name its folder has; where there is one split, to that. A row holds `split`,
    `source`, `choice` (words), `samples`, `skipped` (unreadable pictures, by reason), `refused` (archive members that
    no job may read, by reason) and `ignored` (other files). Raises CCCError where a file is missing or broken.
    """
    rows = []
    for split, path in manifests.items():
        mine = [shard for shard in map(Path, shards) if len(manifests) == 1 or shard.parent.name == split]
        try:
            manifest = json.loads(Path(path).read_text())
        except (OSError, ValueError) as error:
            raise CCCError(f"{path}: no manifest ({error}); make it with `ccc index`") from None
        statistics = read_statistics(mine)
        skipped: Counter[str] = Counter()
        for item in statistics:
            skipped.update(item["skipped_by_reason"])
        rows.append(
            {
                "split": split,
                "source": manifest["source"],
                "choice": manifest["words"],
                "samples": sum(item["samples"] for item in statistics),
                "skipped": dict(sorted(skipped.items())),
                "refused": manifest["refused_by_reason"],
                "ignored": manifest["ignored"],
            }
        )
    return rows
