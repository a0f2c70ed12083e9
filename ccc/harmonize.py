"""Object-selective colour harmonization: Algorithm 1 of the paper, over masks that were computed before."""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ccc.color import rgb_to_lab, with_ab
from ccc.errors import CCCError
from ccc.files import write_text
from ccc.segment import rle


def harmonize(
    ab: np.ndarray,
    masks: Sequence,
    min_pixels: int = 500,
    delta_a: float = 8,
    delta_b: float = 8,
    mode_bin: float = 1,
    order: str = "area",
    mode: str = "marginal",
) -> np.ndarray:
    """Replace outlying colours within each segment by the segment's commonest one.

    `ab`: float32 `(H, W, 2)`, finite, CIELAB units. `masks`: bool `(H, W)` arrays, a bool `(n, H, W)` array, COCO
    run-length encodings or COCO records. Returns a new float32 `(H, W, 2)`; `ab` is left as it is.

    For each mask in turn with more than `min_pixels` pixels (Psi), and for a and b apart: the mode of the segment's
    values is taken, and every value further than `delta_a` (`delta_b`) from it becomes the mode. Each mask sees what
    the masks before it left. Modes are those of values rounded half up to multiples of `mode_bin`, ties to the
    smallest: the paper does not say how it takes the mode of real numbers.

    `order`: "area" takes the masks by falling area, equal ones by bounding box (x, y, width, height) and then as
    given; "given" takes them as given. `mode`: "marginal" takes the modes of a and b each for itself, as printed;
    "joint" the commonest pair of bins (ties to the smallest a, then b), a colour that the segment does hold.

    Raises ValueError where `ab` or a parameter is not as described, CCCError where a mask has another size or is no
    mask. Source: Algorithm 1, Table II; bit-identical to its loops (benchmarks/harmonize.py, `literal`).
    """
    ab = np.asarray(ab)
    if ab.ndim != 3 or ab.shape[2] != 2 or not np.issubdtype(ab.dtype, np.floating):
        raise ValueError(f"ab must be floating (H, W, 2), got {ab.dtype} {ab.shape}")
    if not np.isfinite(ab).all():
        raise ValueError("ab must be finite")
    if not mode_bin > 0 or delta_a < 0 or delta_b < 0:
        raise ValueError(f"mode_bin must be positive and deltas not negative, got {mode_bin}, {delta_a}, {delta_b}")
    if order not in ("area", "given") or mode not in ("marginal", "joint"):
        raise ValueError(f'order must be "area" or "given", mode "marginal" or "joint", got {order!r}, {mode!r}')
    planes = [_Plane(ab[..., channel], delta, mode_bin) for channel, delta in enumerate((delta_a, delta_b))]
    for window, inside in _segments(masks, ab.shape[:2], min_pixels, order):
        bins = [plane.bins[window][inside] for plane in planes]
        for plane, value in zip(planes, _modes(bins, mode), strict=True):
            plane.pull(window, inside, value)
    return np.stack([plane.values for plane in planes], axis=-1)


class _Plane:
    """One channel: its values, and the bin of each kept beside them so that no mask has to round again."""

    def __init__(self, values: np.ndarray, delta: float, mode_bin: float):
        self.values = np.array(values, dtype=np.float32, order="C")
        self.delta, self.mode_bin = delta, mode_bin
        self.bins = self._bin(self.values)
        if self.bins.size and -(2**15) <= self.bins.min() and self.bins.max() < 2**15:
            self.bins = self.bins.astype(np.int16)  # every ab of a picture; four times less to move than int64

    def _bin(self, values: np.ndarray) -> np.ndarray:
        # In float64: adding 0.5 in float32 would round 0.49999997 up to 1.
        return np.floor(values.astype(np.float64) / self.mode_bin + 0.5).astype(np.int64)

    def pull(self, window: tuple[slice, slice], inside: np.ndarray, mode: int) -> None:
        """Set what lies further than delta from bin `mode` to that bin's value, within the mask."""
        value = np.float32(mode * self.mode_bin)
        values = self.values[window]
        low, high = _limits(mode * self.mode_bin, self.delta)
        far = (values > high) | (values < low)
        far &= inside
        values[far] = value
        self.bins[window][far] = self._bin(value)


def _limits(center: float, delta: float) -> tuple[np.float32, np.float32]:
    """The smallest and the largest float32 v with |v - center| <= delta in float64.

    With them a plane is compared in float32 and still decides every value as the loops do in float64.
    """
    limits = []
    for outward in (np.float32(-np.inf), np.float32(np.inf)):
        limit = np.float32(center + np.copysign(delta, outward))
        while abs(float(limit) - center) > delta and np.float32(center) != limit:
            limit = np.nextafter(limit, -outward)
        while abs(float(step := np.nextafter(limit, outward)) - center) <= delta:
            limit = step
        limits.append(limit)
    return limits[0], limits[1]


