"""A finished run without computing one: made-up metrics over pictures that are there, in the workflow's layout."""

import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from ccc.codebook import Codebook
from ccc.metrics.registry import FORMAT, find
from ccc.report.pictures import link
from ccc.report.previews import KINDS, write_previews
from ccc.report.summary import read_results

HOSTILE = "<script>alert(1)</script>\"'&"
RANGES = {
    "mse": (0.002, 0.03), "psnr": (15, 30), "ssim": (0.7, 0.97), "uiqi": (0.7, 0.97), "cnr_96": (0.3, 1.5),
    "cnr_56": (0.3, 1.5), "lpips_alex": (0.05, 0.4), "ciede2000": (4, 20), "mse_ab": (50, 900),
    "colorfulness": (10, 60), "cnr_96_precision": (0.3, 0.9), "cnr_96_recall": (0.2, 0.7),
    "cnr_96_precision_pixels": (0.5, 1), "cnr_96_recall_pixels": (0.5, 1),
}  # fmt: skip


def make_results(root: Path, methods, datasets, names, variants=("plain", "sam"), side: int = 96) -> Path:
    """Fill `root` with pictures, previews, metrics, a codebook and a training history; returns it.

    Pictures are at most eight crops of a photograph, duller with each method; metrics are random but fixed, and better
    for the first method by every metric. The report of it says nothing about any method.
    """
    random = np.random.default_rng(0)
    photograph = data.astronaut()
    crops = [
        photograph[20 * k : 20 * k + side, 30 + 25 * k : 30 + 25 * k + side * 4 // 3] for k in range(min(len(names), 8))
    ]

    made: dict[float, Path] = {}

    def pictures(saturation: float) -> Path:
        """Each crop at that saturation with its previews, as `picture/` and `previews/`; made once."""
        if saturation not in made:
            home = made[saturation] = root.parent / "crops" / f"{saturation:.3f}"
            (home / "picture").mkdir(parents=True)
            for k, crop in enumerate(crops):
                gray = crop.mean(axis=-1, keepdims=True)
                Image.fromarray(np.uint8(gray + saturation * (crop - gray))).save(home / "picture" / f"{k}.png")
            write_previews(home / "picture", pictures(1) / "picture", home / "previews")
        return made[saturation]

    def place(saturation: float, picture_folder: str, preview_folder: str) -> None:
        home = pictures(saturation)
        for number, name in enumerate(names):
            crop = number % len(crops)
            link(home / "picture" / f"{crop}.png", root / picture_folder / f"{name}.png")
            for kind, suffix in KINDS.items():
                target = root / "previews" / preview_folder / kind / f"{name}{suffix}"
                link(home / "previews" / kind / f"{crop}{suffix}", target)
        link(home / "previews/classes.csv", root / "previews" / preview_folder / "classes.csv")

    for dataset in datasets:
        place(1, f"benchmarks/{dataset}/truth", f"benchmark/truth/{dataset}")
        place(0, f"benchmarks/{dataset}/gray", f"benchmark/gray/{dataset}")
        for number, method in enumerate(methods):
            for variant in variants:
                saturation = 0.9 - 0.6 * number / len(methods) - (0.03 if variant == "sam" else 0)
                place(saturation, f"colorized/{method}/{variant}/{dataset}", f"{method}/{variant}/{dataset}")
                rows = [{"name": name, "width": side * 4 // 3, "height": side} for name in names]
                for metric, (low, high) in RANGES.items():
                    lower = metric in ("mse", "lpips_alex", "ciede2000", "mse_ab")
                    shift = (number + 0.5 * random.random(len(names))) / (len(methods) + 1)
                    for row, share in zip(rows, shift if lower else 1 - shift, strict=True):
                        row[metric] = low + (high - low) * share
                write_cell(root, method, variant, dataset, rows)
    counts = np.zeros(400, dtype=np.int64)
    counts[[190, 209, 210, 230]] = 600, 10, 9000, 2000
    Codebook.fit(counts, 500).save(root / "codebook.json")
    training = root / "train"
    training.mkdir()
    (training / "history.csv").write_text("step,epoch,loss,validation_loss\n10,1,5.5,4.5\n20,2,4.5,4.25\n")
    Image.new("RGB", (64, 32)).save(training / "preview.png")
    return root


def write_summary(root: Path, run: str = "benchmark", **options) -> Path:
    """The summary of the metrics beneath `root`, as `ccc tables` writes it; `options`: of `read_results`."""
    path = root / "summary.json"
    read_results(sorted((root / "metrics").rglob("*.json")), run, **options).write(path)
    return path


def write_cell(root: Path, method: str, variant: str, dataset: str, rows: list[dict], title: str | None = None) -> None:
    """One cell's metrics as `ccc evaluate` writes them."""
    path = root / f"metrics/{method}/{variant}/{dataset}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    metrics = [name for name in rows[0] if name not in ("name", "width", "height")]
    values = {name: np.array([row[name] for row in rows]) for name in metrics}
    summary = {
        "format": FORMAT, "images": len(rows), "side": 96, "infinite": {}, "cautions": {}, "interval": {},
        "versions": dict.fromkeys(metrics, 1), "mean": {name: float(v.mean()) for name, v in values.items()},
        "median": {name: float(np.median(v)) for name, v in values.items()},
        "sd": {name: float(v.std(ddof=1)) if len(v) > 1 else None for name, v in values.items()},
        "n": dict.fromkeys(metrics, len(rows)), "set": {"fid_64": None},
        "missing": {"fid_64": f"no weights: {HOSTILE}"},
        "directions": {name: find(name).direction for name in [*metrics, "fid_64"]}, "method": method,
        "variant": variant, "dataset": dataset, "title": title or method.title(),
        "segmenter": "felzenszwalb" if variant == "sam" else None,
    }  # fmt: skip
    path.write_text(json.dumps(summary))
    with path.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
