"""What the gray JPEGs of shards lose by their quality, and photographs by the way they are resized.

First bytes, encoding and decoding (CPU time, shortest of several rounds) and the error left, on gray pictures of
224x224 as `ccc.data.shards` makes them. Then how near OpenCV's interpolations come to Pillow's Lanczos, in dB of PSNR,
by how much a side shrinks: where INTER_AREA overtakes INTER_CUBIC, `ccc.data.shards` changes from one to the other.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from PIL import Image
from shards import write_photographs

from ccc.core.images import read_rgb
from ccc.data.shards import MUCH, QUALITY, encoded, make_sample
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


def resizing(pictures: list[np.ndarray], side: int = 112) -> None:
    """Print a table; `pictures`: uint8 `(256, 256, 3)`."""
    ways = {"INTER_CUBIC": cv2.INTER_CUBIC, "INTER_AREA": cv2.INTER_AREA}
    print(f"\n| shrinks by | {', dB | '.join(ways)}, dB |\n|---|---:|---:|")
    for factor in (1.05, 8 / 7, 1.25, MUCH, 1.5, 1.75, 2, 2.25):
        ratios = {name: [] for name in ways}
        for picture in pictures:
            piece = np.ascontiguousarray(picture[: round(side * factor), : round(side * factor)])
            exact = np.asarray(Image.fromarray(piece).resize((side, side), Image.Resampling.LANCZOS))
            for name, way in ways.items():
                ratios[name].append(cv2.PSNR(cv2.resize(piece, (side, side), interpolation=way), exact))
        print(f"| {factor:.2f} | {' | '.join(f'{statistics.mean(values):.1f}' for values in ratios.values())} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=Path, help="folder to take from (default: scikit-image's own)")
    parser.add_argument("--count", type=int, default=250)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photographs.tar"
        write_photographs(path, arguments.photographs, arguments.count)
        source = Source(path)
        pictures = [read_rgb(data) for _, data in source.read(source.entries())]
    grays = [make_sample(picture)[0] for picture in pictures]
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
    resizing(pictures)


if __name__ == "__main__":
    main()
