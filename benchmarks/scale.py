"""The data half at the size of Places365: an index of 1.8 million pictures, one shard job of 180, the plan of all jobs.

The source is synthetic: a tar in Places365's layout (365 classes) whose members repeat a few JPEGs of 16x16 pixels, so
that times tell of the bookkeeping and not of decoding. It takes about 2 GB in the temporary folder (TMPDIR) and is
removed. Each command runs as a process of its own; its peak memory is what the system reports of it.
"""

import argparse
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import webdataset
import yaml
from PIL import Image

from ccc.data.index import Index
from ccc.data.shards import sum_histograms
from ccc.data.sources import Source

ROOT = Path(__file__).resolve().parents[1]


def write_source(path: Path, count: int, classes: int = 365) -> None:
    """A tar of `count` small JPEGs, evenly over `classes` folders."""
    random = np.random.default_rng(0)
    jpegs = []
    for _ in range(16):
        file = io.BytesIO()
        colour = tuple(map(int, random.integers(0, 256, 3)))
        Image.new("RGB", (16, 16), colour).save(file, "JPEG", optimize=True)
        jpegs.append(file.getvalue())
    with open(path, "wb") as file, webdataset.TarWriter(file) as tar:
        for number in range(count):
            label = number * classes // count
            folder = f"data_256/{chr(97 + label * 26 // classes)}/class_{label:03d}"
            tar.write({"__key__": f"{folder}/{number:08d}", "jpg": jpegs[number % len(jpegs)]})


def measured(name: str, *command, folder: Path) -> str:
    """Run a command; print its time and peak memory; return what it printed."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    started = time.perf_counter()
    with open(folder / "out", "w") as out:
        job = subprocess.Popen(list(map(str, command)), stdout=out, stderr=subprocess.STDOUT, env=environment)
        _, status, usage = os.wait4(job.pid, 0)
    printed = (folder / "out").read_text()
    if status:
        sys.exit(f"{name} failed:\n{printed}")
    wall, cpu = time.perf_counter() - started, usage.ru_utime + usage.ru_stime
    print(f"{name:28} {cpu:7.1f} s CPU {wall:7.1f} s wall {usage.ru_maxrss / 1024:6.0f} MiB peak", flush=True)
    return printed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_803_460, help="pictures (default: as Places365-train)")
    parser.add_argument("--shards", type=int, default=180)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        source, index, shard = folder / "train.tar", folder / "train.parquet", folder / "shards" / "00090.tar"
        started = time.perf_counter()
        write_source(source, arguments.count)
        print(f"{arguments.count:,} pictures, {source.stat().st_size / 1e9:.2f} GB", end=", ")
        print(f"written in {time.perf_counter() - started:.0f} s")
        ccc = (sys.executable, "-m", "ccc")
        measured("ccc index, shuffled", *ccc, "index", source, "-o", index, "--seed", 0, folder=folder)
        print(f"  the index takes {index.stat().st_size / 1e6:.1f} MB")
        started = time.process_time()
        opened = Index.open(index, Source(source))
        middle = len(opened) // 2
        entries = opened.entries(middle, middle + len(opened) // arguments.shards)
        print(f"  opening it at {len(entries):,} rows in the middle takes {time.process_time() - started:.3f} s CPU")
        number = arguments.shards // 2
        measured(
            f"ccc shard, 1 of {arguments.shards}", *ccc, "shard", source, "--index", index, "-o", shard,
            "--shard", number, "--of", arguments.shards, folder=folder,
        )  # fmt: skip
        histograms = [folder / f"{number}.histogram.npy" for number in range(arguments.shards)]
        for path in histograms:  # the one shard's, as many times
            shutil.copy(shard.with_suffix(".histogram.npy"), path)
        started = time.process_time()
        sum_histograms(histograms)
        print(f"  summing {arguments.shards} histograms takes {time.process_time() - started:.3f} s CPU")
        source.unlink()
        plan(folder)


def plan(folder: Path) -> None:
    """`snakemake -n` of config/places365.yaml, with empty files in the place of what it names."""
    config = yaml.safe_load((ROOT / "config/places365.yaml").read_text())
    names = [config["data"]["source"], config["data"]["validation"]]
    for name in names + [entry["source"] for entry in config["benchmarks"].values()]:
        path = folder / "data" / name
        if path.suffix:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        else:
            path.mkdir(parents=True)
    printed = measured(
        "snakemake -n, places365.yaml", sys.executable, "-m", "snakemake", "-n", "--quiet", "rules",
        "--snakefile", ROOT / "Snakefile", "--configfile", ROOT / "config/places365.yaml",
        "--directory", folder / "run", "--config", f"photographs={folder / 'data'}", folder=folder,
    )  # fmt: skip
    print(f"  {re.search(r'^total +([0-9]+)', printed, re.M)[1]} jobs")


if __name__ == "__main__":
    main()
