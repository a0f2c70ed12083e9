"""Training shards: WebDataset tars of gray pictures and class maps, their histograms, the stream that reads them."""

import dataclasses
import io
import json
import os
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ccc.codebook import Codebook, ColorGrid, area_mean
from ccc.color import rgb_to_lab
from ccc.errors import CCCError, ImageError
from ccc.files import sha256, write_json, written_whole
from ccc.images import Entry, Source, read_rgb, square

GRID = ColorGrid()


def make_sample(rgb: np.ndarray, size: int = 224, map_size: int = 56, fit: str = "crop"):
    """What training needs of one photograph.

    `rgb`: uint8 `(H, W, 3)`. Returns the gray picture, uint8 `(size, size)` holding L * 255 / 100; its class map,
    uint16 `(map_size, map_size)` of grid classes; and how many cells of the map lie outside the grid and were clamped.
    The map is the area mean of the float a and b planes of the resized picture, then Eq. 9.
    """
    lab = rgb_to_lab(square(rgb, size, fit))
    gray = np.rint(lab[..., 0] * 2.55).clip(0, 255).astype(np.uint8)
    ab = area_mean(lab[..., 1:], map_size)
    return gray, GRID.encode(ab).astype(np.uint16), int(GRID.clamped(ab).sum())


def slice_of(count: int, shard: int, of: int) -> range:
    """Positions of shard number `shard` out of `of` contiguous, equal to within one, slices of `count` pictures."""
    return range(count * shard // of, count * (shard + 1) // of)


def choose(entries: Sequence[Entry], limit: int | None = None, seed: int | None = None) -> list[Entry]:
    """The pictures to use: all, or the first `limit`; shuffled first where a `seed` is given. Always the same ones."""
    entries = list(entries)
    if seed is not None:
        entries = [entries[i] for i in np.random.default_rng(seed).permutation(len(entries))]
    return entries[:limit]


def write_shard(
    source: str | os.PathLike,
    path: str | os.PathLike,
    shard: int = 0,
    of: int = 1,
    size: int = 224,
    map_size: int = 56,
    fit: str = "crop",
    limit: int | None = None,
    seed: int | None = None,
    progress: Callable[[Sequence], Sequence] = iter,
) -> dict:
    """Write one shard of a source: `NAME.tar`, `NAME.histogram.npy` and `NAME.json`; equal inputs give equal bytes.

    `source`: folder, archive or list (`ccc.images.Source`); `path`: the tar to write; `shard`, `of`: which slice of the
    chosen pictures; `limit`, `seed`: see `choose`. The tar holds `key.gray.jpg` and `key.classes.npy` a sample, where
    the key is the picture's position among those chosen. The histogram is int64 `(400,)`. The JSON counts samples,
    clamped cells and skipped pictures, by reason and by name; it is returned. A picture that cannot be read is
    skipped. Raises CCCError where the source is no source, or no picture of the slice can be read.
    """
    path = Path(path)
    opened = Source(source)
    chosen = choose(opened.entries(), limit, seed)
    positions = slice_of(len(chosen), shard, of)
    if not positions:
        raise CCCError(f"{source}: {len(chosen)} pictures do not fill {of} shards; ask for at most {len(chosen)}")
    histogram = np.zeros(GRID.size, np.int64)
    clamped, samples, skipped = 0, 0, []
    with written_whole(path) as aside:
        with tarfile.open(aside, "w", format=tarfile.USTAR_FORMAT) as tar:
            stream = zip(positions, opened.read([chosen[i] for i in positions]), strict=True)
            for position, (entry, data) in progress(stream):
                try:
                    if isinstance(data, ImageError):
                        raise data
                    gray, classes, outside = make_sample(read_rgb(data, entry.member), size, map_size, fit)
                except ImageError as error:
                    skipped.append({"name": error.name, "reason": error.reason})
                    continue
                jpeg, npy = io.BytesIO(), io.BytesIO()
                Image.fromarray(gray).save(jpeg, "JPEG", quality=95)
                np.save(npy, classes)
                _add(tar, f"{position:09d}.gray.jpg", jpeg.getvalue())
                _add(tar, f"{position:09d}.classes.npy", npy.getvalue())
                histogram += np.bincount(classes.ravel(), minlength=GRID.size)
                clamped += outside
                samples += 1
        if not samples:
            reasons = Counter(item["reason"] for item in skipped)
            raise CCCError(f"{source}: none of the {len(positions)} pictures can be read ({_reasons(reasons)})")
    with written_whole(path.with_suffix(".histogram.npy")) as aside, open(aside, "wb") as file:
        np.save(file, histogram)
    statistics = {
        "format": "ccc-shard-1",
        "shard": shard,
        "of": of,
        "samples": samples,
        "size": size,
        "map_size": map_size,
        "fit": fit,
        "cells": samples * map_size**2,
        "clamped_cells": clamped,
        "sha256": sha256(path),
        "skipped_by_reason": dict(sorted(Counter(item["reason"] for item in skipped).items())),
        "skipped": skipped,
        "refused": [{"name": name, "reason": reason} for name, reason in opened.refused] if shard == 0 else [],
    }
    write_json(path.with_suffix(".json"), statistics)
    return statistics


def _reasons(reasons: Counter) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)  # mtime 0, owner 0: nothing of this machine or moment
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def read_statistics(shards: Sequence[str | os.PathLike]) -> list[dict]:
    """The JSON beside each shard tar. Raises CCCError naming the first that is missing or broken."""
    found = []
    for shard in map(Path, shards):
        path = shard.with_suffix(".json")
        try:
            found.append(json.loads(path.read_text()))
        except (OSError, json.JSONDecodeError) as error:
            raise CCCError(f"{path}: cannot be read ({error}); write the shard again with `ccc shard`") from None
    return found


