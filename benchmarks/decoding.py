"""A trained model under several ways to decode it, beside gray and the oracle, on prepared benchmarks.

  ccc prepare photographs/ -o benchmark/ -n all
  python benchmarks/decoding.py benchmark/ --alexnet alexnet_features.pth -o table.md
  python benchmarks/decoding.py validation/ --grid --alexnet alexnet_features.pth    the choice of a default
Rows are "decode, share of balancing taken back, temperature, chroma, input size"; the first is the model's own default.
"""

import argparse
import itertools
import tempfile
from pathlib import Path

import numpy as np
import torch
from scipy.stats import wilcoxon

from ccc import colorizers
from ccc.cli import threads
from ccc.core.files import write_text
from ccc.core.images import read_rgb, write_png
from ccc.metrics.evaluate import evaluate

METRICS = ("cnr", "psnr", "ssim", "lpips_alex", "ciede2000", "colorfulness")


def colorings(model: Path | None, grid: bool) -> dict:
    """Colorizer by the name of its row."""
    own = colorizers.load("ccc", model, "cpu")
    size = own.input_size
    options = [(own.decode, own.logit_adjustment, own.temperature, own.chroma, size)]
    options += [("argmax", 0.0, 1.0, 1.0, size), ("argmax", 0.0, 1.0, 1.0, 384)]
    if grid:
        ways = [("annealed", 0.0, 0.7), ("annealed", 0.5, 0.7), ("annealed", 1.0, 0.7), ("annealed", 1.0, 1.0)]
        ways += [("ciede2000", 1.0, temperature) for temperature in (1.0, 1.4, 2.0, 3.0)]
        options += [(*way, chroma, size) for way, chroma in itertools.product(ways, (0.6, 0.8, 1.0))]
    names = ("decode", "logit_adjustment", "temperature", "chroma", "input_size")
    rows = {"gray": colorizers.load("gray"), "oracle, 400 classes": None}
    for option in options:
        rows[", ".join(map(str, option))] = colorizers.load(
            "ccc", model, "cpu", **dict(zip(names, option, strict=True))
        )
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmark", nargs="+", type=Path, help="folders of `ccc prepare`")
    parser.add_argument("--model", type=Path, help="a ccc.safetensors (default: the one that comes with ccc)")
    parser.add_argument("--grid", action="store_true", help="annealed means and least expected errors too")
    parser.add_argument("--alexnet", required=True, help="trunk of LPIPS")
    parser.add_argument("-o", "--output", type=Path, help="write the table")
    args = parser.parse_args()
    torch.set_num_threads(threads())
    lines = [
        "| benchmark | coloured by | CNR | PSNR (dB) | SSIM | LPIPS (alex) | CIEDE2000 | colourfulness |",
        "|---" * 8 + "|",
    ]
    compared = []
    for benchmark in args.benchmark:
        errors = []  # CIEDE2000 of every picture, by row
        for name, colorizer in colorings(args.model, args.grid).items():
            with tempfile.TemporaryDirectory() as folder:
                side = "gray"
                if colorizer is None:  # the oracle sees the truth
                    colorizer, side = colorizers.load("oracle"), "truth"
                for path in sorted((benchmark / side).glob("*.png")):
                    write_png(Path(folder) / path.name, colorizer.colorize(read_rgb(path)))
                pictures, summary = evaluate(folder, benchmark / "truth", METRICS, {"alexnet": args.alexnet})
            errors.append([picture["ciede2000"] for picture in pictures])
            mean = summary["mean"]
            cnr = next(value for name, value in mean.items() if name.startswith("cnr"))  # its name carries the size
            lines.append(
                f"| {benchmark.name} | {name} | {cnr:.2f} | {mean['psnr']:.2f} | {mean['ssim']:.3f} | "
                f"{mean['lpips_alex']:.3f} | {mean['ciede2000']:.2f} | {mean['colorfulness']:.1f} |"
            )
            print(lines[-1], flush=True)
        gray, own = np.array(errors[0]), np.array(errors[2])
        compared.append(
            f"{benchmark.name}: the default has less CIEDE2000 than gray on {(own < gray).sum()} of {len(gray)} "
            f"pictures, Wilcoxon p = {wilcoxon(own, gray).pvalue:.2g}"
        )
    print("\n".join(compared))
    if args.output:
        write_text(args.output, "\n".join([*lines, "", *compared]) + "\n")


if __name__ == "__main__":
    main()
