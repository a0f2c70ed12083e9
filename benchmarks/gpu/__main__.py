"""What only a GPU can show, step by step: each in a process and a time limit of its own, its JSON written at once.

  python -m benchmarks.gpu --out DIR --minutes 30 --shards 'shards/*.tar'   on a machine with CUDA
  python -m benchmarks.gpu --out DIR --device cpu --rehearse                the same at toy size, in three minutes
  python -m benchmarks.gpu --page DIR > benchmarks/gpu.md            the page of what was measured
A step that fails is recorded with what it had measured and the end of what it printed, and the next one runs. Weights
are random: neither agreement nor speed depends on what they are. Networks are compared in float32 without TF32.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.gpu import page, steps, training

STEPS = {  # in this order, with the seconds that each may take; the last one takes what is left
    "facts": (steps.facts, 60),
    "agreement": (steps.agreement, 240),
    "precisions": (training.precisions, 240),
    "resume": (training.resume, 180),
    "speed": (steps.speed, 600),
    "nccl": (steps.nccl, 60),
    "memory": (steps.memory, 90),
    "segment": (steps.segment, 120),
    "colorizers": (steps.colorizers, 240),
    "sharing": (steps.sharing, 90),
    "train": (training.train, None),
}
LEAST = 20  # seconds with which a step is worth its start


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=Path, help="folder for a JSON and a log a step")
    what.add_argument("--page", type=Path, metavar="DIR", help="print the page of the JSON files in DIR")
    parser.add_argument("--minutes", type=float, default=30, help="for all steps (default: 30)")
    parser.add_argument("--shards", help="pattern of shard tars (default: some of scikit-image's photographs)")
    parser.add_argument("--validation", help="pattern of shard tars that `train` validates on (default: the shards)")
    parser.add_argument("--mobilenet", help="torchvision's MobileNetV2 weights for `train` (default: random ones)")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--rehearse", action="store_true", help="toy sizes")
    parser.add_argument("--steps", nargs="+", choices=list(STEPS), default=list(STEPS))
    parser.add_argument("--one", choices=list(STEPS), help=argparse.SUPPRESS)
    parser.add_argument("--limit", type=float, help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(args: argparse.Namespace) -> None:
    """Run one step here, and write what it has measured after each of its figures."""
    found = {}
    for name, value in STEPS[args.one][0](args):
        found[name] = value
        (args.out / f"{args.one}.json").write_text(json.dumps(found, indent=1) + "\n")


def run(args: argparse.Namespace, step: str, limit: float) -> None:
    """Run one step in a process group of its own, which ends with its limit."""
    path, log = args.out / f"{step}.json", args.out / f"{step}.log"
    path.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks.gpu", *sys.argv[1:], "--one", step, "--limit", str(limit)]
    started = time.perf_counter()
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            status = f"no end in {limit:.0f} s"
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    found = json.loads(path.read_text()) if path.exists() else {}
    if status:
        found |= {"failed": status, "log": log.read_text(errors="replace").splitlines()[-12:]}
    path.write_text(json.dumps(found | {"seconds": round(time.perf_counter() - started, 1)}, indent=1) + "\n")


def main() -> int:
    args = parse()
    if args.page:
        print(page.render(args.page), end="")
        return 0
    args.out.mkdir(parents=True, exist_ok=True)
    if args.rehearse:  # processes that train side by side take each other's threads
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    if args.one:
        measure(args)
        return 0
    end, failed = time.perf_counter() + 60 * args.minutes, []
    for step in args.steps:
        left, own = end - time.perf_counter(), STEPS[step][1]
        path = args.out / f"{step}.json"
        if left < LEAST:
            path.write_text(json.dumps({"skipped": f"the {args.minutes:g} minutes were over"}) + "\n")
        else:
            run(args, step, min(left, own or left))
        found = json.loads(path.read_text())
        faults = page.faults(found)
        failed += [step] if faults else []
        state = "; ".join(faults) or (f"skipped: {found['skipped']}" if "skipped" in found else "ok")
        print(f"{step}: {state} ({found.get('seconds', 0)} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