def _modes(bins: list[np.ndarray], mode: str) -> tuple[int, int]:
    """Commonest bins of a and of b, or the commonest pair; ties to the smallest."""
    if mode == "marginal":
        return _mode(bins[0]), _mode(bins[1])
    low = [int(channel.min()) for channel in bins]
    span = int(bins[1].max()) - low[1] + 1
    pair = _mode((bins[0].astype(np.int64) - low[0]) * span + (bins[1].astype(np.int64) - low[1]))
    return pair // span + low[0], pair % span + low[1]


def _mode(bins: np.ndarray) -> int:
    low, high = int(bins.min()), int(bins.max())
    if high - low > 1 << 20:  # counting in a table that long would cost more than sorting
        values, counts = np.unique(bins, return_counts=True)
        return int(values[counts.argmax()])
    return int(np.bincount(np.subtract(bins, low, dtype=np.int64)).argmax()) + low


def _segments(masks: Sequence, size: tuple[int, int], min_pixels: int, order: str):
    """The masks with more than `min_pixels` pixels, in order, each as its window and the bool mask within it."""
    found = []
    for number, mask in enumerate(masks):
        area, box, inside = _measured(mask, size, number)
        if area > min_pixels and area:
            found.append((-area, box, number, inside))
    if order == "area":
        found.sort(key=lambda segment: segment[:3])
    for _, (x, y, width, height), _, inside in found:
        window = slice(y, y + height), slice(x, x + width)
        yield window, np.ascontiguousarray((inside.mask() if isinstance(inside, rle.Runs) else inside)[window])


def _measured(mask, size: tuple[int, int], number: int):
    """Area, box (x, y, width, height) and the mask itself, as an array or as runs."""
    if isinstance(mask, Mapping):
        runs = rle.parse(mask.get("segmentation", mask))
        shape = runs.height, runs.width
    else:
        mask = np.asarray(mask)
        shape = mask.shape
        if mask.dtype != bool:
            raise CCCError(f"mask {number}: must be bool or a COCO encoding, got {mask.dtype}")
    if shape != tuple(size):
        raise CCCError(f"mask {number}: is {' x '.join(map(str, shape))}, the picture {size[0]} x {size[1]}")
    if isinstance(mask, Mapping):
        return runs.area, runs.box, runs
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        return 0, (0, 0, 0, 0), mask
    strip = mask[rows[0] : rows[-1] + 1]
    columns = np.flatnonzero(strip.any(axis=0))
    box = int(columns[0]), int(rows[0]), int(columns[-1] - columns[0]) + 1, int(rows[-1] - rows[0]) + 1
    return int(np.count_nonzero(strip)), box, mask


def harmonize_picture(gray: np.ndarray, color_rgb: np.ndarray, masks: Sequence, **parameters) -> tuple[np.ndarray, dict]:
    """Harmonize a coloured picture.

    `gray`: uint8 `(H, W)`, whose lightness the changed pixels take; `color_rgb`: uint8 RGB `(H, W, 3)`; `masks` and
    `parameters`: as for `harmonize`. Returns uint8 RGB `(H, W, 3)`, in which every pixel that Algorithm 1 leaves
    alone has the colour it had, to the bit, and a dict: `changed_share`, the share of pixels in [0, 1] whose a or b
    was replaced; `mean_ab_shift`, the mean over all pixels of the distance moved in the ab plane, CIELAB units;
    `segments_used`, the number of masks with more than `min_pixels` pixels. Raises CCCError where the sizes differ,
    else as `harmonize`. Source: Algorithm 1 and Eq. 3.
    """
    if gray.shape[:2] != color_rgb.shape[:2]:
        raise CCCError(
            f"the gray picture is {gray.shape[0]} x {gray.shape[1]}, "
            f"the coloured one {color_rgb.shape[0]} x {color_rgb.shape[1]}"
        )
    before = rgb_to_lab(color_rgb)[..., 1:]
    after = harmonize(before, masks, **parameters)
    changed = (after != before).any(axis=-1)
    picture = color_rgb.copy()
    if changed.any():
        picture[changed] = with_ab(gray[changed][None], after[changed][None])[0]
    min_pixels = parameters.get("min_pixels", 500)
    used = sum(max(_measured(mask, gray.shape[:2], number)[0], 0) > min_pixels for number, mask in enumerate(masks))
    shift = np.linalg.norm((after - before)[changed], axis=-1).sum(dtype=np.float64) / changed.size
    return picture, {"changed_share": float(changed.mean()), "mean_ab_shift": float(shift), "segments_used": used}
