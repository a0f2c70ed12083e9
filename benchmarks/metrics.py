"""Every metric beside what a researcher would call instead: milliseconds, ratio and difference, from one run.

Runs on one thread, in processor time of this process, the best of some repeats; the alternatives are measured in turn
with ours, so that a busy machine slows both. LPIPS needs its trunk: --alexnet, or where `ccc weights` keeps it.
"""

import argparse
import os
import platform
import tempfile
import time
import warnings
from importlib import metadata
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before NumPy, which reads them once

import numpy as np  # noqa: E402


def pictures(side, number, seed=0):
    """Truths of `side` pixels, cut from photographs that scikit-image ships, and paler, tinted copies of them."""
    from PIL import Image
    from skimage import data

    random = np.random.default_rng(seed)
    found = []
    for i in range(number):
        photograph = (data.astronaut, data.coffee, data.chelsea, data.rocket)[i % 4]()
        edge = int(random.integers(200, min(photograph.shape[:2])))
        top, left = (int(random.integers(0, length - edge + 1)) for length in photograph.shape[:2])
        crop = Image.fromarray(photograph[top : top + edge, left : left + edge])
        truth = np.asarray(crop.resize((side, side), Image.Resampling.BICUBIC))
        gray = truth.mean(axis=2, keepdims=True)
        tint = random.normal(0, 8, 3)
        found.append((np.clip(gray + 0.7 * (truth - gray) + tint, 0, 255).astype(np.uint8), truth))
    return found


def best(functions, repeats):
    """Value and shortest processor time in milliseconds of each function; they take turns."""
    values, times = [None] * len(functions), [float("inf")] * len(functions)
    for _ in range(repeats):
        for i, function in enumerate(functions):
            calls, start = 0, time.process_time()
            while not calls or time.process_time() - start < 0.01:  # short ones many times, the clock is coarse
                values[i] = function()
                calls += 1
            times[i] = min(times[i], (time.process_time() - start) * 1000 / calls)
    return values, times


def row(label, name, ours, theirs, repeats):
    """Print one metric beside one alternative."""
    ours()  # imports and caches
    if repeats > 1:
        theirs()
    (value, other), (fast, slow) = best([ours, theirs], repeats)
    print(f"{label:<24}{fast:>10.3f}   {name:<34}{slow:>10.2f}{slow / fast:>8.1f}x   {abs(value - other):.1e}")


def uiqi_by_loop(prediction, truth):
    """UIQI window by window, as it is defined."""
    values = []
    for channel in range(3):
        x, y = (picture[..., channel].astype(np.float64) for picture in (truth, prediction))
        for i in range(x.shape[0] - 7):
            for j in range(x.shape[1] - 7):
                u, v = x[i : i + 8, j : j + 8], y[i : i + 8, j : j + 8]
                mean_u, mean_v, variances = u.mean(), v.mean(), u.var() + v.var()
                squares = mean_u**2 + mean_v**2
                if variances * squares:
                    values.append(4 * ((u - mean_u) * (v - mean_v)).mean() * mean_u * mean_v / (variances * squares))
                else:
                    values.append(2 * mean_u * mean_v / squares if squares else 1.0)
    return np.mean(values)


def cnr_by_loop(*maps):
    """Eq. 18 as its text reads: a cell counts unless one before it has its class, looked for one by one."""
    distinct = []
    for classes in maps:
        classes, count = classes.ravel().tolist(), 0
        for k, number in enumerate(classes):
            for earlier in classes[:k]:
                if earlier == number:
                    break
            else:
                count += 1
        distinct.append(count)
    return distinct[0] / distinct[1]


def cnr_by_unique(prediction, truth):
    """As in a notebook: scikit-image's Lab, bins, distinct rows."""
    from skimage.color import rgb2lab

    bins = (np.floor((np.rint(rgb2lab(picture)[..., 1:] * 100) / 100 + 100) / 10) for picture in (prediction, truth))
    distinct = [len(np.unique(np.clip(found, 0, 19).reshape(-1, 2), axis=0)) for found in bins]
    return distinct[0] / distinct[1]


def frechet_by_sqrtm(x, y):
    """As pytorch-fid and clean-fid compute it: the root of a D x D matrix."""
    from scipy.linalg import sqrtm

    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root = sqrtm(a @ b)
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a) + np.trace(b) - 2 * np.trace(root.real)


def kid_by_loop(x, y):
    """The U-statistic, pair by pair."""

    def mean(first, second, apart):
        return np.mean([
            (u @ v / len(u) + 1) ** 3 for i, u in enumerate(first) for j, v in enumerate(second) if not apart or i != j
        ])  # fmt: skip

    return mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False)


def cell(pairs, weights, repeats):
    """Time `evaluate` over files, with every default metric of single pictures."""
    from ccc.core.images import write_png
    from ccc.metrics import registry
    from ccc.metrics.evaluate import evaluate

    names = [name for name, metric in registry.metrics().items() if metric.default and metric.kind == "pair"]
    with tempfile.TemporaryDirectory() as folder:
        for number, pair in enumerate(pairs):
            for side, picture in zip(("prediction", "truth"), pair, strict=True):
                write_png(Path(folder) / side / f"{number:03d}.png", picture)
        arguments = Path(folder) / "prediction", Path(folder) / "truth", names, weights
        wall = time.perf_counter()
        (found,), (milliseconds,) = best([lambda: evaluate(*arguments)], repeats)
        wall = (time.perf_counter() - wall) / repeats
    missing = f"; without {', '.join(found.summary['missing'])}" if found.summary["missing"] else ""
    print(
        f"\none cell of {len(pairs)} pictures, {len(names)} metrics of single pictures{missing}: "
        f"{milliseconds / 1000:.1f} s of processor, {wall:.1f} s on the clock"
    )


