"""Whether benchmark pictures are among the training photographs, by file hash and perceptual hash.

The perceptual hash survives resizing and JPEG compression. It misses crops, mirrored pictures and other photographs of
the same place.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pydantic
from typing_extensions import TypedDict

from ccc.core.errors import CCCError, few
from ccc.core.files import sha256
from ccc.core.stored import LOOSE, Count, read_rows, read_table, reading
from ccc.data.likeness import SCHEMA, SUFFIX
from ccc.data.shards import AGAIN

FORMAT = "ccc-leakage-1"


@pydantic.with_config(LOOSE)
class Leakage(TypedDict):
    """What `compare` returns."""

    format: Literal["ccc-leakage-1"]
    benchmark: str
    pictures: Count
    near_bits: Count
    compared: dict[str, Count]
    exact: list[dict[str, str]]
    near: list[dict[str, str | int]]


NEAR = 8  # most differing bits; docs/metrics.md measures hits and false alarms


def read_pictures(shards: Sequence[str | os.PathLike], statistics: Sequence[dict]) -> pa.Table:
    """Hashes of all photographs in these shards, each with its `split`.

    `shards`: tars, the name of whose folder is the split; `statistics`: of `ccc.data.shards.read_statistics`. Raises
    CCCError if a file is not the one that the JSON describes.
    """
    tables = []
    for shard, facts in zip(map(Path, shards), statistics, strict=True):
        path = shard.with_suffix(SUFFIX)
        if not path.is_file() or sha256(path) != facts["pictures_sha256"]:
            raise CCCError(f"{path}: missing or not of this shard; {AGAIN}")
        with reading(path, "holds no hashes of photographs", AGAIN):
            table = read_table(path, SCHEMA)
            if not len(table) or any(column.null_count for column in table.columns):
                raise ValueError("rows are missing")
        tables.append(table.append_column("split", pa.array([shard.absolute().parent.name] * len(table))))
    return pa.concat_tables(tables)


def compare(manifest: str | os.PathLike, shards: Sequence[str | os.PathLike], statistics: Sequence[dict]) -> dict:
    """Search the photographs of shards for each picture of a benchmark.

    `manifest`: of `ccc prepare`; `shards`, `statistics`: see `read_pictures`. Returns `benchmark`, its number of
    `pictures`, `compared` (photographs by split), `near_bits`, and the lists `exact` (equal bytes) and `near` (the
    nearest other photograph, if hashes differ in at most `near_bits`), each with `picture`, the photograph `found`, its
    `split` and for `near` the `distance` in bits. Raises CCCError for an invalid manifest.
    """
    manifest = Path(manifest)
    with reading(manifest, "holds no hashes of pictures", "write the benchmark again with `ccc prepare`"):
        rows = read_rows(manifest, "name", "source_sha256", "perceptual_hash")
        hashes_of = [np.uint64(int(row["perceptual_hash"], 16)) for row in rows]
        wanted = pa.array([bytes.fromhex(row["source_sha256"]) for row in rows], pa.binary(32))
        if not rows or not all(row["name"] for row in rows):
            raise ValueError("no names")
    facts = {"format": FORMAT, "benchmark": manifest.absolute().parent.name, "pictures": len(rows), "near_bits": NEAR}
    known = read_pictures(shards, statistics)
    same = known.filter(pc.field("sha256").isin(wanted))
    same = {line["sha256"].hex(): line for line in same.to_pylist()}
    hashes, exact, near = known["hash"].to_numpy(), [], []
    for row, wanted_hash in zip(rows, hashes_of, strict=True):
        if line := same.get(row["source_sha256"]):
            exact.append({"picture": row["name"], "found": line["name"], "split": line["split"]})
            continue
        distances = np.bitwise_count(hashes ^ wanted_hash)
        place = int(distances.argmin())
        if distances[place] <= NEAR:
            line = known.slice(place, 1).to_pylist()[0]
            found = {"picture": row["name"], "found": line["name"], "split": line["split"]}
            near.append(found | {"distance": int(distances[place])})
    counts = {item["values"]: item["counts"] for item in known["split"].value_counts().to_pylist()}
    return facts | {"compared": counts, "exact": exact, "near": near}


def words(facts: dict) -> str:
    """The result of `compare` as a sentence, naming the first few pictures."""
    among = " and ".join(f"{count:,} of {split}" for split, count in facts["compared"].items())
    found = [f"{item['picture']} ({item['found']}, {item['split']})" for item in facts["exact"] + facts["near"]]
    return (
        f"of {facts['pictures']} pictures {len(facts['exact'])} are among CCC's photographs ({among}), byte for byte, "
        f"and {len(facts['near'])} nearly (hashes differ in at most {facts['near_bits']} of 64 bits)"
        + (f": {few(found)}" if found else "; another shot of the same place is not seen")
    )
