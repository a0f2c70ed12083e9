"""What only a GPU can show, step by step: each in a process and a time limit of its own, its JSON written at once.

  python -m benchmarks.gpu --out DIR --shards 'shards/*-main-*.tar'     on a machine with CUDA
  python -m benchmarks.gpu --out DIR --device cpu --rehearse            the same at toy size
A step that fails is recorded with the end of what it printed, and the next one runs. Weights are random: neither
agreement nor speed depends on what they are. Networks are compared in float32 without TF32.
"""

import argparse
import glob
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

STEPS = {  # seconds that each may take
    "facts": 60, "agreement": 240, "precisions": 240, "resume": 180, "speed": 900, "colorizers": 240, "memory": 60,
}  # fmt: skip
EACH = 150  # seconds that one configuration of `speed` may take


def facts(args) -> dict:
    import platform

    import torch

    found = {"python": platform.python_version(), "torch": torch.__version__, "cuda": torch.version.cuda}
    found |= {"cores": os.cpu_count(), "device": "cpu"}
    if args.device == "cuda":
        device = torch.cuda.get_device_properties(0)
        found |= {"device": device.name, "memory_gib": round(device.total_memory / 2**30, 1)}
        found |= {"cudnn": torch.backends.cudnn.version(), "nccl": torch.cuda.nccl.version()}
    return found


def _difference(one, other) -> dict:
    """Largest difference; and the root of the mean square difference as a share of that of the values."""
    one, other = one.detach().double().cpu(), other.detach().double().cpu()
    apart = one - other
    relative = (apart.square().mean() / one.square().mean().clamp(min=1e-30)).sqrt().item()
    return {"largest": apart.abs().max().item(), "relative": relative}


