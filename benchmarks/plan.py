"""How long Snakemake plans: Places365-train as the paper has it, ten times that, and 100 million photographs.

    python benchmarks/plan.py [shards ...]

Nothing is computed: a dry run of the workflow with as many shards, five benchmarks and every method, in a folder
without results; photographs and weight files are empty ones of the right names. The processor's seconds are those of
an idle machine, the clock's those of this one as it is now.
"""

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from ccc.assets import weights

ROOT = Path(__file__).resolve().parents[1]


def plan(shards: int) -> tuple[int, float, float]:
    """Jobs of a run with that many training shards; seconds that planning it took by the processor and the clock."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for source in ("validation", *(f"benchmarks/{number}" for number in range(5))):
            (folder / source).mkdir(parents=True)
            (folder / source / "photograph.jpg").touch()  # a source without pictures is refused
        (folder / "train.txt").write_text("photograph.jpg\n" * shards)  # as one with fewer of them than shards is
        for facts in weights.known().values():
            (folder / facts["file"]).touch()
        config = {
            "run": "plan",
            "photographs": str(folder),
            "data": {"source": "train.txt", "validation": "validation", "shards": shards},
            "codebook": {"threshold": 500},
            "benchmarks": {f"set{number}": {"source": f"benchmarks/{number}"} for number in range(5)},
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", "--snakefile", ROOT / "Snakefile"]
        started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        run = subprocess.run(
            [*command, "--configfile", folder / "config.yaml", "--directory", folder],
            cwd=ROOT, capture_output=True, text=True, env=os.environ | {"CCC_WEIGHTS": name},
        )  # fmt: skip
        seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    found = re.search(r"^total\s+(\d+)", run.stdout + run.stderr, re.M)
    if run.returncode or not found:
        sys.exit(run.stdout + run.stderr)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return int(found[1]), worked, seconds


if __name__ == "__main__":
    counts = [int(word) for word in sys.argv[1:]] or [180, 1800, 10_000]
    print("| training shards | jobs | seconds of the processor | seconds by the clock |\n|---|---|---|---|")
    for shards in counts:
        jobs, worked, seconds = plan(shards)
        print(f"| {shards:,} | {jobs:,} | {worked:.1f} | {seconds:.1f} |", flush=True)
