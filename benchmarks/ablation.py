"""The recipe of the model that comes with ccc, with one thing changed at a time, over 400 steps.

  bash benchmarks/ship.sh DATA WORK ALEXNET      makes the shards and the photographs kept out of training
  python benchmarks/ablation.py WORK --alexnet alexnet_features.pth -o ablation/
A run that was stopped resumes, and one that is done is only measured again. The recipe with another seed shows how
large noise is. Soft targets and the wider decoder are built here, not in ccc. Pictures of WORK/held are coloured at
vividness 0.1. Writes ablation.md: loss and accuracy of validation, then means over the sources of WORK/held; then the
model that comes with ccc at several input sizes.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy, which reads it once

import numpy as np  # noqa: E402
import torch  # noqa: E402
from decoding import measure  # noqa: E402
from torch import nn  # noqa: E402

import ccc.model  # noqa: E402
from ccc import colorizers  # noqa: E402
from ccc.assets import PUBLISHED  # noqa: E402
from ccc.cli import threads  # noqa: E402
from ccc.codebook import Codebook  # noqa: E402
from ccc.core.files import write_text  # noqa: E402
from ccc.settings.training import Recipe  # noqa: E402
from ccc.training import learner  # noqa: E402
from ccc.training.loop import train  # noqa: E402

from torchvision.ops import Conv2dNormActivation  # isort: skip

# ship.sh's, with warm-up and running mean shortened like the steps
SHIPPED = {
    "encoder": "mobilenet_v2", "pretrained": True, "decoder": "skip", "batch_size": 32, "crop": 128,
    "random_resized_crop": 0.3, "gamma_jitter": 0.8, "encoder_rate": 0.3, "schedule": "cooldown", "warmup": 10,
    "cooldown": 0.4, "ema": 0.98, "upsilon": 0.1,
}  # fmt: skip
VARIANTS = {  # settings, and `soft` or `widths` of `experiment`
    "the recipe": {},
    "the recipe, seed 1": {"seed": 1},
    "trade-off 0.5, the paper's": {"upsilon": 0.5},
    "no running mean": {"ema": 0.0},
    "crops from 0.5": {"random_resized_crop": 0.5},
    "no gamma jitter": {"gamma_jitter": 0.0},
    "soft targets": {"soft": True},
    "decoder of double the width": {"widths": (512, 256, 192, 192)},
}
INPUT_SIZES = (128, 160, 192, 224)
COLUMNS = ("loss", "accuracy", "CNR", "PSNR (dB)", "LPIPS (alex)", "CIEDE2000", "colourfulness")


class SoftTargets(learner.ClassBalancedCrossEntropy):
    """Each cell's target spread over its five nearest classes by a Gaussian of 5 CIELAB units, at the true class's
    weight (the soft encoding of Zhang et al. 2016, section 2.1)."""

    centers: np.ndarray

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        distance = torch.from_numpy(((self.centers[:, None] - self.centers) ** 2).sum(axis=-1))
        nearest = distance.topk(5, largest=False)
        shares = (-nearest.values / (2 * 5.0**2)).softmax(dim=1)
        cells = logits.float().permute(0, 2, 3, 1).flatten(0, 2).log_softmax(dim=1)
        target = target.flatten()
        weights = self.weights(torch.bincount(target, minlength=self.n_classes))[target]
        return -(weights * (shares[target] * cells.gather(1, nearest.indices[target])).sum(dim=1)).sum() / weights.sum()


def decoder_of(widths: tuple[int, ...]) -> type:
    """`SkipDecoder` with other widths: of its top, and of its three blocks."""

    class Decoder(ccc.model.SkipDecoder):
        def __init__(self, channels, n_classes):
            nn.Module.__init__(self)
            self.top = Conv2dNormActivation(channels[-1], widths[0], kernel_size=1)
            inputs = zip(widths[:-1], channels[-2::-1], widths[1:], strict=True)
            self.blocks = nn.ModuleList(Conv2dNormActivation(below + skipped, out) for below, skipped, out in inputs)
            self.head = nn.Conv2d(widths[-1], n_classes, 1)

    return Decoder


@contextlib.contextmanager
def experiment(codebook: Codebook, soft: bool = False, widths: tuple[int, ...] | None = None) -> Iterator[None]:
    """Training and reading of models with soft targets, or with another decoder."""
    with contextlib.ExitStack() as stack:
        if soft:
            SoftTargets.centers = codebook.centers
            stack.enter_context(mock.patch.object(learner, "ClassBalancedCrossEntropy", SoftTargets))
        if widths:
            stack.enter_context(mock.patch.object(ccc.model, "SkipDecoder", decoder_of(widths)))
        yield


def coloured(models: dict[str, colorizers.Colorizer], benchmarks: list[Path], alexnet: str) -> dict[str, list[str]]:
    """Cells of the table by row: means over the benchmarks."""
    found = [measure(benchmark, models, alexnet) for benchmark in benchmarks]
    keys = {"cnr": 2, "psnr": 2, "lpips_alex": 3, "ciede2000": 2, "colorfulness": 1}
    return {
        name: [f"{np.mean([rows[name][key] for rows in found]):.{digits}f}" for key, digits in keys.items()]
        for name in models
    }


def run(name: str, change: dict, args: argparse.Namespace, codebook: Codebook) -> list[str]:
    """Train a variant and measure it: cells of its row."""
    built = {key: change[key] for key in ("soft", "widths") if key in change}
    settings = Recipe(
        steps=args.steps, validate_every=args.steps, save_every=200, validation_batches=64,
        **SHIPPED | {key: value for key, value in change.items() if key not in built},
    )  # fmt: skip
    folder = args.output / name.replace(",", "").replace(" ", "-")
    shards, validation = (sorted((args.work / part).glob("*.tar")) for part in ("train", "validation"))
    with experiment(codebook, **built):
        train(shards, validation, codebook, folder, settings, "cpu", trained_on="ablation")
        model = colorizers.load("ccc", folder / "ccc.safetensors", "cpu", vividness=0.1)
    # the last row of the history, as `ccc train` writes it
    names, *_, last = ((folder / "history.csv").read_text()).splitlines()
    row = dict(zip(names.split(","), last.split(","), strict=True))
    measured = coloured({name: model}, args.benchmarks, args.alexnet)[name]
    return [f"{float(row['validation_loss']):.3f}", f"{float(row['accuracy']):.3f}", *measured]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="WORK of ship.sh, with train/, validation/, held/ and codebook.json")
    parser.add_argument("--alexnet", required=True, help="trunk of LPIPS")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS), metavar="VARIANT")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    args.benchmarks = sorted(path for path in (args.work / "held").iterdir() if (path / "truth").is_dir())
    if not args.benchmarks:
        sys.exit(f"{args.work / 'held'}: no prepared photographs; run benchmarks/ship.sh first")
    torch.set_num_threads(threads())
    codebook = Codebook.load(args.work / "codebook.json")
    lines = [f"| {args.steps} steps of 32 | {' | '.join(COLUMNS)} |", "|---" * (1 + len(COLUMNS)) + "|"]
    for name in args.only:
        lines.append(f"| {name} | {' | '.join(run(name, VARIANTS[name], args, codebook))} |")
        print(lines[-1], flush=True)
        write_text(args.output / "ablation.md", "\n".join(lines) + "\n")
    sizes = {
        f"the file, seen at {size}": colorizers.load("ccc", PUBLISHED, "cpu", input_size=size) for size in INPUT_SIZES
    }
    lines += [
        f"| {name} | | | {' | '.join(cells)} |"
        for name, cells in coloured(sizes, args.benchmarks, args.alexnet).items()
    ]
    write_text(args.output / "ablation.md", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
