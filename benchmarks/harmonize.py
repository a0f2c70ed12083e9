"""Algorithm 1 as loops over pixels, as the paper prints it, beside `ccc.harmonize`: time, ratio, bit identity."""

import argparse
import math
import time

import numpy as np


def literal(ab, masks, min_pixels=500, delta_a=8, delta_b=8, mode_bin=1, order="area", mode="marginal"):
    """Algorithm 1, pixel by pixel; the same arguments and result as `ccc.harmonize.harmonize`, bool masks only."""
    ab = ab.copy()
    segments = []
    for number, mask in enumerate(masks):
        pixels = [(y, x) for y in range(mask.shape[0]) for x in range(mask.shape[1]) if mask[y, x]]
        if len(pixels) > min_pixels:
            ys, xs = [y for y, _ in pixels], [x for _, x in pixels]
            box = (min(xs), min(ys), max(xs) - min(xs) + 1, max(ys) - min(ys) + 1) if pixels else (0, 0, 0, 0)
            segments.append((-len(pixels), box, number, pixels))
    if order == "area":
        segments.sort()
    for _, _, _, pixels in segments:
        modes = {}
        if mode == "joint" and pixels:
            counts = {}
            for y, x in pixels:
                pair = tuple(math.floor(float(value) / mode_bin + 0.5) for value in ab[y, x])
                counts[pair] = counts.get(pair, 0) + 1
            modes = dict(enumerate(min(counts, key=lambda pair: (-counts[pair], pair))))
        for channel, delta in enumerate((delta_a, delta_b)):
            if channel not in modes:
                counts = {}
                for y, x in pixels:
                    value = math.floor(float(ab[y, x, channel]) / mode_bin + 0.5)
                    counts[value] = counts.get(value, 0) + 1
                modes[channel] = min(counts, key=lambda value: (-counts[value], value)) if counts else 0
            value = modes[channel] * mode_bin
            for y, x in pixels:
                if abs(float(ab[y, x, channel]) - value) > delta:
                    ab[y, x, channel] = value
    return ab


def scene(height=768, width=1024, count=100, seed=0):
    """ab as blocky noise, float32 `(height, width, 2)`, and overlapping ellipses, bool `(count, height, width)`."""
    generator = np.random.default_rng(seed)
    coarse = generator.normal(0, 25, (height // 16 + 2, width // 16 + 2, 2))
    smooth = coarse.repeat(16, axis=0).repeat(16, axis=1)[:height, :width]
    ab = (smooth + generator.normal(0, 3, (height, width, 2))).astype(np.float32)
    y, x = np.mgrid[:height, :width]
    masks = []
    for _ in range(count):
        center_y, center_x = generator.uniform(0, height), generator.uniform(0, width)
        radius_y, radius_x = generator.uniform(10, height / 2, 2)
        masks.append(((y - center_y) / radius_y) ** 2 + ((x - center_x) / radius_x) ** 2 <= 1)
    return ab, np.array(masks)


def best(function, rounds):
    """Result, and the shortest CPU time of `rounds` calls in milliseconds; all versions use one thread."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        result = function()
        times.append((time.process_time() - start) * 1000)
    return result, min(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--height", type=int, default=768)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--masks", type=int, default=100, help="overlapping masks (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of the fast version; the best counts")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    from ccc.harmonize import harmonize
    from ccc.segment.rle import encode

    ab, masks = scene(args.height, args.width, args.masks, args.seed)
    encodings = [encode(mask) for mask in masks]
    slow, slow_ms = best(lambda: literal(ab, masks), 1)
    fast, fast_ms = best(lambda: harmonize(ab, masks), args.rounds)
    packed, packed_ms = best(lambda: harmonize(ab, encodings), args.rounds)
    identical = slow.tobytes() == fast.tobytes() == packed.tobytes()
    print(f"{args.width}x{args.height}, {args.masks} overlapping masks, {masks.sum() / 1e6:.1f} million mask pixels")
    print(f"loops as printed      {slow_ms:9.1f} ms")
    print(f"ccc, bool masks       {fast_ms:9.1f} ms  {slow_ms / fast_ms:5.0f}x")
    print(f"ccc, COCO encodings   {packed_ms:9.1f} ms  {slow_ms / packed_ms:5.0f}x")
    print(f"bit-identical: {'yes' if identical else 'NO'}")
    return 0 if identical else 1


if __name__ == "__main__":
    raise SystemExit(main())
