"""Steps that train nothing. Each gives its figures by name, as they are measured.

A figure with a bound is a dictionary of `value`, `bound` and `ok`. Sizes are those of a GPU, or toys (`--rehearse`).
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

Figures = Iterator[tuple[str, object]]
EACH = 150  # seconds that one configuration of `speed` may take
BOUNDS = {
    "float32": 1e-3,
    "bfloat16": 0.25,
    "float16": 0.1,
}  # of the root of the mean square, as a share of the values'
GOAL = 4000  # images a second, end to end, bfloat16


def bounded(value: float, bound: float) -> dict:
    return {"value": value, "bound": bound, "ok": bool(value <= bound)}


def relative(one, other) -> float:
    """Root of the mean square difference of two tensors, as a share of that of the first one's values."""
    one, other = (tensor.detach().double().cpu() for tensor in (one, other))
    return ((one - other).square().mean() / one.square().mean().clamp(min=1e-30)).sqrt().item()


def facts(args) -> Figures:
    import torch

    yield "python", sys.version.split()[0]
    yield "torch", torch.__version__
    yield "cores", os.cpu_count()
    if args.device == "cuda":
        device = torch.cuda.get_device_properties(0)
        yield "device", device.name
        yield "memory_gib", round(device.total_memory / 2**30, 1)
        yield "cuda", torch.version.cuda
        yield "cudnn", torch.backends.cudnn.version()
        yield "nccl", ".".join(map(str, torch.cuda.nccl.version()))
    else:
        yield "device", "cpu"


def agreement(args) -> Figures:
    """The CPU against the device: the networks, the loss with its gradients, decoding, every colorizer."""
    import torch
    from skimage import data

    from benchmarks.colorizers import METHODS, _method
    from ccc.codebook import Codebook
    from ccc.loss import ClassBalancedCrossEntropy
    from ccc.model import ClassColors, ColorClassifier

    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    codebook = Codebook.fit(np.where(np.arange(400) % 2, 1000, 0), 500)
    side, count = (64, 2) if args.rehearse else (224, 8)
    generator = torch.Generator().manual_seed(0)
    gray = torch.rand(count, 1, side, side, generator=generator)
    target = torch.randint(codebook.size, (count, side // 4, side // 4), generator=generator)
    for encoder, decoder in (("densenet121", "plain"), ("mobilenet_v2", "skip")):
        name = f"{encoder}, {decoder} decoder"
        torch.manual_seed(0)
        # In eval mode: normalized by a few pictures, random weights enlarge what rounding leaves.
        here = ColorClassifier(codebook.size, encoder, decoder=decoder).eval()
        there = ColorClassifier(codebook.size, encoder, decoder=decoder).eval()
        there.load_state_dict(here.state_dict())
        there.to(args.device, memory_format=torch.channels_last)
        logits, on_device = here(gray), there(gray.to(args.device))
        losses = [ClassBalancedCrossEntropy(codebook.size).to(device) for device in ("cpu", args.device)]
        loss, other = losses[0](logits, target), losses[1](on_device, target.to(args.device))
        loss.backward(), other.backward()
        gradients = [torch.cat([p.grad.flatten().cpu() for p in network.parameters()]) for network in (here, there)]
        yield f"{name}: logits", bounded(relative(logits, on_device), BOUNDS["float32"])
        yield f"{name}: loss", bounded(relative(loss, other), BOUNDS["float32"])
        yield f"{name}: gradient", bounded(relative(*gradients), BOUNDS["float32"])
        for precision in ("bfloat16", "float16"):
            with torch.no_grad(), torch.autocast(args.device, getattr(torch, precision)):
                narrow = there(gray.to(args.device))
            yield f"{name}: logits in {precision}", bounded(relative(on_device, narrow), BOUNDS[precision])
    for decode in ("argmax", "annealed", "ciede2000"):
        colors = ClassColors(codebook, decode)
        ab = colors(logits), colors.to(args.device)(logits.to(args.device))
        yield f"decoding by {decode}", bounded(relative(*ab), BOUNDS["float32"])
    picture = data.astronaut()[:, :400]
    for name in METHODS[:1] if args.rehearse else METHODS:
        pictures = []
        for device in ("cpu", args.device):
            torch.manual_seed(0)
            pictures.append(_method(name, device).colorize(picture).astype(int))
        yield f"{name}: gray levels, mean difference", bounded(float(abs(pictures[0] - pictures[1]).mean()), 0.1)


def speed(args) -> Figures:
    """benchmarks/train.py for the paper's network and the small one: loader, compute, end to end, bounds, memory."""
    given = ["--shards", args.shards] if args.shards else []
    runs = [["--batch", "4", "--crop", "64", "--steps", "2", "--encoder", "mobilenet_v2"]] if args.rehearse else [
        [
            "--workers", "12", "--batch", batch, "--encoder", encoder, "--decoder", decoder, "--precision", precision,
            *more,
        ]
        for encoder, decoder in (("densenet121", "plain"), ("mobilenet_v2", "skip"))
        for batch, precision, more in (
            ("64", "float32", []), ("64", "bfloat16", []), ("256", "bfloat16", []), ("256", "bfloat16", ["--compile"]),
        )
    ]  # fmt: skip
    for flags in runs:
        command = [sys.executable, "-m", "benchmarks.train", "--device", args.device, *flags, *given]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=EACH)
            failed = "" if not done.returncode else (done.stdout + done.stderr).rstrip()[-300:]
        except subprocess.TimeoutExpired:
            failed = f"no end in {EACH} s"
        if failed:
            yield f"{' '.join(flags)}: failed", failed
        else:
            yield " ".join(flags), done.stdout.splitlines()


def nccl(args) -> Figures:
    """One rank: gradients through DistributedDataParallel against those without."""
    import torch
    from torch import distributed

    from ccc.model import ColorClassifier

    os.environ |= {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29511"}
    backend = "nccl" if args.device == "cuda" else "gloo"
    distributed.init_process_group(backend)
    yield "backend", backend
    gray, gradients = torch.rand(4, 1, 64, 64, device=args.device), []
    for wrap in (lambda network: network, torch.nn.parallel.DistributedDataParallel):
        torch.manual_seed(0)
        network = wrap(ColorClassifier(100, "mobilenet_v2").to(args.device))
        network(gray).square().mean().backward()
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in network.parameters()]))
    yield "gradient against that of no group", bounded(relative(*gradients), BOUNDS["float32"])
    total = torch.ones(3, device=args.device)
    distributed.all_reduce(total)
    yield "sum over ranks", total.tolist()
    distributed.destroy_process_group()


