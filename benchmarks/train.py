"""Training in pictures a second: loader alone, compute alone, both; what the step waits for, memory, and its bounds.

  python benchmarks/train.py --device cpu --encoder mobilenet_v2 --crop 128 --batch 16 --steps 10
  python benchmarks/train.py --precision bfloat16 --workers 8 --shards 'results/shards/train/*.tar'
Without --shards it writes some from the photographs that scikit-image ships. The compute bound is the floating-point
operations of a step over the rate of a large matrix product in the same precision; the bandwidth bound is the bytes
that its operators read and write, each on its own, over the rate of a large copy: both measured in this run.
"""

import argparse
import glob
import itertools
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from ccc.codebook import Codebook
from ccc.core import devices
from ccc.core.images import write_png
from ccc.data.shards import sum_histograms, write_shard
from ccc.data.stream import Stream
from ccc.settings.training import Recipe
from ccc.training.distributed import Ranks
from ccc.training.learner import DTYPES, Learner

VIEWS = ("view", "transpose", "permute", "expand", "slice", "select", "t", "alias", "detach", "unsqueeze", "squeeze")


class Traffic(TorchDispatchMode):
    """Bytes of all tensors that operators take and give, but for those that only look at a tensor otherwise."""

    bytes = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        if function._schema.name.split("::")[1].strip("_") not in VIEWS:
            self.bytes += sum(x.nbytes for x in tree_leaves((args, kwargs, out)) if isinstance(x, torch.Tensor))
        return out


def own_shards(folder: Path, count: int, shards: int) -> list[Path]:
    """`count` crops of 256x256 of scikit-image's photographs, as shards of 224x224."""
    from skimage import data

    generator = np.random.default_rng(0)
    pictures = [picture for picture in (data.astronaut(), data.coffee(), data.chelsea(), data.rocket())]
    for number in range(count):
        picture = pictures[number % len(pictures)]
        top, left = (int(generator.integers(side - 256 + 1)) for side in picture.shape[:2])
        write_png(folder / "pictures" / f"{number:05d}.png", picture[top : top + 256, left : left + 256])
    paths = [folder / f"{number:05d}.tar" for number in range(shards)]
    for number, path in enumerate(paths):
        write_shard(folder / "pictures", path, number, shards)
    return paths


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def timed(function, device: torch.device, rounds: int) -> float:
    """Shortest seconds of a call."""
    times = []
    for _ in range(rounds):
        wait(device)
        started = time.perf_counter()
        function()
        wait(device)
        times.append(time.perf_counter() - started)
    return min(times)


def peaks(device: torch.device, dtype: torch.dtype) -> tuple[float, float]:
    """Floating-point operations a second of a matrix product, bytes a second of a copy."""
    side = 8192 if device.type == "cuda" else 2048
    one, other = (torch.rand(side, side, device=device).to(dtype) for _ in range(2))
    flops = 2 * side**3 / timed(lambda: one @ other, device, 5)
    source = torch.rand(2**28 if device.type == "cuda" else 2**26, device=device)
    target = torch.empty_like(source)
    return flops, 2 * source.nbytes / timed(lambda: target.copy_(source), device, 5)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", help="pattern of shard tars")
    parser.add_argument("--encoder", default="densenet121")
    parser.add_argument("--decoder", default="plain")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--crop", type=int)
    parser.add_argument("--precision", default="float32", choices=list(DTYPES))
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--device")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    device = devices.choose(args.device)
    with tempfile.TemporaryDirectory() as folder:
        given = sorted(glob.glob(args.shards)) if args.shards else None
        paths = given or own_shards(Path(folder), max(4 * args.batch, 256), max(args.workers, 1))
        codebook = Codebook.fit(sum_histograms([Path(path).with_suffix(".histogram.npy") for path in paths]), 20)
        measure(args, device, [str(path) for path in paths], codebook)


def measure(args, device: torch.device, paths: list[str], codebook: Codebook) -> None:
    settings = Recipe(
        encoder=args.encoder, decoder=args.decoder, batch_size=args.batch, precision=args.precision,
        compile=args.compile,
    )  # fmt: skip
    learner = Learner(settings, codebook, Ranks(0, 1, device))

    def moved(part: torch.Tensor) -> torch.Tensor:
        return part.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else part

    def step(number: int, gray: torch.Tensor, classes: torch.Tensor) -> None:
        learner.learn(number, moved(gray).float().div_(255), moved(classes).long())

    stream = Stream(paths, codebook, args.batch, args.crop, workers=args.workers)
    batches = itertools.chain.from_iterable(stream.epochs())
    gray, classes = next(batches)
    for number in range(3):
        step(number, gray, classes)
    wait(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()

    def drain() -> None:
        """Take what the workers read ahead while they were not asked, which is not their speed."""
        for _ in range(4 * args.workers):
            next(batches)

    drain()
    started = time.perf_counter()
    for _ in range(args.steps):
        next(batches)
    loader = args.steps * args.batch / (time.perf_counter() - started)

    started = time.perf_counter()
    for number in range(args.steps):
        step(number, gray, classes)
    wait(device)
    compute = args.steps * args.batch / (time.perf_counter() - started)

    drain()
    waited, started = 0.0, time.perf_counter()
    for number in range(args.steps):
        asked = time.perf_counter()
        gray, classes = next(batches)
        waited += time.perf_counter() - asked
        step(number, gray, classes)
    wait(device)
    took = time.perf_counter() - started
    both = args.steps * args.batch / took

    if device.type == "cuda":
        name, memory = torch.cuda.get_device_name(device), torch.cuda.max_memory_allocated()
    else:
        name = f"{device.type}, {torch.get_num_threads()} thread(s)"
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    # Last, because dynamo never again uses a compiled network that a dispatch mode has watched. Backward is taken as
    # twice forward: torch's counter knows no groups there and counts depthwise ones many times.
    with FlopCounterMode(display=False) as forward, torch.no_grad():
        learner.model(moved(gray).float())
    with Traffic() as traffic:
        step(4, gray, classes)
    rate, bandwidth = peaks(device, DTYPES[args.precision])
    by_compute = rate / (3 * forward.get_total_flops() / args.batch)
    by_bandwidth = bandwidth / (traffic.bytes / args.batch)
    side = gray.shape[-1]
    print(f"{args.encoder} with {args.decoder} decoder, {codebook.size} classes, batch {args.batch} at {side}x{side},")
    print(f"{args.precision}{', compiled' if args.compile else ''}, {args.workers} worker(s), on {name}")
    print(f"  loader alone   {loader:9.1f} images/s")
    print(f"  compute alone  {compute:9.1f} images/s")
    print(f"  end to end     {both:9.1f} images/s; {waited / took:.1%} of the time spent waiting for data")
    print(f"  peak memory    {memory / 2**20:9.1f} MiB{'' if device.type == 'cuda' else ' of the process'}")
    for kind, bound, speed in (
        ("compute bound  ", by_compute, f"{rate / 1e9:.1f} GFLOP/s"),
        ("bandwidth bound", by_bandwidth, f"{bandwidth / 1e9:.1f} GB/s"),
    ):
        print(f"  {kind}{bound:9.1f} images/s at {speed}, of which {both / bound:.1%}")


if __name__ == "__main__":
    main()
