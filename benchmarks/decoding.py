"""A trained model under several ways to decode it, beside gray, one colour and the oracle, on prepared benchmarks.

  ccc prepare photographs/ -o benchmark/ -n all
  python benchmarks/decoding.py benchmark/ --alexnet alexnet_features.pth -o table.md
  python benchmarks/decoding.py held/* --curve --alexnet alexnet_features.pth -o held.md    the choice of a vividness
With --curve, all vividnesses from 0 to 1, a figure beside the table, and the choice: the most vivid whose means of
CIEDE2000 and LPIPS are below gray's by 6 % on every benchmark, so that other photographs have some room. `blotches`:
pixels whose bin of ab is not the commonest of their region, in percent; regions, of one colour each, are those that
Felzenszwalb's segmentation finds in the truth.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from scipy.stats import wilcoxon
from skimage.segmentation import felzenszwalb

from ccc import colorizers
from ccc.cli import threads
from ccc.codebook import ColorGrid
from ccc.color import rgb_to_lab
from ccc.core.files import write_text
from ccc.core.images import read_rgb, write_png
from ccc.metrics.chroma import colorfulness
from ccc.metrics.evaluate import evaluate

METRICS = ("cnr", "psnr", "ssim", "lpips_alex", "ciede2000", "colorfulness")
COLUMNS = ("CNR", "PSNR (dB)", "SSIM", "LPIPS (alex)", "CIEDE2000", "colourfulness", "of the truth's", "blotches")
KEYS = ("cnr", "psnr", "ssim", "lpips_alex", "ciede2000", "colorfulness", "share", "blotches")
MARGIN = 0.06  # of `choose`
STEPS = [step / 10 for step in range(11)]
ARGMAX = {"decode": "argmax", "logit_adjustment": 0.0, "chroma": 1.0, "upsample": "bilinear"}


def colorings(model: Path | None, curve: bool) -> dict:
    """Colorizer by the name of its row."""

    def ccc(**options):
        return colorizers.load("ccc", model, "cpu", **options)

    rows = {"gray": colorizers.load("gray"), "one colour": colorizers.load("constant", model)}
    rows |= {"oracle, 400 classes": colorizers.load("oracle"), "as its file names": ccc()}
    rows |= {"argmax": ccc(**ARGMAX), "argmax, guided": ccc(**ARGMAX | {"upsample": "guided"})}
    return rows | ({f"vividness {step:g}": ccc(vividness=step) for step in STEPS} if curve else {})


def blotches(picture: np.ndarray, regions: np.ndarray) -> float:
    """Share of pixels whose bin of ab is not the commonest of their region; uint8 RGB and integer regions `(H, W)`."""
    bins = ColorGrid().encode(rgb_to_lab(picture)[..., 1:])
    counts = np.zeros((regions.max() + 1, ColorGrid().size), int)
    np.add.at(counts, (regions, bins), 1)
    return 1 - counts.max(axis=1).sum() / regions.size


def measure(benchmark: Path, rows: dict, alexnet: str) -> dict[str, dict]:
    """By row: means of the metrics, and `errors`, CIEDE2000 of every picture."""
    truths = {path.name: read_rgb(path) for path in sorted((benchmark / "truth").glob("*.png"))}
    regions = {name: felzenszwalb(truth, scale=200, sigma=0.8, min_size=200) for name, truth in truths.items()}
    found = {}
    for name, colorizer in rows.items():
        side, spots = "truth" if name.startswith("oracle") else "gray", []
        with tempfile.TemporaryDirectory() as folder:
            for picture in truths:
                colored = colorizer.colorize(read_rgb(benchmark / side / picture))
                write_png(Path(folder) / picture, colored)
                spots.append(100 * blotches(colored, regions[picture]))
            pictures, summary = evaluate(folder, benchmark / "truth", METRICS, {"alexnet": alexnet})
        mean = {
            "cnr" if key.startswith("cnr") else key: value for key, value in summary["mean"].items()
        }  # CNR carries its size
        found[name] = mean | {"blotches": np.mean(spots), "errors": [one["ciede2000"] for one in pictures]}
    return found


def table(benchmark: str, rows: dict[str, dict]) -> list[str]:
    """Lines of the table, which are printed too."""
    lines = [
        f"| {benchmark} | {name} | {row['cnr']:.2f} | {row['psnr']:.2f} | {row['ssim']:.3f} | "
        f"{row['lpips_alex']:.3f} | {row['ciede2000']:.2f} | {row['colorfulness']:.1f} | "
        f"{row['share']:.0%} | {row['blotches']:.0f} % |"
        for name, row in rows.items()
    ]
    print(*lines, sep="\n", flush=True)
    return lines


def choose(found: dict[str, dict]) -> float:
    """The most vivid whose means of CIEDE2000 and LPIPS are below gray's by `MARGIN` on every benchmark.

    Ends the program if none is.
    """

    def holds(step: float) -> bool:
        return all(
            rows[f"vividness {step:g}"][metric] < (1 - MARGIN) * rows["gray"][metric]
            for rows in found.values()
            for metric in ("ciede2000", "lpips_alex")
        )

    if not (chosen := [step for step in STEPS if holds(step)]):
        raise SystemExit(f"no vividness has a CIEDE2000 and an LPIPS {MARGIN:.0%} below gray's on every benchmark")
    return max(chosen)


def plot(found: dict[str, dict], path: Path) -> None:
    """CIEDE2000 and LPIPS against colourfulness along the vividness, less gray's."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    titles = {"ciede2000": "CIEDE2000 less gray's", "lpips_alex": "LPIPS (alex) less gray's"}
    for axes, (metric, title) in zip(figure.subplots(1, 2), titles.items(), strict=True):
        for name, rows in found.items():
            points = [rows[f"vividness {step:g}"] for step in STEPS]
            share = [100 * point["share"] for point in points]
            axes.plot(share, [point[metric] - rows["gray"][metric] for point in points], "o-", markersize=3, label=name)
        axes.axhline(0, color="gray", linewidth=0.8)
        axes.set(xlabel="colourfulness, % of the truth's", ylabel=title)
    axes.legend(fontsize=8)
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmark", nargs="+", type=Path, help="folders of `ccc prepare`")
    parser.add_argument("--model", type=Path, help="a ccc.safetensors (default: the one that comes with ccc)")
    parser.add_argument("--curve", action="store_true", help="every vividness, the figure and the choice")
    parser.add_argument("--alexnet", required=True, help="trunk of LPIPS")
    parser.add_argument("-o", "--output", type=Path, required=True, help="write the table, and NAME.svg beside it")
    args = parser.parse_args()
    torch.set_num_threads(threads())
    lines = [f"| benchmark | coloured by | {' | '.join(COLUMNS)} |", "|---" * (2 + len(COLUMNS)) + "|"]
    compared, found = [], {}
    for benchmark in args.benchmark:
        rows = measure(benchmark, colorings(args.model, args.curve), args.alexnet)
        truth = np.mean([colorfulness(read_rgb(path)) for path in (benchmark / "truth").glob("*.png")])
        for row in rows.values():
            row["share"] = row["colorfulness"] / truth
        lines += table(benchmark.name, rows)
        gray, own = (np.array(rows[name]["errors"]) for name in ("gray", "as its file names"))
        compared.append(
            f"{benchmark.name}: as its file names it has less CIEDE2000 than gray on {(own < gray).sum()} of "
            f"{len(gray)} pictures, Wilcoxon p = {wilcoxon(own, gray).pvalue:.2g}"
        )
        found[benchmark.name] = rows
    sets = found.values()
    means = {name: {key: np.mean([rows[name][key] for rows in sets]) for key in KEYS} for name in rows}
    lines += table("mean of all", means)
    if args.curve:
        plot(found, args.output.with_suffix(".svg"))
        compared.append(f"chosen: vividness {choose(found):g}")
    print("\n".join(compared))
    write_text(args.output, "\n".join([*lines, "", *compared]) + "\n")


if __name__ == "__main__":
    main()
