"""What a photograph costs in each stage, and what Places365-train and 100 million photographs would.

    python benchmarks/stages.py

Each stage runs as its own command on one core, on few and on more JPEGs of 256x256 (crops of photographs that
scikit-image ships); the difference is the cost of a photograph, the rest that of starting. A difference too small to
tell from chance is not shown. Seconds are the processor's, so a busy machine does not change them much. Bytes are
those of what the stage writes.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

FEW, MANY = 8, 72
REPEATED = 50  # sharding is so fast that its photographs are taken that many times, from a list
LEAST = 0.3  # seconds of the processor: two runs of one command differ by less
PLANS = {"Places365-train": 1_803_460, "100 million": 100_000_000}


def photographs(folder: Path, count: int) -> Path:
    generator = np.random.default_rng(0)
    shown = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    for number in range(count):
        picture = shown[number % len(shown)]
        top, left = (int(generator.integers(extent - 256)) for extent in picture.shape[:2])
        folder.mkdir(exist_ok=True)
        Image.fromarray(picture[top : top + 256, left : left + 256]).save(folder / f"{number:03d}.jpg", quality=90)
    return folder


def seconds(*words) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(
        [sys.executable, "-m", "ccc", *map(str, words)], capture_output=True, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    if run.returncode:
        sys.exit(f"ccc {words[0]}: {run.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def size(path: Path) -> int:
    return sum(file.stat().st_size for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file())


def measure(folder: Path, count: int) -> dict[str, tuple[float, int]]:
    """Seconds and bytes of every stage on `count` photographs."""
    source, listed = photographs(folder / "photographs", count), folder / "list.txt"
    listed.write_text("".join(f"photographs/{path.name}\n" for path in sorted(source.iterdir())) * REPEATED)
    shard, book, model = folder / "shards/00000.tar", folder / "codebook.json", folder / "train/ccc.safetensors"
    people, masks, coloured = folder / "people", folder / "masks", folder / "coloured"
    train = ["--validation", shard, "--codebook", book, "-o", model.parent, "--encoder", "mobilenet_v2"]
    train += ["--batch-size", 8, "--steps", count // 8, "--save-every", 1000, "--validation-batches", 1]
    stages = {
        "shard": (["shard", listed, "-o", shard], shard),
        "codebook, a shard's": (["codebook", shard, "-o", book, "--threshold", 20], book),
        "train, a step's photograph (mobilenet_v2)": (["train", shard, *train, "--device", "cpu"], model),
        "prepare": (["prepare", source, "-o", people, "--count", "all"], people),
        "segment (felzenszwalb)": (["segment", people / "gray", "-o", masks], masks),
        "colorize (ccc)": (
            ["colorize", people / "gray", "--weights", model, "-o", coloured, "--device", "cpu"], coloured
        ),
        "harmonize": (
            ["harmonize", people / "gray", coloured, "--masks", masks, "-o", folder / "sam"], folder / "sam"
        ),
        "evaluate": (
            ["evaluate", coloured, people / "truth", "--csv", folder / "m.csv", "--json", folder / "m.json"],
            folder / "m.csv",
        ),
    }  # fmt: skip
    return {name: (seconds(*words), size(written)) for name, (words, written) in stages.items()}


def main() -> None:
    with tempfile.TemporaryDirectory() as few, tempfile.TemporaryDirectory() as many:
        first, second = measure(Path(few), FEW), measure(Path(many), MANY)
    print("| stage | s to start | ms a photograph | kB a photograph |\n|---|---|---|---|")
    costs = {}
    for name in first:
        more = (MANY - FEW) * (REPEATED if name == "shard" else 1)
        (start, small), (end, large) = first[name], second[name]
        each, kilobytes = (end - start) / more, (large - small) / more / 1000
        costs[name] = each, kilobytes
        shown = f"{each * 1000:.2f}" if end - start > LEAST else f"below {LEAST / more * 1000:.2f}"
        rest = start - (more / (MANY - FEW)) * FEW * each
        print(f"| {name} | {rest:.1f} | {shown} | {kilobytes:.1f} |")
    each, kilobytes = costs["shard"]
    print("\n| photographs | shards of 10,000 | core-hours to shard | GB of shards |\n|---|---|---|---|")
    for name, count in PLANS.items():
        hours, gigabytes = count * each / 3600, count * kilobytes / 1e6
        print(f"| {name}: {count:,} | {-(-count // 10_000):,} | {hours:.1f} | {gigabytes:,.0f} |")


if __name__ == "__main__":
    main()
