"""An index: the chosen photographs of a source in order, with the positions of their bytes.

One scan of the source serves any number of shard jobs, each of which reads its own rows of the index and bytes of the
source. A manifest beside the index (JSON) records how the photographs were chosen.
"""

import dataclasses
import functools
import itertools
import json
import os
import shlex
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ccc.core.errors import CCCError, did_you_mean
from ccc.core.files import write_json, written_whole
from ccc.core.stored import reading
from ccc.data.sources import Entry, Source

FORMAT = "ccc-index-2"
ROWS = 8192  # of a row group, the unit that a shard job reads
COLUMNS = ("member", "offset", "size", "modified")  # fields of an Entry
BATCH = 65_536  # entries held as Python objects during a scan


@dataclasses.dataclass(frozen=True)
class Choice:
    """Which pictures of a source to use, and in which order. Equal choices give equal pictures.

    `classes`: only pictures of these classes (see `class_of`); `seed`: shuffle with it, None to keep the order;
    `per_class`, `limit`: most pictures of each class and in all, the first in that order.
    """

    classes: tuple[str, ...] = ()
    per_class: int | None = None
    limit: int | None = None
    seed: int | None = None

    def words(self) -> str:
        """The choice in words, such as "at random (seed 0), at most 96 of each class"."""
        parts = [f"of the classes {', '.join(self.classes)}"] if self.classes else []
        parts.append("in the source's order" if self.seed is None else f"at random (seed {self.seed})")
        parts += [f"at most {self.per_class} of each class"] if self.per_class is not None else []
        parts += [f"at most {self.limit} in all"] if self.limit is not None else []
        return ", ".join(parts)


@functools.lru_cache(maxsize=1 << 16)
def class_of(folder: str) -> str:
    """Class of the pictures in a folder: the part after Places365's single letter, else the last folder; "" for none.

    `data_256/a/abbey` is "abbey", `data_256/a/apartment_building/outdoor` "apartment_building/outdoor", `train/cat`
    "cat".
    """
    parts = PurePosixPath(folder).parts
    for place, part in enumerate(parts[:-1]):
        if len(part) == 1 and part.isalpha():
            return "/".join(parts[place + 1 :])
    return parts[-1] if parts else ""


class Index:
    """Rows `member`, `offset`, `size`, `modified`, `class` of the chosen pictures, and `facts` about the source.

    Made by `of`, or opened by `open`, which reads rows from disk on demand.
    """

    def __init__(self, rows: pa.Table | pq.ParquetFile, facts: dict):
        self._rows, self.facts = rows, facts

    @classmethod
    def of(cls, source: Source, choice: Choice = Choice(), progress: Callable[[Iterable], Iterable] = iter) -> "Index":  # noqa: B008
        """Scan a source and choose pictures. Raises CCCError if the source is broken or no picture is chosen."""
        state = source.state()  # before the scan, so that a change during it makes the index stale
        table, names = _scanned(source, progress)
        codes = table["class"].to_numpy()
        chosen = _chosen(codes, names, choice, source.path)
        counts = np.bincount(codes[chosen], minlength=len(names))
        facts = {
            "format": FORMAT,
            "source": source.path.name,
            "kind": source.kind,
            "state": state,
            "found": len(table),
            "ignored": source.ignored,
            "refused_by_reason": dict(sorted(source.refused_by_reason.items())),
            "refused": [{"name": name, "reason": reason} for name, reason in source.refused],
            "chosen": len(chosen),
            "choice": dataclasses.asdict(choice),
            "words": f"{len(chosen):,} of {len(table):,} pictures, {choice.words()}",
            "classes": {
                names[code]: int(counts[code]) for code in sorted(np.flatnonzero(counts), key=lambda c: names[c])
            },
        }
        return cls(table.take(chosen) if len(chosen) < len(table) or choice.seed is not None else table, facts)

    def save(self, path: str | os.PathLike) -> None:
        """Write the index as Parquet and its manifest as JSON; equal sources and choices give equal bytes."""
        path = Path(path)
        write_json(path.with_suffix(".json"), {key: value for key, value in self.facts.items() if key != "state"})
        with written_whole(path) as aside:
            table = self._rows.replace_schema_metadata({"ccc": json.dumps(self.facts)})  # ty: ignore[missing-union-attribute]
            pq.write_table(table, aside, row_group_size=ROWS, compression="zstd", write_statistics=False)

    @classmethod
    def open(cls, path: str | os.PathLike, source: Source) -> "Index":
        """Open what `save` wrote. Raises CCCError if it is not an index, or the source has changed since."""
        command = shlex.join(["ccc", "index", str(source.path), "-o", str(path)])
        make_it, again = (f"make it {word}with `{command}`" for word in ("", "again "))
        if not Path(path).is_file():
            raise CCCError(f"{path}: no such index; {make_it}")
        with reading(path, "not an index", make_it, OSError):
            file = pq.ParquetFile(path)
            facts = json.loads(file.schema_arrow.metadata[b"ccc"])
            if facts["format"] != FORMAT:
                raise ValueError(f"its format is {facts['format']!r}, not {FORMAT!r}")
            _check(file, facts)
        change = "another kind of source" if facts["kind"] != source.kind else source.changed_since(facts["state"])
        if change:
            raise CCCError(f"{path}: stale, {source.path} has changed since it was indexed ({change}); {again}")
        return cls(file, facts)

    def __len__(self) -> int:
        return self.facts["chosen"]

    def entries(self, start: int, stop: int) -> list[Entry]:
        """Rows `start` to `stop`; from disk only their row groups are read."""
        if isinstance(self._rows, pa.Table):
            part = self._rows.slice(start, stop - start)
        else:
            first, last = start // ROWS, (stop - 1) // ROWS
            part = self._rows.read_row_groups(list(range(first, last + 1)), columns=list(COLUMNS))
            part = part.slice(start - first * ROWS, stop - start)
        if any(part[name].null_count for name in COLUMNS):
            raise CCCError("the index has empty rows; make it again with `ccc index`")
        columns = (part[name].to_pylist() for name in COLUMNS)
        return [
            Entry(member.decode("utf-8", "surrogateescape"), *place) for member, *place in zip(*columns, strict=True)
        ]


