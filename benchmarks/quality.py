"""What the quality of the gray JPEGs in shards costs: bytes, encoding, decoding, and the error it leaves.

CPU time, shortest of several rounds, on gray pictures of 224x224 as `ccc.data.shards` makes them.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import simplejpeg
from shards import write_photographs

from ccc.core.images import read_rgb
from ccc.data.shards import QUALITY, encoded, make_sample
from ccc.data.sources import Source


def shortest(function, items: list, rounds: int = 7) -> float:
    """Microseconds an item."""
    times = []
    for _ in range(rounds):
        started = time.process_time()
        for item in items:
            function(item)
        times.append(time.process_time() - started)
    return min(times) / len(items) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=Path, help="folder to take from (default: scikit-image's own)")
    parser.add_argument("--count", type=int, default=250)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photographs.tar"
        write_photographs(path, arguments.photographs, arguments.count)
        source = Source(path)
        grays = [make_sample(read_rgb(data))[0] for _, data in source.read(source.entries())]
    print("| quality | bytes | encoding, us | decoding, us | mean error, gray levels |")
    print("|---|---:|---:|---:|---:|")
    for quality in sorted({90, 95, QUALITY}):

        def encode(gray, quality=quality):
            return encoded(gray, quality)

        def decoded(jpeg):
            return simplejpeg.decode_jpeg(jpeg, colorspace="GRAY")[..., 0]

        jpegs = [encode(gray) for gray in grays]
        errors = [np.abs(decoded(jpeg).astype(float) - gray).mean() for jpeg, gray in zip(jpegs, grays, strict=True)]
        print(
            f"| {quality} | {statistics.mean(map(len, jpegs)):,.0f} | {shortest(encode, grays):.0f} "
            f"| {shortest(decoded, jpegs):.0f} | {statistics.mean(errors):.2f} |"
        )


if __name__ == "__main__":
    main()
