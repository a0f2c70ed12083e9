"""Training shards: WebDataset tars of gray pictures and class maps, their histograms, the stream that reads them."""

import dataclasses
import functools
import hashlib
import io
import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import simplejpeg

from ccc.codebook import Codebook, ColorGrid
from ccc.errors import CCCError, ImageError
from ccc.files import write_json, written_whole
from ccc.images import central_square, read_rgbx, square
from ccc.index import Choice, Index
from ccc.jpeg import GrayEncoder
from ccc.kernels import classified, count
from ccc.resizing import planes_of, resized
from ccc.sources import Source, printable
from ccc.tars import TarWriter, is_plain, npy_header, read_samples

GRID = ColorGrid()
QUALITY = 92  # of the gray JPEGs; benchmarks/quality.py tells what another would cost
LARGE = 2048  # a wider or higher photograph is resized by Pillow: the same pixels, and no second copy of a huge picture


def make_sample(rgb: np.ndarray, size: int = 224, map_size: int = 56, fit: str = "crop"):
    """What training needs of one photograph.

    `rgb`: uint8 `(H, W, 3)`, or `(H, W, 4)` whose last channel means nothing. Returns the gray picture, uint8
    `(size, size)` holding L * 255 / 100; its class map, uint16 `(map_size, map_size)` of grid classes; and how many
    cells of the map lie outside the grid and were clamped. The map is the area mean of the float a and b planes of
    the resized picture, then Eq. 9. `size` is a multiple of `map_size`; `fit`: see `ccc.images.square`.
    """
    if size % map_size:
        raise ValueError(f"size must be a multiple of map_size, got {size} and {map_size}")
    if max(rgb.shape) > LARGE or rgb.shape[2] == 3:
        planes = planes_of(square(np.ascontiguousarray(rgb[..., :3]), size, fit))
    else:
        pixels = central_square(rgb) if fit == "crop" else rgb
        planes = planes_of(pixels) if pixels.shape[:2] == (size, size) else resized(pixels, size)
    return classified(planes, map_size, GRID.alpha, GRID.beta, GRID.delta)


def slice_of(count: int, shard: int, of: int) -> range:
    """Positions of shard number `shard` out of `of` contiguous, equal to within one, slices of `count` pictures."""
    return range(count * shard // of, count * (shard + 1) // of)


def write_shard(
    source: str | os.PathLike,
    path: str | os.PathLike,
    shard: int = 0,
    of: int = 1,
    size: int = 224,
    map_size: int = 56,
    fit: str = "crop",
    choice: Choice = Choice(),  # noqa: B008
    index: str | os.PathLike | None = None,
    progress: Callable[[Iterable, int], Iterable] = lambda items, total: items,
) -> dict:
    """Write one shard of a source: `NAME.tar`, `NAME.histogram.npy` and `NAME.json`; equal inputs give equal bytes.

    `source`: folder, archive or list (`ccc.sources.Source`); `path`: the tar to write; `shard`, `of`: which slice of
    the chosen pictures; `index`: what `ccc index` wrote of this source, or None to scan it now and make the `choice`.
    The tar holds `key.gray.jpg` and `key.classes.npy` a sample, where the key is the picture's position among those
    chosen. The histogram is int64 `(400,)`. The JSON counts samples, clamped cells and skipped pictures, by reason and
    by name, and in shard 0 what the source's scan refused; it is returned. A picture that cannot be read is skipped.
    The JSON appears last: a tar with its JSON beside it is finished. Raises CCCError where the source is no source,
    the index is stale, or no picture of the slice can be read.
    """
    path = Path(path)
    opened = Source(source)
    chosen = Index.of(opened, choice) if index is None else Index.open(index, opened)
    positions = slice_of(len(chosen), shard, of)
    if not positions:
        raise CCCError(f"{source}: {len(chosen)} pictures do not fill {of} shards; ask for at most {len(chosen)}")
    histogram = np.zeros(GRID.size, np.int64)
    clamped, samples, skipped = 0, 0, []
    npy, encode = npy_header((map_size, map_size)), GrayEncoder(size, QUALITY)
    statistics_path = path.with_suffix(".json")
    statistics_path.unlink(missing_ok=True)  # of an earlier run: from here on this shard is unfinished
    with (
        written_whole(statistics_path) as statistics_aside,
        written_whole(path.with_suffix(".histogram.npy")) as histogram_aside,
        written_whole(path) as aside,
    ):
        with TarWriter(aside) as tar:
            stream = zip(positions, opened.read(chosen.entries(positions.start, positions.stop)), strict=True)
            for position, (entry, data) in progress(stream, len(positions)):
                try:
                    if isinstance(data, ImageError):
                        raise data
                    pixels = read_rgbx(data, entry.member)
                except ImageError as error:
                    skipped.append({"name": printable(error.name), "reason": error.reason})
                    continue
                gray, classes, outside = make_sample(pixels, size, map_size, fit)
                del pixels  # the next photograph takes its memory, which is near
                tar.add(f"{position:09d}.gray.jpg", encode(gray))
                tar.add(f"{position:09d}.classes.npy", npy + classes.tobytes())
                count(classes, histogram)
                clamped += outside
                samples += 1
        if not samples:
            reasons = Counter(item["reason"] for item in skipped)
            raise CCCError(f"{source}: none of the {len(positions)} pictures can be read ({_reasons(reasons)})")
        with open(histogram_aside, "wb") as file:
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
            "sha256": tar.sha256,
            "skipped_by_reason": dict(sorted(Counter(item["reason"] for item in skipped).items())),
            "skipped": skipped,
            "refused_by_reason": chosen.facts["refused_by_reason"] if shard == 0 else {},
            "refused": chosen.facts["refused"] if shard == 0 else [],
        }
        write_json(statistics_aside, statistics)
    return statistics


