"""Training samples computed from the photographs, as one writes it first, beside `ccc.data.stream.Stream` over shards.

Both run with the same number of workers and shuffle, and give batches as `ccc train` takes them: uint8 gray and int16
classes. Naive: a torch Dataset that decodes with Pillow and computes L and class map with scikit-image, a sample at a
time. Fast: WebDataset over shards, with its shuffle buffer. The time is CPU time of the process and its workers, and
on an idle machine wall time too.
"""

import argparse
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from shards import naive_sample, write_photographs

from ccc.codebook import Codebook
from ccc.data.index import Index
from ccc.data.shards import sum_histograms, write_shard
from ccc.data.sources import Source
from ccc.data.stream import Stream


class Naive(torch.utils.data.Dataset):
    def __init__(self, jpegs: list[bytes], lookup: np.ndarray):
        self.jpegs, self.lookup = jpegs, lookup

    def __len__(self) -> int:
        return len(self.jpegs)

    def __getitem__(self, number: int):
        gray, classes = naive_sample(self.jpegs[number])
        return torch.from_numpy(gray)[None], torch.from_numpy(self.lookup[classes])


def timed(batches) -> tuple[float, float]:
    """CPU and wall time of an epoch, in microseconds a sample."""

    def used() -> float:
        return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

    cpu, wall, samples = used(), time.perf_counter(), 0
    for gray, _ in batches:
        samples += len(gray)
    return (used() - cpu) / samples * 1e6, (time.perf_counter() - wall) / samples * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=Path, help="folder to take from (default: scikit-image's own)")
    parser.add_argument("--count", type=int, default=100, help="photographs of the naive epoch")
    parser.add_argument("--repeat", type=int, default=40, help="the shards hold as many times as many samples")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        source, index = folder / "photographs.tar", folder / "index.parquet"
        write_photographs(source, arguments.photographs, arguments.count * arguments.repeat)
        Index.of(Source(source)).save(index)
        shards = [folder / f"{number}.tar" for number in range(4 * max(arguments.workers, 1))]
        for number, shard in enumerate(shards):
            write_shard(source, shard, number, len(shards), index=index)
        book = Codebook.fit(sum_histograms([shard.with_suffix(".histogram.npy") for shard in shards]), 1)
        jpegs = [data for _, data in Source(source).read(Source(source).entries()[: arguments.count])]
        naive, fast = [], []
        for epoch in range(arguments.rounds):
            loader = torch.utils.data.DataLoader(
                Naive(jpegs, book.lookup.astype(np.int16)),
                arguments.batch_size,
                shuffle=True,
                num_workers=arguments.workers,
            )
            naive.append(timed(loader))
            fast.append(
                timed(Stream(shards, book, arguments.batch_size, epoch=epoch, workers=arguments.workers).compact())
            )
    print(f"{arguments.workers} workers, batches of {arguments.batch_size}, shuffle buffer {Stream.buffer} a worker")
    print(
        f"medians of {arguments.rounds} interleaved rounds, "
        f"{len(jpegs)} naive and {len(jpegs) * arguments.repeat} fast samples each"
    )
    for place, clock in enumerate(("CPU", "wall")):
        slow, quick = (statistics.median(times[place] for times in kind) for kind in (naive, fast))
        print(f"{clock:4}: naive {slow:7.0f}, fast {quick:6.0f} us a sample: {slow / quick:.1f}x")


if __name__ == "__main__":
    main()
