"""Reading of training shards with webdataset: batches are determined by seed, epoch, workers and ranks."""

import dataclasses
import functools
import hashlib
import io
import os
import random
import signal
import tarfile
import threading
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import simplejpeg
import torch
from webdataset import filters, pipeline, shardlists
from webdataset.tariterators import group_by_keys

from ccc.codebook import Codebook, ColorGrid
from ccc.core.errors import CCCError
from ccc.core.files import sha256
from ccc.core.processes import STOPS
from ccc.data.shards import AGAIN, read_statistics

LARGEST_MEMBER = 1 << 26  # bytes; `ccc shard` writes smaller members


@dataclasses.dataclass(frozen=True)
class Stream:
    """One epoch of samples from shards, determined by seed, epoch, workers and ranks.

    Each sample occurs once over all workers and ranks, except the last ones that do not fill a batch (`partial`
    includes them). `crop`: side of the gray crop, a multiple of 4; None for the whole picture. `buffer`: size of a
    worker's shuffle buffer. `skip`: batches to discard at the start, which resumes an epoch exactly. `even`: every rank
    stops after `steps` batches; needed where ranks wait for each other at every step, since shards differ in size.
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
        """`batches` as uint8 `(N, 1, H, W)` in 0-255 and int16 `(N, H/4, W/4)`: a quarter of the bytes to a GPU.

        Raises CCCError if there are fewer shards than readers, and naming the shard if it does not match its JSON
        (SHA-256, number of samples) or holds an invalid sample.
        """
        return next(self.epochs())

    def epochs(self) -> Iterator[Iterator[tuple]]:
        """Yield the batches of `compact` for this epoch, then for each later one from its start, without end.

        Worker processes persist, since starting them takes longer than a small epoch.
        """
        stream, loader = self, self._loader()
        while True:
            yield ((gray, classes) for gray, classes, _ in stream._batches(loader))
            stream = dataclasses.replace(stream, epoch=stream.epoch + 1, skip=0)

    def keys(self) -> list[str]:
        """Keys of the samples in the first batch of `compact`; for messages."""
        return next((keys for _, _, keys in self._batches(self._loader())), [])

    def _loader(self) -> torch.utils.data.DataLoader:
        readers = max(self.workers, 1) * self.world
        if len(self.shards) < readers:
            raise CCCError(
                f"{len(self.shards)} shards cannot feed {self.world} rank(s) x {max(self.workers, 1)} worker(s): "
                f"use fewer workers or write at least {readers} shards"
            )
        return torch.utils.data.DataLoader(
            _Epoch(self),
            batch_size=None,
            num_workers=self.workers,
            worker_init_fn=_obey_parent,
            prefetch_factor=4 if self.workers else None,
            persistent_workers=self.workers > 0,
        )

    def _batches(self, loader: torch.utils.data.DataLoader) -> Iterator[tuple]:
        """Batches with the keys of their samples: full ones first, then those joined from the workers' last ones."""
        loader.dataset.epoch.fill_(self.epoch)  # ty: ignore[missing-attribute] # an _Epoch
        end = self.steps() if self.even else None
        batches = self._full(loader)
        for number, batch in enumerate(batches):  # reads to the end, where missing samples are detected
            if number >= self.skip and (end is None or number < end):
                yield batch

    def _full(self, loader: torch.utils.data.DataLoader) -> Iterator[tuple]:
        rests = []
        for batch in loader:
            if isinstance(batch, CCCError):
                raise batch
            if len(batch[0]) == self.batch_size:
                yield batch  # unchanged: stacking samples again doubled this process's time
            else:
                rests.append(batch)
        yield from filters.batched(self.batch_size, _collated, partial=self.partial)(filters.unbatched()(rests))

    def _pipeline(self, facts: dict[str, dict], worker: int, workers: int) -> pipeline.DataPipeline:
        """Pipeline of one of `workers` workers in this epoch; its last batch may be smaller."""
        seed = f"{self.seed} {self.epoch} {self.rank}"
        return pipeline.DataPipeline(
            # Not webdataset's split_by_worker, which reads the environment variable WORKER.
            shardlists.SimpleShardList(self._shards_of(self.rank)[worker::workers]),
            functools.partial(_samples, facts),
            filters.shuffle(self.buffer, initial=self.buffer, seed=seed) if self.shuffle else None,
            filters.map(self._decoded),
            filters.batched(self.batch_size, _collated),
            _with_errors,
        )

    def steps(self) -> int:
        """Number of batches that every rank has in this epoch (the minimum over ranks), including `skip`.

        Reads the statistics beside the shards; raises CCCError if one is missing or broken.
        """
        samples = {shard: facts["samples"] for shard, facts in self._facts().items()}
        counts = [sum(samples[shard] for shard in self._shards_of(rank)) for rank in range(self.world)]
        return min(-(-count // self.batch_size) if self.partial else count // self.batch_size for count in counts)

    def _facts(self) -> dict[str, dict]:
        """Statistics of each shard by its absolute path."""
        shards = [os.path.abspath(os.fspath(shard)) for shard in self.shards]
        facts = dict(zip(shards, read_statistics(self.shards), strict=True))
        first = next(iter(facts.values()))
        size, fit = first["size"], first["fit"]
        for url, item in facts.items():
            if (item["size"], item["map_size"], item["fit"]) != (size, size // 4, fit):
                found = f"pictures of {item['size']} pixels with {item['map_size']} classes a side by {item['fit']}"
                raise CCCError(f"{url}: {found}, where {size} with {size // 4} by {fit} are needed; {AGAIN}")
        return facts

    def _shards_of(self, rank: int) -> list[str]:
        # Absolute, since webdataset interprets names that begin with `pipe:` or `http:`.
        shards = [os.path.abspath(shard) for shard in self.shards]
        if self.shuffle:
            random.Random(f"{self.seed} {self.epoch}").shuffle(shards)
        return shards[rank :: self.world]  # webdataset's split_by_node would split what the first rank validates on

    def _decoded(self, sample: dict) -> tuple[np.ndarray, np.ndarray, str]:
        """Gray uint8 `(1, H, W)`, class indices int16 `(H/4, W/4)` and key of a sample, cropped and flipped."""
        key, size = sample["__key__"], sample["size"]
        try:
            if (found := simplejpeg.decode_jpeg_header(sample["gray.jpg"])[:2]) != (size, size):
                raise ValueError(f"a picture of {found[1]}x{found[0]}, where {size}x{size} is needed")
            # Not OpenCV, which fills in the missing part of a truncated JPEG.
            gray = simplejpeg.decode_jpeg(sample["gray.jpg"], colorspace="GRAY")[..., 0]
            header, data = _npy_header(size // 4), sample["classes.npy"]
            if gray.shape != (size, size) or not data.startswith(header):
                raise ValueError(f"not a gray picture of {size}x{size} with uint16 classes of {size // 4}x{size // 4}")
            classes = np.frombuffer(data, np.uint16, offset=len(header)).reshape(size // 4, size // 4)
            if classes.max() >= ColorGrid().size:
                raise ValueError(f"class {classes.max()}")
        except KeyError as error:
            raise CCCError(f"{sample['__url__']}: sample {key} has no {error.args[0]}; {AGAIN}") from None
        except ValueError as error:
            raise CCCError(f"{sample['__url__']}: sample {key} cannot be read ({error}); {AGAIN}") from None
        gray, classes = self._augmented(key, gray, self.codebook.lookup[classes].astype(np.int16))
        return gray[None], classes, key

    def _augmented(self, key: str, gray: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Crop and flip gray and classes alike; the random draw depends only on seed, epoch and the sample's key."""
        words = f"{self.seed} {self.epoch} {key}".encode("utf-8", "surrogateescape")
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


class _Epoch(torch.utils.data.IterableDataset):
    """A stream's batches in the epoch whose number is in memory shared by all processes."""

    def __init__(self, stream: Stream):
        self.stream, self.facts, self.epoch = stream, stream._facts(), torch.zeros(1, dtype=torch.int64).share_memory_()

    def __iter__(self) -> Iterator:
        info = torch.utils.data.get_worker_info()
        worker = (info.id, info.num_workers) if info else (0, 1)
        return iter(dataclasses.replace(self.stream, epoch=self.epoch.item())._pipeline(self.facts, *worker))


def _obey_parent(worker: int) -> None:
    """Ignore stop signals except the parent's, since a batch scheduler signals all processes of a job."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    while signal.sigwaitinfo(STOPS).si_pid != os.getppid():
        pass
    os._exit(0)  # as torch's own handler, which cannot ignore signals of other processes


@functools.cache  # not in every epoch
def _sha256_of(path: str, size: int, modified: int) -> str:
    return sha256(path)


def _samples(facts: dict[str, dict], shards: Iterable[dict]) -> Iterator[dict]:
    """Yield the shards' samples with the `size` in their JSON; checks SHA-256 and number of samples."""
    for shard in shards:
        url, found = shard["url"], 0
        try:
            found_file = os.stat(url)
            if _sha256_of(url, found_file.st_size, found_file.st_mtime_ns) != facts[url]["sha256"]:
                raise CCCError(f"{url}: is not the file that its JSON describes (another SHA-256); {AGAIN}")
            for sample in group_by_keys(_members(url)):
                found += 1
                sample["size"] = facts[url]["size"]
                yield sample
        except (OSError, tarfile.TarError, ValueError, EOFError) as error:
            reason = getattr(error, "strerror", None) or str(error.args[0] if error.args else error)
            raise CCCError(f"{url}: cannot be read ({reason}); {AGAIN}") from None
        if found != facts[url]["samples"]:
            raise CCCError(f"{url}: holds {found} samples, its JSON says {facts[url]['samples']}; {AGAIN}")


def _members(url: str) -> Iterator[dict]:
    """Yield a tar's files for webdataset's grouping; its own reader does not limit the size of members."""
    with tarfile.open(url, "r:") as tar:
        for member in tar:
            if not 0 <= member.size <= LARGEST_MEMBER:
                raise ValueError(f"{member.name!r} of {member.size:,} bytes")
            if member.isreg() and (file := tar.extractfile(member)):
                yield {"fname": member.name, "data": file.read(), "__url__": url}
            tar.members = []  # ty: ignore[missing-attribute] # else it keeps them all


@functools.cache
def _npy_header(map_size: int) -> bytes:
    """First bytes of a class map's file; comparing them is faster than NumPy's parsing."""
    file, classes = io.BytesIO(), np.zeros((map_size, map_size), np.uint16)
    np.save(file, classes)
    return file.getvalue()[: -classes.nbytes]


def _collated(samples: Sequence[tuple]) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    gray, classes, keys = zip(*samples, strict=True)
    return torch.from_numpy(np.stack(gray)), torch.from_numpy(np.stack(classes)), list(keys)


def _with_errors(batches: Iterable) -> Iterator:
    """Yield batches, and a CCCError as the last item: torch would turn a raised one into a traceback."""
    try:
        yield from batches
    except CCCError as error:
        yield error
