"""Makes docs/demo.jpg: of each benchmark the picture whose LPIPS by the model's default is the median of all.

  python docs/demo.py WORK/benchmarks/* --alexnet alexnet_features.pth    folders of `ccc prepare`; from the root
Columns are gray, the model that comes with ccc by its default, the same by the paper's argmax, and the truth.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from ccc import colorizers
from ccc.core.images import read_rgb
from ccc.metrics import lpips

SIDE = 192


def fitted(rgb: np.ndarray) -> np.ndarray:
    """The central square, uint8 `(SIDE, SIDE, 3)`."""
    side = min(rgb.shape[:2])
    top, left = ((length - side) // 2 for length in rgb.shape[:2])
    square = Image.fromarray(rgb[top : top + side, left : left + side])
    return np.asarray(square.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmark", nargs="+", type=Path)
    parser.add_argument("--alexnet", required=True, help="trunk of LPIPS")
    args = parser.parse_args()
    default, argmax = colorizers.load("ccc", device="cpu"), colorizers.load("ccc", device="cpu", decode="argmax")
    rows = []
    for benchmark in args.benchmark:
        found = []
        for path in sorted((benchmark / "truth").glob("*.png")):
            gray, truth = read_rgb(benchmark / "gray" / path.name), read_rgb(path)
            colored = default.colorize(gray)
            found.append((lpips(colored, truth, "alex", args.alexnet), path.name, gray, colored, truth))
        distance, name, gray, colored, truth = sorted(found, key=lambda one: one[0])[len(found) // 2]
        print(f"{benchmark.name}: {name}, LPIPS {distance:.3f}")
        rows.append(np.concatenate([fitted(one) for one in (gray, colored, argmax.colorize(gray), truth)], axis=1))
    Image.fromarray(np.concatenate(rows)).save("docs/demo.jpg", quality=88)


if __name__ == "__main__":
    main()
