"""Sharding as one writes it first, beside `ccc.data.shards`: CPU time a photograph, and what decoding alone takes.

All three read the same JPEGs of 256x256 pixels (4:2:0) by the same index from one tar, in turns. Naive:
Pillow, scikit-image's `rgb2lab` and `resize` to the class map, `webdataset.ShardWriter`. Decode only: read and decode
to RGB, by the decoder that `ccc.data.shards` uses, and nothing else.
"""

import argparse
import io
import resource
import statistics
import tempfile
from pathlib import Path

import numpy as np
import webdataset as wds
from PIL import Image
from skimage.color import rgb2lab
from skimage.transform import resize

from ccc.core.images import read_rgb, square
from ccc.data.index import Index
from ccc.data.shards import QUALITY, write_shard
from ccc.data.sources import Source


def write_photographs(path: Path, folder: Path | None, count: int, quality: int = 90) -> int:
    """Write a tar of `count` JPEGs of 256x256 from the photographs in a folder, else from scikit-image's; mean size."""
    if folder:
        found = [read_rgb(data) for _, data in Source(folder).read(Source(folder).entries()[:count])]
    else:
        from skimage import data

        whole = [
            getattr(data, name)()
            for name in ("astronaut", "chelsea", "coffee", "rocket", "retina", "immunohistochemistry")
        ]
        found = [rgb[top::2, left::2][:300, :300] for rgb in whole for top in (0, 1) for left in (0, 1)]
    encoded = []
    for rgb in found:
        file = io.BytesIO()
        Image.fromarray(square(rgb, 256)).save(file, "JPEG", quality=quality)
        encoded.append(file.getvalue())
    with open(path, "wb") as file, wds.TarWriter(file) as tar:
        for number in range(count):
            tar.write({"__key__": f"data_256/p/photographs/{number:08d}", "jpg": encoded[number % len(encoded)]})
    return round(statistics.mean(map(len, encoded)))


def naive_sample(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Gray, uint8 (224, 224), and grid classes, uint16 (56, 56), as one writes it first."""
    picture = Image.open(io.BytesIO(data)).convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)
    lab = rgb2lab(np.asarray(picture))
    ab = resize(lab[..., 1:], (56, 56), anti_aliasing=True)
    bins = np.clip(np.floor((ab + 100) / 10), 0, 19).astype(np.uint16)
    return np.rint(lab[..., 0] * 2.55).astype(np.uint8), bins[..., 1] * 20 + bins[..., 0]


def naive(source: Path, index: Path, output: Path) -> None:
    """The whole tar to one shard, with its histogram."""
    opened = Source(source)
    listed = Index.open(index, opened)
    histogram = np.zeros(400, np.int64)
    with wds.ShardWriter(str(output / "naive-%06d.tar"), maxcount=10**9, maxsize=1e12, verbose=0) as writer:
        for number, (_, data) in enumerate(opened.read(listed.entries(0, len(listed)))):
            gray, classes = naive_sample(data)
            jpeg = io.BytesIO()
            Image.fromarray(gray).save(jpeg, "JPEG", quality=QUALITY)
            writer.write({"__key__": f"{number:09d}", "gray.jpg": jpeg.getvalue(), "classes.npy": classes})
            histogram += np.bincount(classes.ravel(), minlength=400)


def decode_only(source: Path, index: Path, output: Path) -> None:
    opened = Source(source)
    listed = Index.open(index, opened)
    for _, data in opened.read(listed.entries(0, len(listed))):
        read_rgb(data)


def fast(source: Path, index: Path, output: Path) -> None:
    write_shard(source, output / "fast.tar", index=index)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=Path, help="folder to take from (default: scikit-image's own)")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--quality", type=int, default=75, help="of the JPEGs read (75: as large as Places365's)")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        source, index = folder / "photographs.tar", folder / "index.parquet"
        size = write_photographs(source, arguments.photographs, arguments.count, arguments.quality)
        Index.of(Source(source)).save(index)
        times: dict[str, list[tuple[float, float]]] = {"naive": [], "fast": [], "decode only": []}
        for turn in range(arguments.rounds + 1):
            for name, function in zip(times, (naive, fast, decode_only), strict=True):
                with tempfile.TemporaryDirectory(dir=folder) as output:  # removing what was written is nobody's time
                    before = resource.getrusage(resource.RUSAGE_SELF)
                    function(source, index, Path(output))
                    after = resource.getrusage(resource.RUSAGE_SELF)
                    used = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
                    if turn:  # the first compiles and warms
                        times[name].append(tuple(part / arguments.count * 1e6 for part in (sum(used), used[1])))
    middle = {name: statistics.median(total for total, _ in values) for name, values in times.items()}
    print(
        f"{arguments.count} JPEGs of 256x256, {size} bytes in the mean; "
        f"medians of {arguments.rounds} interleaved rounds"
    )
    for name, value in middle.items():
        system = statistics.median(system for _, system in times[name])
        print(f"{name:12} {value:8.0f} us a photograph (CPU), {system:.0f} of them the system's")
    print(f"fast is {middle['naive'] / middle['fast']:.1f}x as fast as naive (goal: at least 8x)")
    print(f"fast takes {middle['fast'] / middle['decode only']:.2f}x the time of decode only (goal: at most 4.5x)")


if __name__ == "__main__":
    main()