def sum_histograms(paths: Sequence[str | os.PathLike]) -> np.ndarray:
    """Sum of the shards' histograms: int64 `(400,)`. Raises CCCError naming a file that is no histogram."""
    total = np.zeros(GRID.size, np.int64)
    for path in paths:
        try:
            histogram = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise CCCError(f"{path}: not a histogram ({error}); write the shard again with `ccc shard`") from None
        if histogram.shape != total.shape or histogram.dtype.kind not in "iu":
            raise CCCError(
                f"{path}: a histogram has {GRID.size} integers, this has {histogram.dtype} {histogram.shape}"
            )
        total += histogram
    return total


@dataclasses.dataclass(frozen=True)
class Stream:
    """One epoch of samples from shards, the same for the same seed, epoch, workers and ranks.

    Each sample comes once over all workers and ranks. `crop`: side of the gray crop, a multiple of 4; None takes the
    whole picture. `skip`: batches to leave out at the start, without decoding them, to resume within an epoch.
    """

    shards: Sequence[str]
    codebook: Codebook
    batch_size: int
    crop: int | None = None
    shuffle: bool = True
    flip: bool = True
    seed: int = 0
    epoch: int = 0
    workers: int = 0
    buffer: int = 2000
    rank: int = 0
    world: int = 1
    skip: int = 0
    partial: bool = False

    def batches(self) -> Iterator[tuple]:
        """Batches of gray float32 `(N, 1, H, W)` in [0, 1] (L / 100) and class indices int64 `(N, H/4, W/4)`."""
        import torch
        import webdataset as wds

        readers = max(self.workers, 1) * self.world
        if len(self.shards) < readers:
            raise CCCError(
                f"{len(self.shards)} shards cannot feed {self.world} rank(s) x {max(self.workers, 1)} worker(s): "
                f"use fewer workers or write at least {readers} shards"
            )
        order = list(map(str, self.shards))
        if self.shuffle:
            order = [order[i] for i in np.random.default_rng((self.seed, self.epoch, 0)).permutation(len(order))]
        mine = order[self.rank :: self.world]
        dataset = wds.DataPipeline(
            wds.SimpleShardList(mine),
            wds.split_by_worker,
            wds.tarfile_to_samples(handler=wds.reraise_exception),
            self._shuffled,
            self._decoded,
            wds.batched(self.batch_size, collation_fn=_collate, partial=self.partial),
        )
        loader = torch.utils.data.DataLoader(
            dataset, batch_size=None, num_workers=self.workers, prefetch_factor=4 if self.workers else None
        )
        for number, batch in enumerate(loader):
            if number >= self.skip:
                yield batch

    def _shuffled(self, samples):
        if not self.shuffle:
            yield from samples
            return
        generator = np.random.default_rng((self.seed, self.epoch, 1, self.rank, _worker()))
        held = []
        for sample in samples:
            if len(held) < self.buffer:
                held.append(sample)
                continue
            place = generator.integers(len(held))
            held[place], sample = sample, held[place]
            yield sample
        generator.shuffle(held)
        yield from held

    def _decoded(self, samples):
        for sample in samples:
            gray = np.asarray(Image.open(io.BytesIO(sample["gray.jpg"])))
            classes = np.load(io.BytesIO(sample["classes.npy"]), allow_pickle=False)
            generator = np.random.default_rng((self.seed, self.epoch, 2, int(sample["__key__"])))
            if self.crop is not None and self.crop < gray.shape[0]:
                cells, crop_cells = classes.shape[0], self.crop * classes.shape[0] // gray.shape[0]
                step = gray.shape[0] // cells
                free = cells - crop_cells
                top, left = generator.integers(free + 1, size=2) if self.shuffle else (free // 2, free // 2)
                gray = gray[top * step : top * step + self.crop, left * step : left * step + self.crop]
                classes = classes[top : top + crop_cells, left : left + crop_cells]
            if self.flip and generator.random() < 0.5:
                gray, classes = gray[:, ::-1], classes[:, ::-1]
            yield gray, self.codebook.lookup[classes]


def _worker() -> int:
    import torch

    info = torch.utils.data.get_worker_info()
    return info.id if info else 0


def _collate(samples):
    import torch

    gray = np.stack([gray for gray, _ in samples])
    classes = np.stack([classes for _, classes in samples])
    return torch.from_numpy(gray)[:, None].float().div_(255), torch.from_numpy(classes)