def agreement(args) -> dict:
    """The CPU against the device: the network, the loss with its gradients, decoding, every colorizer."""
    import torch
    from skimage import data

    from benchmarks.colorizers import METHODS, _method
    from ccc.codebook import Codebook
    from ccc.loss import ClassBalancedCrossEntropy
    from ccc.model import ClassColors, ColorClassifier

    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    device, found = args.device, {}
    codebook = Codebook.fit(np.where(np.arange(400) % 2, 1000, 0), 500)
    side, count = (64, 2) if args.rehearse else (224, 8)
    generator = torch.Generator().manual_seed(0)
    gray = torch.rand(count, 1, side, side, generator=generator)
    target = torch.randint(codebook.size, (count, side // 4, side // 4), generator=generator)
    for encoder, decoder in (("densenet121", "plain"), ("mobilenet_v2", "skip")):
        torch.manual_seed(0)
        here = ColorClassifier(codebook.size, encoder, decoder=decoder).train()
        there = ColorClassifier(codebook.size, encoder, decoder=decoder).train()
        there.load_state_dict(here.state_dict())
        there.to(device, memory_format=torch.channels_last)
        logits, on_device = here(gray), there(gray.to(device))
        losses = [ClassBalancedCrossEntropy(codebook.size).to(where) for where in ("cpu", device)]
        loss, other = losses[0](logits, target), losses[1](on_device, target.to(device))
        loss.backward(), other.backward()
        pairs = [(one.grad, two.grad) for one, two in zip(here.parameters(), there.parameters(), strict=True)]
        found[f"{encoder} + {decoder}: logits"] = _difference(logits, on_device)
        found[f"{encoder} + {decoder}: loss"] = _difference(loss, other)
        norms = [math.sqrt(sum(float(pair[i].double().cpu().square().sum()) for pair in pairs)) for i in (0, 1)]
        apart = math.sqrt(sum(float((a.double() - b.double().cpu()).square().sum()) for a, b in pairs))
        found[f"{encoder} + {decoder}: gradient"] = {"relative": apart / norms[0], "norms": norms}
        for precision in (torch.bfloat16, torch.float16):
            with torch.no_grad(), torch.autocast(device, precision):
                narrow = there(gray.to(device))
            name = f"{encoder} + {decoder}: logits in {str(precision).split('.')[1]}"
            found[name] = _difference(on_device, narrow)
    for decode in ("argmax", "annealed", "ciede2000"):
        colors = ClassColors(codebook, decode)
        found[f"decoding: {decode}"] = _difference(colors(logits), colors.to(device)(logits.to(device)))
    picture = data.astronaut()[:, :400]
    for name in METHODS[:1] if args.rehearse else METHODS:
        torch.manual_seed(0)
        here = _method(name, "cpu")
        torch.manual_seed(0)
        there = _method(name, device)
        one, two = (colorizer.colorize(picture).astype(int) for colorizer in (here, there))
        found[f"{name}: picture, gray levels"] = {"largest": int(abs(one - two).max()), "mean": abs(one - two).mean()}
    return found


def _shards(args, folder: Path) -> list[str]:
    from benchmarks.train import own_shards

    if args.shards:
        return sorted(glob.glob(args.shards))
    return list(map(str, own_shards(folder, 32 if args.rehearse else 512, 1 if args.rehearse else 8)))


def _codebook(shards: list[str], folder: Path) -> Path:
    from ccc.codebook import Codebook
    from ccc.data.shards import sum_histograms

    Codebook.fit(sum_histograms([Path(path).with_suffix(".histogram.npy") for path in shards]), 100).save(
        folder / "codebook.json"
    )
    return folder / "codebook.json"


def _command(args, shards: list[str], codebook: Path, output: Path, *more: str) -> list[str]:
    size = ("--crop", "64", "--batch-size", "4") if args.rehearse else ("--crop", "128", "--batch-size", "64")
    return [
        sys.executable, "-m", "ccc", "train", *shards, "--validation", shards[0], "--codebook", str(codebook),
        "-o", str(output), "--device", args.device, "--encoder", "mobilenet_v2", *size, *more,
    ]  # fmt: skip


def precisions(args) -> dict:
    """Training in every precision: last losses, all numbers, and how far the curves lie from float32's."""
    steps, found = ("4", "2") if args.rehearse else ("200", "50"), {}
    with tempfile.TemporaryDirectory() as folder:
        shards = _shards(args, Path(folder))
        codebook = _codebook(shards, Path(folder))
        for name, flags in {
            "float32": ["--no-tf32"], "tf32": [], "bfloat16": ["--precision", "bfloat16"],
            "float16": ["--precision", "float16"],
        }.items():  # fmt: skip
            output, started = Path(folder) / name, time.perf_counter()
            flags += ["--steps", steps[0], "--validate-every", steps[1], "--workers", "0" if args.rehearse else "4"]
            subprocess.run(_command(args, shards, codebook, output, *flags), check=True)
            lines = (output / "history.csv").read_text().splitlines()
            names = lines[0].split(",")
            rows = [dict(zip(names, line.split(","), strict=True)) for line in lines[1:]]
            curves = {key: [float(row[key]) for row in rows] for key in ("loss", "validation_loss") if key in names}
            found[name] = curves | {"seconds": time.perf_counter() - started}
    return found


def resume(args) -> dict:
    """SIGTERM in mid-training saves; the continued run's model against the unbroken one's, deterministic."""
    import safetensors.torch

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        shards = _shards(args, Path(folder))
        codebook = _codebook(shards, Path(folder))
        steps = "6" if args.rehearse else "120"
        more = ["--deterministic", "--steps", steps, "--validate-every", steps, "--save-every", "3"]
        whole, broken = Path(folder) / "whole", Path(folder) / "broken"
        subprocess.run(_command(args, shards, codebook, whole, *more), check=True)
        process = subprocess.Popen(_command(args, shards, codebook, broken, *more))
        while process.poll() is None and not list(broken.glob("state/*")):
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        found["exit status after SIGTERM"] = process.wait()
        subprocess.run(_command(args, shards, codebook, broken, *more), check=True)
        one, two = (safetensors.torch.load_file(path / "ccc.safetensors") for path in (whole, broken))
        found["largest difference of a weight"] = max(_difference(one[key], two[key])["largest"] for key in one)
        found["same bytes"] = (whole / "ccc.safetensors").read_bytes() == (broken / "ccc.safetensors").read_bytes()
    return found


def speed(args) -> dict:
    """benchmarks/train.py for the paper's network and the small one: loader, compute, end to end, bounds."""
    found, given = {}, ["--shards", args.shards] if args.shards else []
    runs = [["--batch", "4", "--crop", "64", "--steps", "2", "--encoder", "mobilenet_v2"]] if args.rehearse else [
        ["--batch", batch, "--encoder", encoder, "--decoder", decoder, "--precision", precision, *more]
        for encoder, decoder in (("densenet121", "plain"), ("mobilenet_v2", "skip"))
        for batch, precision, more in (
            ("64", "float32", []), ("64", "bfloat16", []), ("256", "bfloat16", []), ("256", "bfloat16", ["--compile"]),
        )
    ]  # fmt: skip
    for flags in runs:
        more = [] if args.rehearse else ["--workers", "12"]
        command = [sys.executable, "-m", "benchmarks.train", "--device", args.device, *flags, *more, *given]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=EACH)
            text = done.stdout if not done.returncode else done.stdout + done.stderr[-1000:]
        except subprocess.TimeoutExpired:
            text = f"no end in {EACH} s"
        found[" ".join(flags)] = text.splitlines()
        (args.out / "speed.json").write_text(json.dumps(found, indent=1) + "\n")  # what is measured is not lost
    return found


def colorizers(args) -> dict:
    """benchmarks/colorizers.py: pictures a second and peak memory of every method."""
    more = ["--methods", "cic", "--batch", "1"] if args.rehearse else ["--batch", "1", "8"]
    command = [sys.executable, "-m", "benchmarks.colorizers", "--device", args.device, *more]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {"lines": [json.loads(line) for line in done.stdout.splitlines()]}


def memory(args) -> dict:
    """A batch and a picture that are too large: halved, or told in one line."""
    if args.device != "cuda":
        return {"skipped": "no CUDA"}
    import torch

    from benchmarks.colorizers import _method
    from ccc.core.errors import CCCError

    torch.cuda.set_per_process_memory_fraction(6 / (torch.cuda.get_device_properties(0).total_memory / 2**30))
    colorizer = _method("ddcolor-paper", "cuda")
    pictures = [np.full((480, 640, 3), 100, np.uint8)] * 96
    found = {"pictures of a batch of 96 in 6 GiB": len(colorizer.colorize_batch(pictures))}
    try:
        from ccc import colorizers as methods

        methods.load("ccc", device="cuda", input_size=8192).colorize(np.full((8000, 8000, 3), 100, np.uint8))
        found["one picture of 8192 pixels in 6 GiB"] = "fits"
    except CCCError as error:
        found["one picture of 8192 pixels in 6 GiB"] = str(error)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for a JSON a step")
    parser.add_argument("--shards", help="pattern of shard tars (default: some of scikit-image's photographs)")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--rehearse", action="store_true", help="toy sizes")
    parser.add_argument("--steps", nargs="+", choices=list(STEPS), default=list(STEPS))
    parser.add_argument("--one", choices=list(STEPS), help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.one:
        result = globals()[args.one](args)
        (args.out / f"{args.one}.json").write_text(json.dumps(result, indent=1) + "\n")
        return 0
    failed = []
    for step in args.steps:
        path, started = args.out / f"{step}.json", time.perf_counter()
        path.unlink(missing_ok=True)
        command = [sys.executable, "-m", "benchmarks.gpu", *sys.argv[1:], "--one", step]
        with open(args.out / f"{step}.log", "wb") as log:
            try:
                status = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, timeout=STEPS[step]).returncode
            except subprocess.TimeoutExpired:
                status = f"no end in {STEPS[step]} s"
        if status:
            failed.append(step)
            tail = (args.out / f"{step}.log").read_text(errors="replace").splitlines()[-12:]
            measured = json.loads(path.read_text()) if path.exists() else {}
            path.write_text(json.dumps(measured | {"failed": status, "log": tail}, indent=1) + "\n")
        print(f"{step}: {time.perf_counter() - started:.1f} s{', FAILED' if step in failed else ''}", flush=True)
        print(path.read_text(), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
