"""Steps that train: every precision, resumption, and the models that ship."""

import csv
import glob
import math
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.gpu.steps import Figures, bounded, relative

NOISE = 0.05  # of validation losses after 200 steps in two precisions
RESERVE = 90  # seconds at the end of `train` to validate and write what was trained
PROBE = 40  # seconds after the first steps, from which the length of the training is reckoned


def _shards(args, folder: Path) -> list[str]:
    from benchmarks.train import own_shards

    if args.shards:
        return sorted(glob.glob(args.shards))
    return list(map(str, own_shards(folder, 32 if args.rehearse else 512, 1 if args.rehearse else 8)))


def _command(args, shards: list[str], folder: Path, output: Path, *more: str) -> list[str]:
    """`ccc train` of a small network on the shards, with a codebook of theirs."""
    from ccc.codebook import Codebook
    from ccc.data.shards import sum_histograms

    counts = sum_histograms([Path(path).with_suffix(".histogram.npy") for path in shards])
    Codebook.fit(counts, max(math.ceil(4.55e-6 * counts.sum()), 1)).save(folder / "codebook.json")
    validation = sorted(glob.glob(args.validation)) if args.validation else shards[:1]
    return [
        sys.executable, "-m", "ccc", "train", *shards, "--validation", *validation, "-o", str(output),
        "--codebook", str(folder / "codebook.json"), "--device", args.device, *more,
    ]  # fmt: skip


def _small(args) -> list[str]:
    size = ("--crop", "32", "--batch-size", "4") if args.rehearse else ("--crop", "128", "--batch-size", "64")
    return ["--encoder", "mobilenet_v2", "--decoder", "skip", *size]


def precisions(args) -> Figures:
    """The same training in every precision: finite, and the validation loss that of float32 within noise."""
    steps, narrow = ("4", []) if args.rehearse else ("200", ["--workers", "4"])
    with tempfile.TemporaryDirectory() as name:
        folder, expected = Path(name), None
        shards = _shards(args, folder)
        for precision in ("float32", "tf32", "bfloat16", "float16"):
            if args.device != "cuda" and precision in ("tf32", "float16"):
                yield precision, "skipped: no CUDA"
                continue
            flags = ["--no-tf32"] if precision == "float32" else ["--precision", precision]
            flags = [] if precision == "tf32" else flags
            output, started = folder / precision, time.perf_counter()
            flags += [*_small(args), *narrow, "--steps", steps, "--validate-every", steps]
            subprocess.run(_command(args, shards, folder, output, *flags), check=True)
            with open(output / "history.csv", newline="") as file:
                last = list(csv.DictReader(file))[-1]
            loss = float(last["validation_loss"])
            expected = loss if expected is None else expected
            yield f"{precision}: validation loss", loss
            yield f"{precision}: apart from float32", bounded(abs(loss - expected), NOISE)  # NaN is not within
            yield f"{precision}: seconds", round(time.perf_counter() - started, 1)


def resume(args) -> Figures:
    """SIGTERM in the middle of a deterministic training saves; the continued run's model against the unbroken one's."""
    import safetensors.torch

    with tempfile.TemporaryDirectory() as name:
        folder, steps = Path(name), "6" if args.rehearse else "120"
        shards = _shards(args, folder)
        more = [*_small(args), "--deterministic", "--steps", steps, "--validate-every", steps, "--save-every", "3"]
        whole, broken = folder / "whole", folder / "broken"
        subprocess.run(_command(args, shards, folder, whole, *more), check=True)
        command = _command(args, shards, folder, broken, *more)
        process = subprocess.Popen(command)
        while process.poll() is None and not list(broken.glob("state/*")):
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        yield "exit status after SIGTERM, which is 75", bounded(abs(process.wait() - 75), 0)
        subprocess.run(command, check=True)
        one, two = (safetensors.torch.load_file(path / "ccc.safetensors") for path in (whole, broken))
        yield "largest difference of a weight", bounded(max(relative(one[key], two[key]) for key in one), 1e-6)
        yield "same bytes", (whole / "ccc.safetensors").read_bytes() == (broken / "ccc.safetensors").read_bytes()


def train(args) -> Figures:
    """The models that ship, side by side in the time that is left: MobileNetV2, and DenseNet-121 from random weights.

    Both files come back; the one of less validation loss is named.
    """
    end = time.perf_counter() + args.limit
    start = ["--pretrained", args.mobilenet, "--encoder-rate", "0.3"] if args.mobilenet else []
    networks = {
        "mobilenet_v2": ["--encoder", "mobilenet_v2", "--decoder", "skip", *start],
        "densenet121": ["--encoder", "densenet121"],
    }
    size = ["--crop", "32", "--batch-size", "4"] if args.rehearse else [
        "--crop", "128", "--batch-size", "64", "--precision", "bfloat16", "--workers", "6",
    ]  # fmt: skip
    common = [
        *size, "--random-resized-crop", "0.3", "--gamma-jitter", "0.8", "--ema", "0.998", "--upsilon", "0.1",
        "--schedule", "cooldown", "--cooldown", "0.35", "--warmup", "100", "--select", "best",
    ]  # fmt: skip
    losses = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shards = _shards(args, folder)

        def log_of(network: str, output: str) -> Path:
            return args.out / f"{network}.{output}.log"

        def together(output: str, steps: dict[str, int], seconds: float, from_first_step: bool = False) -> None:
            running = []
            for network, flags in networks.items():
                pace = ["--steps", str(steps[network]), "--validate-every", str(max(steps[network] // 20, 1))]
                command = _command(args, shards, folder, folder / output / network, *common, *flags, *pace)
                with open(log_of(network, output), "wb") as log:
                    running.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT))
            while from_first_step and time.perf_counter() < end - RESERVE and all(p.poll() is None for p in running):
                texts = [log_of(network, output).read_text(errors="replace") for network in networks]
                from_first_step = not all("first step" in text for text in texts)
                time.sleep(0.5)
            until = time.perf_counter() + seconds
            while time.perf_counter() < until and any(process.poll() is None for process in running):
                time.sleep(0.5)
            for process in running:
                process.terminate()
                process.wait()

        started = time.perf_counter()
        together("probe", dict.fromkeys(networks, 10**6), 1 if args.rehearse else PROBE, from_first_step=True)
        # Its start counts too: better too few steps than no end.
        probed, left = time.perf_counter() - started, end - time.perf_counter() - RESERVE
        steps = {}
        for network in networks:
            stopped = re.findall(r"at step (\d+);", log_of(network, "probe").read_text(errors="replace"))
            if not stopped:
                yield f"{network}: failed", f"see {network}.probe.log"
                return
            steps[network] = 2 if args.rehearse else int(int(stopped[-1]) / probed * left)
        together("model", steps, end - time.perf_counter() - 10)
        for network in networks:
            file = folder / "model" / network / "ccc.safetensors"
            if not file.exists():
                yield f"{network}: failed", f"see {network}.model.log"
                continue
            shutil.copy(file, args.out / f"{network}.safetensors")
            with open(file.with_name("history.csv"), newline="") as history:
                losses[network] = min(float(row["validation_loss"]) for row in csv.DictReader(history))
            yield f"{network}: steps", steps[network]
            yield f"{network}: least validation loss", losses[network]
    yield "the better one", min(losses, key=losses.get) if losses else "none"