def machine():
    """What this ran on, in words."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").is_file():
        name = next(
            (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), name
        )
    versions = ", ".join(f"{package} {metadata.version(package)}" for package in ("numpy", "scipy", "torch", "pyiqa"))
    return f"{name}, {os.cpu_count()} cores; Python {platform.python_version()}, {versions}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256, help="side of the pictures (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each; the best counts (default: %(default)s)")
    parser.add_argument(
        "--pictures", type=int, default=50, help="pictures of the cell and of sets (default: %(default)s)"
    )
    parser.add_argument("--alexnet", type=Path, help="weight file of LPIPS")
    parser.add_argument("--quick", action="store_true", help="without UIQI by loop and the root of 2048 x 2048")
    args = parser.parse_args()

    import torch
    from skimage.color import deltaE_ciede2000, rgb2lab
    from skimage.metrics import mean_squared_error, peak_signal_noise_ratio

    from ccc import metrics
    from ccc.assets import weights as weight_files
    from ccc.codebook import class_map
    from ccc.core.errors import MissingWeights
    from ccc.metrics import foreign
    from ccc.metrics.pair import Pair

    torch.set_num_threads(1)
    pairs = pictures(args.size, args.pictures)
    test, truth = pairs[0]
    pair = Pair(test, truth)

    def pyiqa(name):
        model = foreign.load(name)
        return lambda: foreign.value_of(pair, model)

    print(machine())
    print(f"{args.size}x{args.size}, one thread, ms of processor time, best of {args.repeats}\n")
    print(f"{'ours':<24}{'ms':>10}   {'instead':<34}{'ms':>10}{'ratio':>9}   difference")
    maps = [class_map(picture).astype(np.int64) for picture in (test, truth)]
    table = [
        ("mse", "skimage", lambda: metrics.mse(test, truth), lambda: mean_squared_error(truth / 255, test / 255)),
        ("psnr", "skimage", lambda: metrics.psnr(test, truth), lambda: peak_signal_noise_ratio(truth, test)),
        ("psnr", "pyiqa psnr", lambda: metrics.psnr(test, truth), pyiqa("psnr")),
        ("ssim", "pyiqa ssimc", lambda: metrics.ssim(test, truth), pyiqa("ssimc")),
        (
            "ciede2000", "skimage, with its rgb2lab", lambda: metrics.ciede2000(test, truth),
            lambda: deltaE_ciede2000(rgb2lab(truth), rgb2lab(test)).mean(),
        ),
        (
            "mse_ab", "skimage's rgb2lab", lambda: metrics.mse_ab(test, truth),
            lambda: ((rgb2lab(truth) - rgb2lab(test))[..., 1:] ** 2).mean(),
        ),
        ("cnr", "rgb2lab and numpy's unique", lambda: metrics.cnr(test, truth), lambda: cnr_by_unique(test, truth)),
        (
            "cnr of 56x56 maps", "double loop of Eq. 18", lambda: metrics.cnr_of_classes(*maps),
            lambda: cnr_by_loop(*maps),
        ),
    ]  # fmt: skip
    for label, name, ours, theirs in table:
        row(label, name, ours, theirs, args.repeats)
    alone = dict.fromkeys(["colorfulness", "delta_colorfulness"], "in no library")
    alone |= {"fsimc": "it is the package pyiqa", "vsi": "it is the package pyiqa"}
    if args.quick:
        alone["uiqi"] = "without --quick"
    else:
        row("uiqi", "loop over windows", lambda: metrics.uiqi(test, truth), lambda: uiqi_by_loop(test, truth), 1)
    for label, instead in alone.items():
        function = getattr(metrics, label)
        function(test, truth)
        _, (milliseconds,) = best([lambda function=function: function(test, truth)], args.repeats)
        print(f"{label:<24}{milliseconds:>10.2f}   {instead}")

    weights = {}
    try:
        weights["alexnet"] = weight_files.locate("alexnet", args.alexnet)
        metrics.lpips(test, truth, weights=weights["alexnet"])
        found = best([lambda: metrics.lpips(test, truth, weights=weights["alexnet"])], args.repeats)[1][0]
        print(f"{'lpips, alex':<24}{found:>10.2f}   it is the package lpips")
    except MissingWeights as error:
        print(f"{'lpips, alex':<24}{'n/a':>10}   {error}")

    random = np.random.default_rng(0)
    for dimension in (64, 192, 768, 2048):
        x, y = random.normal(size=(2, args.pictures, dimension))
        label, ours = f"frechet, {args.pictures} x {dimension}", lambda x=x, y=y: metrics.frechet_distance(x, y)
        if dimension < 768 or not args.quick:
            repeats = args.repeats if dimension < 768 else 1
            row(label, "scipy sqrtm", ours, lambda x=x, y=y: frechet_by_sqrtm(x, y), repeats)
        else:
            ours()
            print(f"{label:<24}{best([ours], args.repeats)[1][0]:>10.2f}   scipy sqrtm: without --quick")
    row("kid", "loop over pairs", lambda: metrics.kid(x, y), lambda: kid_by_loop(x, y), args.repeats)
    cell(pairs, weights, min(args.repeats, 2))


if __name__ == "__main__":
    main()
