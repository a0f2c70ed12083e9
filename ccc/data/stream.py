"""Reading of training shards with webdataset: epochs of batches, the same for the same seed, workers and ranks."""

import dataclasses
import functools
import hashlib
import io
import itertools
import os
import random
import tarfile
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import simplejpeg

from ccc.codebook import Codebook, ColorGrid
from ccc.core.errors import CCCError
from ccc.data.shards import read_statistics

AGAIN = "write the shard again with `ccc shard`"


@dataclasses.dataclass(frozen=True)
class Stream:
    """One epoch of samples from shards, the same for the same seed, epoch, workers and ranks.

    Each sample comes once over all workers and ranks, but for the last few that fill no batch (`partial` gives these
    too). `crop`: side of the gray crop, a multiple of 4; None takes the whole picture. `buffer`: samples among which
    a worker draws the next. `skip`: batches that are read and thrown away at the start, to resume within an epoch:
    what follows is what would have followed. `even`: every rank stops after `steps` batches; ranks that wait for each
    other at every step need it, because shards do not divide evenly.
    """

    shards: Sequence[str | os.PathLike]
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

        Raises CCCError where there are fewer shards than readers, and naming the shard where it is damaged, holds
        another number of samples than the JSON beside it says, or a sample that is not what `ccc shard` writes.
        """
        for gray, classes, _ in self._keyed():
            yield gray, classes

    def keys(self) -> list[str]:
        """Keys, in their shards, of the samples of the first batch that `compact` would give; for messages."""
        return [f"{key:09d}" for _, _, keys in itertools.islice(self._keyed(), 1) for key in keys.tolist()]

    def _keyed(self) -> Iterator[tuple]:
        import webdataset as wds

        readers = max(self.workers, 1) * self.world
        if len(self.shards) < readers:
            raise CCCError(
                f"{len(self.shards)} shards cannot feed {self.world} rank(s) x {max(self.workers, 1)} worker(s): "
                f"use fewer workers or write at least {readers} shards"
            )
        shuffle = (
            [wds.shuffle(self.buffer, initial=self.buffer, rng=self._generator("samples"))] if self.shuffle else []
        )
        dataset = wds.DataPipeline(
            wds.SimpleShardList(self._shards_of(self.rank)),
            wds.split_by_worker,
            self._read,
            *([shuffle] if self.shuffle else []),
            wds.map(self._decoded),
            wds.batched(self.batch_size, collation_fn=_collated),
            _with_errors,
        )
        loader = wds.WebLoader(
            dataset, batch_size=None, num_workers=self.workers, prefetch_factor=4 if self.workers else None
        )
        # The last batches of the workers are smaller: their samples make full ones together.
        batches = loader.compose(_raised).unbatched().batched(self.batch_size, _collated, partial=self.partial)
        end = self.steps() if self.even else None
        for number, batch in enumerate(batches):  # to the end: a shard that lacks samples is noticed there
            if number >= self.skip and (end is None or number < end):
                yield batch

    def steps(self) -> int:
        """Batches that every rank has in this epoch (the least of all ranks), `skip` included.

        Reads the statistics beside the shards; raises CCCError where one is missing or broken.
        """
        samples = {shard: facts["samples"] for shard, facts in self._facts().items()}
        counts = [sum(samples[shard] for shard in self._shards_of(rank)) for rank in range(self.world)]
        return min(-(-count // self.batch_size) if self.partial else count // self.batch_size for count in counts)

    def _facts(self) -> dict[str, dict]:
        return dict(zip(map(os.path.abspath, self.shards), read_statistics(self.shards), strict=True))

    def _generator(self, use: str) -> random.Random:
        return random.Random(f"{self.seed} {self.epoch} {self.rank if use == 'samples' else ''} {use}")

    def _shards_of(self, rank: int) -> list[str]:
        # Absolute: webdataset takes a name that begins with `pipe:` or `http:` for a command or an address.
        shards = [os.path.abspath(shard) for shard in self.shards]
        if self.shuffle:
            self._generator("shards").shuffle(shards)
        return shards[rank :: self.world]

    def _read(self, shards: Iterable[dict]) -> Iterator[dict]:
        """Samples of the shards, as many from each as its JSON says."""
        import webdataset as wds

        facts = self._facts()
        for shard in shards:
            url, found = shard["url"], 0
            try:
                for sample in wds.tarfile_samples([shard]):
                    found += 1
                    yield sample | {"facts": facts[url]}
            except (tarfile.TarError, OSError, ValueError) as error:
                raise CCCError(f"{url}: cannot be read ({str(error).splitlines()[0]}); {AGAIN}") from None
            if found != facts[url]["samples"]:
                raise CCCError(f"{url}: holds {found} samples, its JSON says {facts[url]['samples']}; {AGAIN}")

    def _decoded(self, sample: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gray uint8 `(1, H, W)`, class indices int16 `(H/4, W/4)` and key int64 of a sample, cropped and flipped."""
        try:
            gray = simplejpeg.decode_jpeg(sample["gray.jpg"], colorspace="GRAY")[..., 0]
            key, size, map_size = int(sample["__key__"]), sample["facts"]["size"], sample["facts"]["map_size"]
            header, data = _npy_header(map_size), sample["classes.npy"]
            if gray.shape != (size, size) or not data.startswith(header):
                raise ValueError(f"not a gray picture of {size}x{size} with uint16 classes of {map_size}x{map_size}")
            classes = np.frombuffer(data, np.uint16, offset=len(header)).reshape(map_size, map_size)
            if classes.max() >= ColorGrid().size:
                raise ValueError(f"class {classes.max()}")
        except (KeyError, ValueError, EOFError) as error:
            raise CCCError(
                f"{sample['__url__']}: sample {sample['__key__']} cannot be read ({error}); {AGAIN}"
            ) from None
        gray, classes = self._augmented(sample["__key__"], gray, self.codebook.lookup[classes].astype(np.int16))
        return gray[None], classes, np.int64(key)

    def _augmented(self, key: str, gray: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Crop and flip, the same for gray and classes; drawn by the sample's key, whoever reads it and when."""
        words = f"{self.seed} {self.epoch} {key}".encode()
        drawn = int.from_bytes(hashlib.blake2b(words, digest_size=16).digest())  # a tenth of a generator's time
        if self.crop is not None and self.crop < gray.shape[0]:
            step = gray.shape[0] // classes.shape[0]
            cells = self.crop // step
            free = classes.shape[0] - cells
            drawn, place = divmod(drawn, (free + 1) ** 2)
            top, left = divmod(place, free + 1) if self.shuffle else (free // 2, free // 2)
            gray = gray[top * step : top * step + self.crop, left * step : left * step + self.crop]
            classes = classes[top : top + cells, left : left + cells]
        if self.flip and drawn % 2:
            gray, classes = gray[:, ::-1], classes[:, ::-1]
        return gray, classes


@functools.cache
def _npy_header(map_size: int) -> bytes:
    """How a class map's file begins: compared whole, where NumPy would parse it anew for every sample."""
    file, classes = io.BytesIO(), np.zeros((map_size, map_size), np.uint16)
    np.save(file, classes)
    return file.getvalue()[: -classes.nbytes]


def _collated(samples: Sequence[tuple]) -> tuple:
    """A tensor for each part of the samples, which are arrays in the worker and tensors after it."""
    import torch

    parts = zip(*samples, strict=True)
    return tuple(torch.stack(part) if torch.is_tensor(part[0]) else torch.from_numpy(np.stack(part)) for part in parts)


def _with_errors(batches: Iterable) -> Iterator:
    """Batches, and at the end the CCCError that stopped them: torch makes tracebacks of what workers raise."""
    try:
        yield from batches
    except CCCError as error:
        yield error


def _raised(batches: Iterable) -> Iterator:
    for batch in batches:
        if isinstance(batch, CCCError):
            raise batch
        yield batch
