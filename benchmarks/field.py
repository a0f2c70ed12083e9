"""The field's protocol on thousands of pictures: processor time and peak memory of one method's cells, by metric.

The set is made up: seeded crops of photographs that scikit-image ships, at 256x256, beside paler and tinted copies.
Networks have seeded random weights: they cost what published ones cost, and their figures mean nothing. Every cell is a
process of its own, `ccc evaluate` on a core, once for each of --counts: the difference of two counts gives pictures a
second without the start, and what memory grows by. --inception says at which side in pixels pictures are shown to
Inception in these runs: 299 as it should be, or 75 to see in a fraction of the time what memory thousands of pictures
take.

  nice -n 10 python benchmarks/field.py --counts 500 5000
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before NumPy, which reads them once

from metrics import pictures  # noqa: E402
from PIL import Image  # noqa: E402

METHODS = 9
SETS = {"ImageNet, first 5,000": 5000, "ImageNet": 50000, "COCO": 5000, "ADE20K": 2000}
PIXEL = "psnr,ssim,colorfulness,colorfulness_abs,delta_colorfulness,delta_colorfulness_abs_of_means"
CELLS = {  # metrics of the field that are computed together, by their family and the network that they need
    "pixel": ("pixel", PIXEL, ""),
    "lpips_alex": ("perceptual", "lpips_alex", "alexnet"),
    "lpips_vgg": ("perceptual", "lpips_vgg", "vgg16"),
    "fid_2048": ("distribution", "fid_2048", "inception_fid"),
    "fid_2048_clean": ("distribution", "fid_2048_clean", "inception_fid"),
    "fid_2048_torchvision": ("distribution_torchvision", "fid_2048_torchvision", "inception_torchvision"),
}  # fmt: skip


def write_set(folder: Path, count: int) -> None:
    """`truth/` and `mine/` with `count` PNGs each; one that is there already is of the same seed, and stays."""
    for part in ("truth", "mine"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for start in range(0, count, 4):
        last = folder / f"truth/{start + 3:05d}.png"
        if last.exists():
            continue
        for number, (prediction, truth) in enumerate(pictures(256, 4, seed=start), start):
            for part, picture in (("mine", prediction), ("truth", truth)):
                Image.fromarray(picture).save(folder / part / f"{number:05d}.png", compress_level=1)


def part_of(folder: Path, count: int) -> Path:
    """A folder of links to the first `count` pictures of both folders."""
    part = folder / f"first-{count}"
    for name in ("truth", "mine"):
        (part / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            link = part / name / f"{number:05d}.png"
            if not link.is_symlink():
                link.symlink_to((folder / name / link.name).resolve())
    return part


def write_weights(folder: Path, name: str) -> Path:
    """A file of seeded random weights of a network."""
    import ccc.core.torchvision_ops  # noqa: F401  before torchvision
    from ccc.metrics.inception import NETWORKS

    import torch  # isort: skip
    from torchvision import models  # isort: skip

    path = folder / f"{name}.pth"
    if not path.exists():
        torch.manual_seed(0)
        made = NETWORKS.get(name) or (lambda: getattr(models, name)(weights=None).features)
        torch.save(made().state_dict(), path)
    return path


def run_cell(arguments: list[str], side: int) -> None:
    """`ccc evaluate` in this process; `side`: what pictures are scaled to once more before Inception."""
    import cv2

    from ccc.cli import main
    from ccc.metrics.inception import RESIZE

    if side != 299:
        for name, (function, *rest) in list(RESIZE.items()):
            RESIZE[name] = (lambda image, function=function: cv2.resize(function(image), (side, side)), *rest)
    sys.exit(main(["evaluate", *arguments]))


def measured(arguments: list[str], side: int) -> tuple[float, float]:
    """Processor time in seconds and peak memory in MiB of `run_cell` in a process of its own."""
    command = [sys.executable, __file__, "--cell", str(side), *arguments]
    job = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(job.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Print a line for each cell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs=2, default=(500, 5000), help="pictures of the two runs of a cell")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS), metavar="METRIC")
    parser.add_argument("--inception", type=int, default=299, metavar="SIDE", help="of what Inception is shown")
    parser.add_argument("--folder", type=Path, help="keep pictures and weights there for another run")
    arguments = parser.parse_args()
    fewer, more = sorted(arguments.counts)
    with tempfile.TemporaryDirectory() as aside:
        folder = arguments.folder or Path(aside)
        started = time.process_time()
        write_set(folder, more)
        print(f"{more:,} pictures made in {time.process_time() - started:.0f} s CPU", flush=True)
        print(f"{'':22}{'start, s':>9}{'pictures/s':>12}{'MiB of ' + str(fewer):>14}{'of ' + str(more):>10}", end="")
        print(f"{'hours of ' + str(METHODS) + ' methods':>20}", flush=True)
        for name in arguments.cells:
            family, metrics, network = CELLS[name]
            weights = ["--weights", f"{network}={write_weights(folder, network)}"] if network else []
            options = ["--family", family, "--metrics", metrics, *weights]
            parts = [part_of(folder, count) for count in (fewer, more)]
            (first, small), (last, large) = (
                measured([str(part / "mine"), str(part / "truth"), *options], arguments.inception) for part in parts
            )
            rate = (more - fewer) / (last - first)
            hours = METHODS * sum(SETS.values()) / rate / 3600
            print(
                f"{name:22}{first - fewer / rate:9.1f}{rate:12.2f}{small:14.0f}{large:10.0f}{hours:20.1f}", flush=True
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--cell"]:
        run_cell(sys.argv[3:], int(sys.argv[2]))
    main()