def memory(args) -> Figures:
    """A batch and a picture that are too large for 6 GiB: halved, or told in one line."""
    if args.device != "cuda":
        yield "skipped", "no CUDA"
        return
    import torch

    from benchmarks.colorizers import _method
    from ccc import colorizers as methods
    from ccc.core.errors import CCCError

    torch.cuda.set_per_process_memory_fraction(6 / (torch.cuda.get_device_properties(0).total_memory / 2**30))
    pictures = [np.full((480, 640, 3), 100, np.uint8)] * 96
    yield "pictures of a batch of 96", len(_method("ddcolor-paper", "cuda").colorize_batch(pictures))
    try:
        methods.load("ccc", device="cuda", input_size=8192).colorize(np.full((8000, 8000, 3), 100, np.uint8))
        yield "one picture of 8192 pixels a side", "fits"
    except CCCError as error:
        yield "one picture of 8192 pixels a side", str(error)


def segment(args) -> Figures:
    """Segment Anything with random weights, every mask kept: seconds, and points halved for lack of memory."""
    import torch
    from skimage import data

    from ccc.segment.sam import Sam, build

    gray = data.camera()
    names, points = (("mobile_sam",), 2) if args.rehearse else (("mobile_sam", "sam_vit_b", "sam_vit_h"), 32)
    keep = {"pred_iou_thresh": 0, "stability_score_thresh": 0, "points_per_side": points}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            torch.manual_seed(0)
            torch.save(build(name).state_dict(), path := Path(folder) / "weights.pth")
            segmenter = Sam(name, path, args.device, **keep)
            started = time.perf_counter()
            records = segmenter.segment(gray, "camera")
            yield f"{name}: {points}x{points} points", f"{time.perf_counter() - started:.2f} s, {len(records)} masks"
            if args.device == "cuda" and name == "sam_vit_b":
                torch.cuda.set_per_process_memory_fraction(
                    (torch.cuda.memory_allocated() / 2**30 + 4)
                    / (torch.cuda.get_device_properties(0).total_memory / 2**30)
                )
                limited = Sam(name, path, args.device, **keep, points_per_batch=1024)
                limited.segment(gray, "camera")
                yield "points at once of 1024, with 4 GiB", limited._generator.points_per_batch
                torch.cuda.set_per_process_memory_fraction(1.0)


def colorizers(args) -> Figures:
    """benchmarks/colorizers.py: pictures a second and peak memory of every method."""
    more = ["--methods", "cic", "--batch", "1"] if args.rehearse else ["--batch", "1", "8"]
    command = [sys.executable, "-m", "benchmarks.colorizers", "--device", args.device, *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            record = json.loads(line)
            if "method" in record:
                yield f"{record['method']}, batch {record['batch']}", record
    if process.returncode:
        raise SystemExit(process.returncode)


def sharing(args) -> Figures:
    """Two `ccc colorize` at once, each of which chooses its device: both end well."""
    from skimage import data

    from ccc.core.images import write_png

    with tempfile.TemporaryDirectory() as folder:
        for number, picture in enumerate(
            (data.astronaut(), data.chelsea(), data.coffee())[: 1 if args.rehearse else 3]
        ):
            write_png(Path(folder) / "photographs" / f"{number}.png", picture)
        device = ["--device", "cpu"] if args.device == "cpu" else []
        for jobs in (1, 2):
            started = time.perf_counter()
            running = [
                subprocess.Popen([
                    sys.executable, "-m", "ccc", "colorize", f"{folder}/photographs", "-o", f"{folder}/{jobs}-{job}",
                    *device,
                ])
                for job in range(jobs)
            ]  # fmt: skip
            states = [process.wait() for process in running]
            yield f"{jobs} at once: exit statuses", bounded(max(states), 0)
            yield f"{jobs} at once: seconds", round(time.perf_counter() - started, 1)
