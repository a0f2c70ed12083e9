"""How well perceptual hashes tell copies from others, and what they cost: the figures of docs/metrics.md.

  python benchmarks/leakage.py --benchmarks data/benchmarks/* --training data/*/train_256.tar data/*/val_256.tar
Copies are made of the first photographs of the training sources; pairs are all of a benchmark's with all of theirs.
"""

import argparse
import itertools
import time

import cv2
import numpy as np

from ccc.core.errors import ImageError
from ccc.core.images import read_rgb
from ccc.data.leakage import NEAR
from ccc.data.likeness import perceptual_hash
from ccc.data.sources import Source


def jpeg(rgb: np.ndarray, quality: int) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def scaled(rgb: np.ndarray, factor: float) -> np.ndarray:
    return cv2.resize(rgb, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)


def cut(rgb: np.ndarray, share: float) -> np.ndarray:
    """Without `share` of the height and of the width, half of it on each side."""
    rows, columns = (round(side * share / 2) for side in rgb.shape[:2])
    return rgb[rows : rgb.shape[0] - rows, columns : rgb.shape[1] - columns]


COPIES = {
    **{f"JPEG quality {quality}": lambda rgb, quality=quality: jpeg(rgb, quality) for quality in (30, 10)},
    **{f"{factor} times the size": lambda rgb, factor=factor: scaled(rgb, factor) for factor in (0.5, 2)},
    **{f"{share:.0%} of the sides cut off": lambda rgb, share=share: cut(rgb, share) for share in (0.02, 0.04, 0.1)},
    "mirrored": lambda rgb: rgb[:, ::-1],
}


def photographs(sources):
    for source in map(Source, sources):
        for _, data in source.read(source.entries()):
            if not isinstance(data, ImageError):
                yield read_rgb(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--benchmarks", nargs="+", required=True)
    parser.add_argument("--training", nargs="+", required=True)
    parser.add_argument("--copies", type=int, default=500)
    args = parser.parse_args()

    some = list(itertools.islice(photographs(args.training), args.copies))
    hashes = [perceptual_hash(rgb) for rgb in some]
    print(f"copies of {len(some)} photographs within {NEAR} of 64 bits:")
    for name, copy in COPIES.items():
        bits = [
            (own ^ perceptual_hash(np.ascontiguousarray(copy(rgb)))).bit_count()
            for own, rgb in zip(hashes, some, strict=True)
        ]
        print(f"  {name}: {np.mean(np.array(bits) <= NEAR):.1%}")
    start = time.process_time()
    for rgb in some:
        perceptual_hash(rgb)
    side = sorted(min(rgb.shape[:2]) for rgb in some)[len(some) // 2]
    print(f"a hash: {1e6 * (time.process_time() - start) / len(some):.0f} us, short side {side} in the median")

    known = np.array([perceptual_hash(rgb) for rgb in photographs(args.training)], np.uint64)
    wanted = np.array([perceptual_hash(rgb) for rgb in photographs(args.benchmarks)], np.uint64)
    distances = np.stack([np.bitwise_count(known ^ one) for one in wanted])
    pairs = f"{distances.size:,} pairs of {len(wanted)} benchmark photographs with {len(known):,} others"
    print(f"{pairs}, the nearest {distances.min()} bits apart:")
    for bits in range(NEAR, 15):
        print(f"  within {bits}: {(distances <= bits).sum()}")
    many, few = np.resize(known, 1_800_000), wanted[:50]
    start = time.perf_counter()
    for one in few:
        np.bitwise_count(many ^ one).argmin()
    seconds = 5000 / len(few) * (time.perf_counter() - start)
    print(f"5,000 against 1.8 million: {seconds:.0f} s, from {len(few)} of them")


if __name__ == "__main__":
    main()
