"""Benchmark sets: a seeded choice of pictures, with truth and gray version at evaluation size."""

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from ccc.assets.photographs import Dataset
from ccc.color import gray_of
from ccc.core.errors import CCCError, ImageError, NothingUsable
from ccc.core.files import file_name, printable, sha256, write_csv
from ccc.core.images import read_rgb, resize_short_side, square, write_png
from ccc.core.stored import read_rows
from ccc.data.datasets import select
from ccc.data.likeness import perceptual_hash
from ccc.data.sources import Entry, Source
from ccc.settings.evaluation import Preparation

PARTS = ("truth", "gray")
DEFAULTS = Preparation.model_construct()  # without validation, since `source` has no default


def picture_names(members: Sequence[str]) -> list[str]:
    """Distinct file names of archive members: the stem, preceded by folders where two stems are equal.

    `ccc.core.files.file_name` makes them printable and short. They differ by more than case, for any file system.
    """
    taken: dict[str, int] = {}
    names = []
    for member in members:
        stem = PurePosixPath(os.path.splitext(member.replace("\0", ""))[0])
        parts = [part for part in stem.parts if part not in ("/", "..")] or ["picture"]
        options = (file_name("__".join(parts[-depth:])) for depth in range(1, len(parts) + 1))
        name = next((option for option in options if option.casefold() not in taken), None)
        while name is None or name.casefold() in taken:
            stem = file_name(parts[-1])
            taken[stem.casefold()] += 1
            name = f"{stem}__{taken[stem.casefold()]}"
        taken[name.casefold()] = 1
        names.append(name)
    return names


def prepare(
    source: str | os.PathLike | Source,
    folder: str | os.PathLike,
    count: int | None = DEFAULTS.n,  # ty: ignore[invalid-parameter-default] # a number
    seed: int = DEFAULTS.seed,
    side: int | None = DEFAULTS.side,  # ty: ignore[invalid-parameter-default] # a number
    dataset: Dataset | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
    pick: str = DEFAULTS.pick,
    protocol: str = DEFAULTS.protocol,
) -> tuple[int, list[ImageError]]:
    """Write `manifest.csv`, `truth/*.png` and `gray/*.png` beneath `folder`.

    `count`: pictures to pick, None for all; `pick`: "random" with `seed`, or "first" by name; `side`: short side of the
    truth in pixels, None to keep each picture's size; `protocol`: "keep_aspect" scales the short side, "center_crop"
    takes the central square first, "squash" changes the aspect; `dataset`: the set whose archive `source` is, to take
    only its official part. An unreadable picture is skipped and replaced by the next. The manifest, sorted by name,
    holds name, source (path or archive member), source_sha256 (of the picture file), perceptual_hash (of its picture,
    see `ccc.data.likeness`), sha256 (of the truth's PNG), width, height, and protocol if not "keep_aspect". Returns the
    number of pictures, and the errors of those skipped. Raises CCCError if no picture can be read, the archive does not
    match the dataset, or a protocol that needs a side has none.
    """
    if side is None and protocol != DEFAULTS.protocol:
        raise CCCError(f"{protocol} needs a side in pixels, not `keep`")
    folder = Path(folder)
    opened = source if isinstance(source, Source) else Source(source)
    source, entries = opened.path, opened.entries()
    if dataset:
        entries = [entries[i] for i in select(dataset, [entry.member for entry in entries], Path(source).parent)]
    _check_apart(opened, entries, folder)
    # By file name before folder, which keeps ImageNet's order when its pictures are in class folders.
    by_name = sorted(range(len(entries)), key=lambda i: (PurePosixPath(entries[i].member).name, entries[i].member))
    order = by_name if pick == "first" else np.random.default_rng(seed).permutation(len(entries))
    wanted = len(entries) if count is None else count
    names = picture_names([printable(entry.member) for entry in entries])
    rows, skipped, position = [], [], 0
    while len(rows) < wanted and position < len(order):
        batch = sorted(order[position : position + wanted - len(rows)])
        position += len(batch)
        read = opened.read([entries[i] for i in batch])
        for name, (entry, data) in zip(progress([names[i] for i in batch]), read, strict=True):
            try:
                if isinstance(data, ImageError):
                    raise data
                shown = read_rgb(data, entry.member)
                truth = shown if side is None else _scaled(shown, side, protocol, entry.member)
            except ImageError as error:
                skipped.append(error)
                continue
            known = _hashes(hashlib.sha256(data).hexdigest(), shown)
            known |= {} if protocol == DEFAULTS.protocol else {"protocol": protocol}
            rows.append(_write_pair(folder, name, truth, printable(entry.member), known))
    if not rows:
        raise NothingUsable(f"{source}: none of its {len(entries)} pictures can be read; the first: {skipped[0]}")
    _forget(folder, {row["name"] for row in rows})
    write_csv(folder / "manifest.csv", sorted(rows, key=lambda row: row["name"]))
    return len(rows), skipped