def _reasons(reasons: Counter) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))


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
        if not isinstance(histogram, np.ndarray):
            raise CCCError(f"{path}: not a histogram but an archive; write the shard again with `ccc shard`")
        if histogram.shape != total.shape or histogram.dtype.kind not in "iu":
            raise CCCError(
                f"{path}: a histogram has {GRID.size} integers, this has {histogram.dtype} {histogram.shape}"
            )
        total += histogram
    return total


@dataclasses.dataclass(frozen=True)
class Stream:
    """One epoch of samples from shards, the same for the same seed, epoch, workers and ranks.

    Each sample comes once over all workers and ranks, but for the last few that fill no batch (`partial` gives these
    too). `crop`: side of the gray crop, a multiple of 4; None takes the whole picture. `buffer`: samples among which
    a worker draws the next. `skip`: batches to leave out at the start, without decoding them, to resume within an
    epoch: what follows is what would have followed. `even`: every rank stops after `steps` batches; ranks that wait
    for each other at every step need it, because shards do not divide evenly.
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
    even: bool = False

    def batches(self) -> Iterator[tuple]:
        """Batches of gray float32 `(N, 1, H, W)` in [0, 1] (L / 100) and class indices int64 `(N, H/4, W/4)`."""
        for gray, classes in self.compact():
            yield gray.float().div_(255), classes.long()

    def compact(self) -> Iterator[tuple]:
        """The same as uint8 `(N, 1, H, W)` in 0-255 and int16 `(N, H/4, W/4)`: a quarter of the bytes to a GPU.

        Raises CCCError where there are fewer shards than readers, or a shard is damaged.
        """
        for gray, classes, _ in self._keyed():
            yield gray, classes

    def keys(self) -> list[str]:
        """Keys, in their shards, of the samples of the first batch that `compact` would give; for messages."""
        return [f"{key:09d}" for _, _, keys in itertools.islice(self._keyed(), 1) for key in keys.tolist()]

    def _keyed(self) -> Iterator[tuple]:
        import torch
        import webdataset as wds

        readers = max(self.workers, 1) * self.world
        if len(self.shards) < readers:
            raise CCCError(
                f"{len(self.shards)} shards cannot feed {self.world} rank(s) x {max(self.workers, 1)} worker(s): "
                f"use fewer workers or write at least {readers} shards"
            )
        first, skips, left_over = self._where_to_resume()
        dataset = wds.DataPipeline(
            # Absolute: webdataset takes a name that begins with `pipe:` or `http:` for a command or an address.
            wds.SimpleShardList([os.path.abspath(shard) for shard in self._shards_of(self.rank)]),
            functools.partial(self._of_worker, first),
            _samples,
            functools.partial(self._shuffled, first),
            functools.partial(self._batched, first, skips),
        )
        loader = torch.utils.data.DataLoader(
            dataset, batch_size=None, num_workers=self.workers, prefetch_factor=4 if self.workers else None
        )
        batches = self._full(loader, left_over)
        if self.even:
            batches = itertools.islice(batches, max(self.steps() - self.skip, 0))
        yield from batches

    def steps(self) -> int:
        """Batches that every rank has in this epoch (the least of all ranks), `skip` included.

        Reads the statistics beside the shards; raises CCCError where one is missing.
        """
        samples = self._samples()
        counts = [sum(samples[shard] for shard in self._shards_of(rank)) for rank in range(self.world)]
        return min(-(-count // self.batch_size) if self.partial else count // self.batch_size for count in counts)

    def _samples(self) -> dict[str, int]:
        return {
            str(shard): item["samples"] for shard, item in zip(self.shards, read_statistics(self.shards), strict=True)
        }

    def _shards_of(self, rank: int) -> list[str]:
        order = list(map(str, self.shards))
        if self.shuffle:
            order = [order[i] for i in np.random.default_rng((self.seed, self.epoch, 0)).permutation(len(order))]
        return order[rank :: self.world]

    # Torch takes full batches from its workers in turn: the first of each, the second of each, and so on. To resume
    # at batch `skip` of that order, the worker whose turn it is has to come first, and each knows what it has given.
    def _where_to_resume(self) -> tuple[int, list[int], int]:
        """Which share of the shards the first worker takes, full batches to skip by share, left-over ones to skip."""
        shares = max(self.workers, 1)
        if not self.skip:
            return 0, [0] * shares, 0
        samples, shards = self._samples(), self._shards_of(self.rank)
        full = [sum(samples[shard] for shard in shards[share::shares]) // self.batch_size for share in range(shares)]
        turns = sorted((turn, share) for share, count in enumerate(full) for turn in range(count))
        skips = Counter(share for _, share in turns[: self.skip])
        first = turns[self.skip][1] if self.skip < len(turns) else 0
        return first, [skips[share] for share in range(shares)], max(self.skip - len(turns), 0)

    def _share(self, first: int) -> int:
        import torch

        info = torch.utils.data.get_worker_info()
        return (info.id + first) % info.num_workers if info else 0

    def _of_worker(self, first: int, shards):
        return itertools.islice(shards, self._share(first), None, max(self.workers, 1))

    def _shuffled(self, first: int, samples):
        if not self.shuffle:
            yield from samples
            return
        generator = np.random.default_rng((self.seed, self.epoch, 1, self.rank, self._share(first)))
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

    def _batched(self, first: int, skips: Sequence[int], samples):
        """The share's number with its batches, decoded; the last may be smaller."""
        import torch

        share = self._share(first)
        lookup = self.codebook.lookup.astype(np.int16)
        decode = _Decoder()
        samples = itertools.islice(samples, skips[share] * self.batch_size, None)
        while part := list(itertools.islice(samples, self.batch_size)):
            gray, classes = zip(*(self._augmented(sample, *decode(sample)) for sample in part), strict=True)
            keys = torch.tensor([int(sample["__key__"]) for sample in part])
            yield share, torch.from_numpy(np.stack(gray)[:, None]), torch.from_numpy(lookup[np.stack(classes)]), keys

    def _augmented(self, sample: dict, gray: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Crop and flip, the same for gray and classes; drawn by the sample's key, whoever reads it and when."""
        words = f"{self.seed} {self.epoch} {sample['__key__']}".encode()
        drawn = int.from_bytes(
            hashlib.blake2b(words, digest_size=16).digest()
        )  # a generator a sample costs ten times it
        if self.crop is not None and self.crop < gray.shape[0]:
            cells, crop_cells = classes.shape[0], self.crop * classes.shape[0] // gray.shape[0]
            step = gray.shape[0] // cells
            free = cells - crop_cells
            drawn, place = divmod(drawn, (free + 1) ** 2)
            top, left = divmod(place, free + 1) if self.shuffle else (free // 2, free // 2)
            gray = gray[top * step : top * step + self.crop, left * step : left * step + self.crop]
            classes = classes[top : top + crop_cells, left : left + crop_cells]
        if self.flip and drawn % 2:
            gray, classes = gray[:, ::-1], classes[:, ::-1]
        return gray, classes

    def _full(self, loader, left_over: int):
        """Full batches as they come; at the end those made of what the workers had left over."""
        import torch

        rests = []
        for share, *batch in loader:
            if len(batch[0]) == self.batch_size:
                yield tuple(batch)
            else:
                rests.append((share, *batch))
        if not rests:
            return
        rests.sort(key=lambda rest: rest[0])
        joined = [torch.cat([rest[part] for rest in rests]) for part in (1, 2, 3)]
        for start in range(left_over * self.batch_size, len(joined[0]), self.batch_size):
            end = start + self.batch_size
            if end <= len(joined[0]) or self.partial:
                yield tuple(part[start:end] for part in joined)


def _samples(shards: Iterable[dict]) -> Iterator[dict]:
    """Samples of the shards of WebDataset; shards that another program has packed again are read by its own reader."""
    import webdataset as wds

    for shard in shards:
        plain = is_plain(shard["url"])
        yield from read_samples(shard["url"]) if plain else wds.tarfile_samples([shard], handler=wds.reraise_exception)


class _Decoder:
    """Gray uint8 `(size, size)` and grid classes uint16 `(map_size, map_size)` of a sample of a shard."""

    def __init__(self):
        self._shape: tuple[int, ...] = ()
        self._header = b"?"

    def __call__(self, sample: dict) -> tuple[np.ndarray, np.ndarray]:
        try:
            gray = simplejpeg.decode_jpeg(sample["gray.jpg"], colorspace="GRAY")[..., 0]
            data = sample["classes.npy"]
            if not data.startswith(self._header):  # all maps of a shard share one header: it is parsed once
                self._shape = np.load(io.BytesIO(data), allow_pickle=False).shape
                self._header = npy_header(self._shape)
            return gray, np.frombuffer(data, np.uint16, offset=len(self._header)).reshape(self._shape)
        except (KeyError, ValueError, EOFError) as error:
            raise CCCError(
                f"{sample['__url__']}: sample {sample['__key__']} cannot be read ({error}); write the shard again"
            ) from None
