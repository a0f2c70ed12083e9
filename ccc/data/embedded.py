"""The embedded photographs of scikit-image, cut so that training and benchmark share no pixel."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import skimage.data

from ccc.core.images import read_rgb, write_png

PHOTOGRAPHS = {  # name in scikit-image: scene folder
    "astronaut.png": "portrait",
    "chelsea.png": "cat",
    "coffee.png": "table",
    "hubble_deep_field.jpg": "galaxies",
    "ihc.png": "tissue",
    "motorcycle_left.png": "garage",
    "retina.jpg": "eye",
    "rocket.jpg": "launch",
}


def write(
    folder: str | os.PathLike, crops: int = 24, seed: int = 0, progress: Callable[[Iterable], Iterable] = iter
) -> dict[str, int]:
    """Write `train`, `validation` and `benchmark` in `folder`; returns the number of pictures in each.

    The left 60 % of each photograph gives `crops` square training crops, of which one in eight (at least one) is for
    validation, as PNG in Places365's layout; the right 40 %, split where it is tall, is for the benchmark. Equal
    arguments give equal bytes. Licences of the photographs: skimage/data/README.txt.
    """
    shipped = Path(skimage.data.__file__).parent
    counts = {"train": 0, "validation": 0, "benchmark": 0}
    generator = np.random.default_rng(seed)
    for file, scene in progress(list(PHOTOGRAPHS.items())):
        photograph = read_rgb(shipped / file)
        edge = photograph.shape[1] * 6 // 10
        left, right = photograph[:, :edge], photograph[:, edge:]
        stem = Path(file).stem
        parts = max(round(right.shape[0] / right.shape[1]), 1)  # split tall strips into pictures of a usual shape
        for number, picture in enumerate(np.array_split(right, parts)):
            write_png(Path(folder) / "benchmark" / f"{stem}_{number}.png", picture)
            counts["benchmark"] += 1
        for number in range(crops):
            side = int(min(left.shape[:2]) * generator.uniform(0.5, 0.95))
            top, start = (int(generator.integers(extent - side + 1)) for extent in left.shape[:2])
            part = "validation" if number % 8 == 7 or number == crops - 1 else "train"
            path = Path(folder) / part / "data_256" / scene[0] / scene / f"{stem}_{number:03d}.png"
            write_png(path, left[top : top + side, start : start + side])
            counts[part] += 1
    return counts
