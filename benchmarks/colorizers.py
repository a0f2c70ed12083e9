"""Images a second of every method, or its memory, with random weights: neither depends on what the weights are.

    python benchmarks/colorizers.py --methods cic ddcolor-tiny --size 480 360 --device cpu --batch 1 4
    python benchmarks/colorizers.py --memory --methods ccc cic zhang --size 6000 5000 --device cpu

Each network is made, timed and dropped in turn: preparing the picture, the network, and joining the colours with the
picture are all within the time. On a machine that does other work too, only the processor's seconds mean anything.
With --memory each method colours one JPEG into a PNG, as `ccc colorize` does, in a process of its own, whose peak of
resident memory is printed; what it has before, the network and all libraries, is `loaded_mb`. CCC, where it
is asked for, has its own weights.
Prints one line of JSON for each method and batch, and where it failed, why.
"""

import argparse
import concurrent.futures
import gc
import json
import multiprocessing
import platform
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from ccc.core import devices
from ccc.core.errors import CCCError


def _method(name: str, device):
    """A colorizer with random weights, by a name of METHODS."""
    from ccc import colorizers
    from ccc.colorizers import cic, ddcolor, deoldify, iizuka, larsson, su, zhang

    return {
        "ccc": lambda: colorizers.load("ccc", device=device),
        "cic": lambda: cic.LabSquare(cic.Eccv16(), device),
        "zhang": lambda: cic.LabSquare(zhang.Siggraph17(), device),
        "su": lambda: su.Su(su.network(), device),
        "su-8-boxes": lambda: _with_eight_boxes(su.network(), device),
        "deoldify-artistic": lambda: deoldify.DeOldifyColorizer(deoldify.DeOldify(deep=True), device, 35),
        "deoldify-stable": lambda: deoldify.DeOldifyColorizer(deoldify.DeOldify(deep=False), device, 35),
        "ddcolor-tiny": lambda: ddcolor.DDColorColorizer(ddcolor.DDColor(tiny=True), device, 512),
        "ddcolor-paper": lambda: ddcolor.DDColorColorizer(ddcolor.DDColor(tiny=False), device, 512),
        "larsson": lambda: larsson.LarssonColorizer(larsson.Larsson(), device),
        "iizuka": lambda: iizuka.IizukaColorizer(iizuka.Iizuka(), device),
    }[name]()


METHODS = "cic zhang su su-8-boxes deoldify-artistic deoldify-stable ddcolor-tiny ddcolor-paper larsson iizuka".split()


def _with_eight_boxes(network, device):
    from ccc.colorizers.su import Su

    colorizer = Su(network, device)

    def colorize_batch(images):
        height, width = images[0].shape[:2]
        boxes = [(i / 10 * width, i / 10 * height, (i + 3) / 10 * width, (i + 3) / 10 * height) for i in range(8)]
        return [colorizer.colorize_with(image, np.array(boxes)) for image in images]

    colorizer.colorize_batch = colorize_batch
    return colorizer


def _seconds(colorizer, images: list[np.ndarray], repeats: int) -> tuple[float, float]:
    """Fastest of `repeats` passes, after one to warm up: by the clock, and of the processor, all threads together."""
    times = []
    for _ in range(repeats + 1):
        start, used = time.perf_counter(), time.process_time()
        colorizer.colorize_batch(images)
        times.append((time.perf_counter() - start, time.process_time() - used))
    return min(clock for clock, _ in times[1:]), min(processor for _, processor in times[1:])


def _memory(name: str, size: tuple[int, int], device) -> dict:
    """What a process takes that colours one file into another."""
    import torch

    from ccc.colorizers.coloring import color_pictures
    from ccc.colorizers.planning import Task

    torch.manual_seed(0)
    colorizer, peak = _method(name, device), lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    loaded = peak()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "source.jpg")
        noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
        Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(source)
        color_pictures(colorizer, [Task(source, Path(folder, "target.png"))])
    return {"method": name, "size": list(size), "loaded_mb": loaded, "peak_mb": peak()}


def _memory_apart(name: str, size: tuple[int, int], device) -> dict:
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(_memory, name, tuple(size), device).result()
        except (CCCError, concurrent.futures.BrokenExecutor) as error:
            return {"method": name, "size": list(size), "failed": str(error)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", choices=["ccc", *METHODS], default=METHODS)
    parser.add_argument("--size", nargs=2, type=int, default=(480, 360), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--device", help="default: the best there is")
    parser.add_argument("--batch", nargs="+", type=int, default=[1])
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--memory", action="store_true", help="measure that of one picture, not the time")
    parser.add_argument("--threads", type=int, help="of torch; default: its own choice")
    args = parser.parse_args()
    import torch

    torch.manual_seed(0)
    if args.threads:
        torch.set_num_threads(args.threads)
    device = devices.choose(args.device)
    machine = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    print(json.dumps({"device": str(device), "machine": machine, "threads": torch.get_num_threads()}), flush=True)
    width, height = args.size
    if args.memory:
        for name in args.methods:
            print(json.dumps(_memory_apart(name, args.size, device)), flush=True)
        return
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    for name in args.methods:
        colorizer = _method(name, device)
        for batch in args.batch:
            record = {"method": name, "size": [width, height], "batch": batch}
            try:
                seconds, processor = _seconds(colorizer, [picture] * batch, args.repeats)
                record |= {"seconds": round(seconds, 4), "images_per_second": round(batch / seconds, 3)}
                record["processor_seconds"] = round(processor, 4)
            except CCCError as error:
                record["failed"] = str(error)
            if device.type == "cuda":
                record["peak_gib"] = round(torch.cuda.max_memory_allocated(device) / 2**30, 2)
                torch.cuda.reset_peak_memory_stats(device)
            print(json.dumps(record), flush=True)
        del colorizer
        gc.collect()


if __name__ == "__main__":
    main()
