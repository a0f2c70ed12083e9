"""Tables of the whole benchmark from stored metrics: seconds in all, and of the intervals beside scipy's, one by one.

Makes cells of random values: nine methods, with and without harmonization, over five datasets of 50 pictures, every
default metric. One thread; processor time and, where the machine is busy, much more on the clock.
"""

import argparse
import csv
import json
import os
import tempfile
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before NumPy, which reads them once

import numpy as np  # noqa: E402

METHODS = ("deoldify", "iizuka", "larsson", "cic", "zhang", "su", "gain", "ddcolor", "ccc")
DATASETS = {"ade20k": "ADE", "celeba": "Celeba", "coco": "COCO", "flowers102": "Ox. Flower", "imagenet": "ImageNet"}


def make_cells(folder, pictures):
    """Stored metrics as `ccc evaluate` writes them, of random values."""
    from ccc.metrics import registry

    metrics = [metric.at(256) for metric in registry.metrics().values() if metric.default]
    random = np.random.default_rng(0)
    for method in METHODS:
        for variant in ("plain", "sam"):
            for dataset in DATASETS:
                values = {metric.name: random.normal(5, 2, pictures) for metric in metrics if metric.pair}
                sets = {metric.name: float(random.gamma(3)) for metric in metrics if metric.set}
                data = {
                    "format": registry.FORMAT, "images": pictures, "side": 256,
                    "mean": {name: column.mean() for name, column in values.items()},
                    "median": {name: float(np.median(column)) for name, column in values.items()},
                    "sd": {name: column.std(ddof=1) for name, column in values.items()},
                    "n": dict.fromkeys(values, pictures), "infinite": {}, "set": sets,
                    "interval": {name: [value, value] for name, value in sets.items()}, "missing": {}, "cautions": {},
                    "versions": {metric.name: metric.version for metric in metrics},
                    "directions": {metric.name: metric.direction for metric in metrics},
                    "method": method, "variant": variant, "dataset": dataset, "title": method, "notes": [],
                    "segmenter": "sam_vit_h" if variant == "sam" else None,
                }  # fmt: skip
                path = Path(folder) / method / variant / f"{dataset}.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(data))
                with path.with_suffix(".csv").open("w", newline="") as file:
                    writer = csv.writer(file)
                    writer.writerow(["name", "width", "height", *values])
                    writer.writerows(
                        [f"{i:03d}", 256, 256, *row] for i, row in enumerate(zip(*values.values(), strict=True))
                    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=50, help="of each dataset (default: %(default)s)")
    args = parser.parse_args()

    from scipy.stats import bootstrap

    from ccc.report.formats import write_tables
    from ccc.report.statistics import bootstrap_intervals
    from ccc.report.summary import read_results

    with tempfile.TemporaryDirectory() as folder:
        make_cells(Path(folder) / "metrics", args.pictures)
        start, wall = time.process_time(), time.perf_counter()
        results = read_results([Path(folder) / "metrics"], columns=DATASETS)
        written = write_tables(results, Path(folder) / "tables")
        seconds, wall = time.process_time() - start, time.perf_counter() - wall
    cells = len(METHODS) * 2 * len(DATASETS)
    print(f"{len(written)} files of {cells} cells: {seconds:.1f} s of processor, {wall:.1f} s on the clock")

    table = np.random.default_rng(0).normal(5, 2, (200, args.pictures))
    start = time.process_time()
    ours = bootstrap_intervals(table)
    fast = (time.process_time() - start) / len(table) * 1000
    start = time.process_time()
    theirs = [
        bootstrap((row,), np.mean, method="BCa", rng=np.random.default_rng(0)).confidence_interval for row in table[:20]
    ]
    slow = (time.process_time() - start) / 20 * 1000
    apart = np.abs(ours[:20] - np.array([(found.low, found.high) for found in theirs])).max()
    print(f"an interval: {fast:.2f} ms, scipy {slow:.1f} ms, {slow / fast:.0f}x; largest difference {apart:.1e}")


if __name__ == "__main__":
    main()
