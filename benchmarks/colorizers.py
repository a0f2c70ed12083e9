"""Images a second of every method, with random weights: speed does not depend on what the weights are.

    python benchmarks/colorizers.py --methods cic ddcolor-tiny --size 480 360 --device cpu --batch 1 4

Each network is made, timed and dropped in turn: preparing the picture, the network, and joining the colours with the
picture are all within the time. On a machine that does other work too, only the processor's seconds mean anything.
Prints one line of JSON for each method and batch, and where it failed, why.
"""

import argparse
import gc
import json
import platform
import time

import numpy as np

from ccc.core import devices
from ccc.core.errors import CCCError


def _method(name: str, device):
    """A colorizer with random weights, by a name of METHODS."""
    from ccc.colorizers import cic, ddcolor, deoldify, iizuka, larsson, su, zhang

    return {
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--size", nargs=2, type=int, default=(480, 360), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--device", help="default: the best there is")
    parser.add_argument("--batch", nargs="+", type=int, default=[1])
    parser.add_argument("--repeats", type=int, default=2)
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