def _check(file: pq.ParquetFile, facts: dict) -> None:
    """Raise ValueError, KeyError or TypeError for an index of unexpected content."""
    types = [file.schema_arrow.field(name).type for name in COLUMNS]
    if types != [pa.binary(), pa.int64(), pa.int64(), pa.int64()]:
        raise ValueError(f"its columns are {', '.join(map(str, types))}")
    if file.metadata.num_rows != facts["chosen"]:
        raise ValueError(f"it has {file.metadata.num_rows} rows instead of {facts['chosen']}")
    if file.metadata.num_rows and file.metadata.row_group(0).num_rows > ROWS:
        raise ValueError(f"its row groups hold more than {ROWS} rows")
    wanted = {"kind": str, "state": dict, "refused_by_reason": dict, "refused": list}
    if wrong := [name for name, kind in wanted.items() if not isinstance(facts[name], kind)]:
        raise ValueError(f"it lacks usable {', '.join(wrong)}")
    keys = {"folder": ("folders", "fingerprint"), "archives": ("fingerprint",)}.get(
        facts["kind"], ("bytes", "mtime_ns")
    )
    if not all(key in facts["state"] for key in keys) or not isinstance(facts["state"].get("folders", {}), dict):
        raise ValueError("its state of the source is incomplete")


def _scanned(source: Source, progress: Callable[[Iterable], Iterable]) -> tuple[pa.Table, list[str]]:
    """All pictures of a source, with class numbers, and the names of the classes."""
    numbers: dict[str, int] = {}
    batches, entries = [], iter(progress(source.scan()))
    while batch := list(itertools.islice(entries, BATCH)):
        classes = [class_of(entry.member.rpartition("/")[0]) for entry in batch]
        columns = [pa.array([entry.member.encode("utf-8", "surrogateescape") for entry in batch], pa.binary())]
        columns += [pa.array([getattr(entry, name) for entry in batch], pa.int64()) for name in COLUMNS[1:]]
        columns += [pa.array([numbers.setdefault(name, len(numbers)) for name in classes], pa.int32())]
        batches.append(pa.record_batch(columns, [*COLUMNS, "class"]))
    return pa.Table.from_batches(batches), list(numbers)


def _chosen(codes: np.ndarray, names: Sequence[str], choice: Choice, source: Path) -> np.ndarray:
    """Positions of the pictures to use, in order."""
    codes_of = {
        name: [code for code, known in enumerate(names) if known == name or known.startswith(name + "/")]
        for name in choice.classes
    }
    if len(names) == 1 and (choice.classes or choice.per_class is not None) and not any(codes_of.values()):
        raise CCCError(
            f"{source}: its pictures are in no folders of classes, but all in one, {names[0]!r}: name it "
            "by classes if it is one, else omit classes and per-class, and use a limit"
        )
    order = np.arange(len(codes))
    if choice.seed is not None:
        order = np.random.default_rng(choice.seed).permutation(len(codes))
    if choice.classes:
        wanted = np.zeros(len(names), bool)
        for name, found in codes_of.items():
            if not found:
                hint = did_you_mean(name, names)
                raise CCCError(f"{source}: no class {name!r}: {hint}there are {len(names)}, such as {names[0]!r}")
            wanted[found] = True
        order = order[wanted[codes[order]]]
    if choice.per_class is not None:
        place = pd.Series(order).groupby(codes[order]).cumcount()  # rank of each picture in its class
        order = order[place < choice.per_class]
    return order[: choice.limit]
