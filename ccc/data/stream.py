"""Reading of training shards: epochs of batches, the same for the same seed, workers and ranks."""

import dataclasses
import functools
import hashlib
import io
import itertools
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import simplejpeg

from ccc.codebook import Codebook
from ccc.core.errors import CCCError
from ccc.data.shards import read_statistics
from ccc.data.tars import is_plain, npy_header, read_samples


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