def _check_apart(source: Source, entries: Sequence[Entry], folder: Path) -> None:
    """Raises CCCError if pictures lie where the results are written, also by a link."""
    written = {(folder / part).resolve() for part in PARTS if (folder / part).is_dir()}
    root = {"folder": source.path, "list": source.path.parent}.get(source.kind)
    if root and any(not written.isdisjoint((root / entry.member).resolve().parents) for entry in entries if written):
        raise CCCError(f"{source.path}: would be overwritten by the results; give another folder with -o")


def _scaled(picture: np.ndarray, side: int, protocol: str, name: str) -> np.ndarray:
    if protocol == "keep_aspect":
        return resize_short_side(picture, side, name)
    return square(picture, side, {"center_crop": "crop", "squash": "stretch"}[protocol])


def _forget(folder: Path, names: set[str]) -> None:
    """Remove pictures that only the existing manifest names."""
    try:
        before = {row["name"] for row in read_rows(folder / "manifest.csv", "name")}
    except (OSError, ValueError, CCCError):
        return
    for name in before - names:
        for part in PARTS:
            (folder / part / PurePosixPath(f"{name}.png").name).unlink(missing_ok=True)


def _write_pair(folder: Path, name: str, truth: np.ndarray, source: str, known: dict) -> dict:
    path = folder / "truth" / f"{name}.png"
    write_png(path, truth)
    write_png(folder / "gray" / f"{name}.png", gray_of(truth))
    height, width = truth.shape[:2]
    return {"name": name, "source": source, **known, "sha256": sha256(path), "width": width, "height": height}


def _hashes(digest: str, picture: np.ndarray) -> dict:
    return {"source_sha256": digest, "perceptual_hash": f"{perceptual_hash(picture):016x}"}


def showcase(benchmarks: Sequence[str | os.PathLike], folder: str | os.PathLike, pictures: Sequence[str] = ()) -> int:
    """Copy pictures of prepared benchmarks into a benchmark of their own, for Table III; returns their number.

    `benchmarks`: folders written by `prepare`; `pictures`: names as `dataset/picture`, by default eight, the first of
    each benchmark in turn. Raises CCCError naming a missing picture.
    """
    folders = {Path(path).name: Path(path) for path in benchmarks}
    if not pictures:
        lists = {name: sorted(path.stem for path in (where / "truth").glob("*.png")) for name, where in folders.items()}
        turns = [f"{name}/{stems[turn]}" for turn in range(8) for name, stems in lists.items() if turn < len(stems)]
        pictures = turns[:8]
    rows = []
    for picture in pictures:
        dataset, _, name = picture.partition("/")
        path = folders.get(dataset, Path()) / "truth" / f"{name}.png"
        if dataset not in folders or not path.is_file():
            known = ", ".join(folders)
            raise CCCError(f"showcase: no picture {picture!r}: give DATASET/PICTURE, of {known} and its manifest.csv")
        truth = read_rgb(path)
        rows.append(_write_pair(Path(folder), f"{dataset}__{name}", truth, picture, _hashes(sha256(path), truth)))
    write_csv(Path(folder) / "manifest.csv", sorted(rows, key=lambda row: row["name"]))
    return len(rows)
