"""What class balancing buys and costs: the same network, data and budget under each way to weigh classes.

  python benchmarks/ablation.py shards/train/*.tar --validation shards/validation/*.tar --codebook codebook.json
      --benchmark benchmarks/* --pretrained mobilenet_v2-b0353104.pth --alexnet alexnet_features.pth -o ablation/
Every run is one `ccc.training.train` and resumes; a run that is done is not done again. `--benchmark` takes folders
of `ccc prepare`. Pictures are coloured by argmax, as in the paper. Writes ablation.csv (every benchmark) and
ablation.md (means over the benchmarks).
"""

import argparse
import csv
import io
from pathlib import Path

import numpy as np
import torch

from ccc import colorizers
from ccc.cli import threads
from ccc.codebook import Codebook
from ccc.core.files import write_text
from ccc.core.images import read_rgb, write_png
from ccc.metrics.evaluate import evaluate
from ccc.settings.training import Recipe
from ccc.training.loop import train

VARIANTS = {
    "none": {"balance": "none"},
    "cbce, upsilon 0.1": {"upsilon": 0.1},
    "cbce, upsilon 0.5": {"upsilon": 0.5},
    "cbce, upsilon 1": {"upsilon": 1.0},
    "inverse": {"balance": "inverse"},
    "cic": {"balance": "cic"},
}
METRICS = ("cnr_256", "psnr", "lpips_alex", "ciede2000", "colorfulness")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", nargs="+", type=Path)
    parser.add_argument("--validation", nargs="+", type=Path, required=True)
    parser.add_argument("--codebook", type=Path, required=True)
    parser.add_argument("--benchmark", nargs="+", type=Path, required=True)
    parser.add_argument("--pretrained", default=False)
    parser.add_argument("--alexnet", required=True)
    parser.add_argument("--steps", type=int, default=280)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(threads())
    codebook = Codebook.load(args.codebook)
    rows = [
        measured("gray", "gray", None, benchmark, args.output, args.alexnet, "gray") for benchmark in args.benchmark
    ]
    for name, options in VARIANTS.items():
        settings = Recipe(
            encoder="mobilenet_v2", pretrained=args.pretrained, decoder="skip", batch_size=32, crop=128,
            encoder_rate=0.3, schedule="cooldown", warmup=30, ema=0.99, steps=args.steps,
            validate_every=args.steps, save_every=100, validation_batches=16, **options,
        )  # fmt: skip
        folder = args.output / name.replace(", ", "-").replace(" ", "-")
        model = folder / "ccc.safetensors"
        if not model.exists():
            train(args.shards, args.validation, codebook, folder, settings, "cpu", trained_on="ablation")
        for benchmark in args.benchmark:
            rows.append(measured(name, "ccc", model, benchmark, args.output, args.alexnet, folder.name))
            write(rows, args)


def measured(name: str, method: str, model: Path | None, benchmark: Path, output: Path, alexnet: str, folder: str):
    """Colour a benchmark and measure it: its row of ablation.csv."""
    options = {"decode": "argmax"} if model else {}
    colorizer = colorizers.load(method, model, "cpu", **options)
    coloured = output / "coloured" / folder / benchmark.name
    for path in sorted((benchmark / "gray").glob("*.png")):
        write_png(coloured / path.name, colorizer.colorize(read_rgb(path)))
    _, summary = evaluate(coloured, benchmark / "truth", METRICS, {"alexnet": alexnet})
    print(name, benchmark.name, summary["mean"], flush=True)
    return {"balance": name, "benchmark": benchmark.name} | summary["mean"]


def write(rows: list[dict], args) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    write_text(args.output / "ablation.csv", text.getvalue())
    lines = [
        "| class weights | CNR | PSNR (dB) | LPIPS (alex) | CIEDE2000 | colourfulness |",
        "|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(row["balance"] for row in rows):
        mean = {key: np.mean([row[key] for row in rows if row["balance"] == name]) for key in METRICS}
        shown = (f"{mean[key]:.{digits}f}" for key, digits in zip(METRICS, (2, 2, 3, 2, 1), strict=True))
        lines.append(f"| {name} | {' | '.join(shown)} |")
    write_text(args.output / "ablation.md", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
