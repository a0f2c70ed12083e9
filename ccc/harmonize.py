"""Object-selective colour harmonization: Algorithm 1 of the paper, over masks that were computed before."""

import csv
import functools
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ccc.color import rgb_to_lab, with_ab
from ccc.errors import CCCError
from ccc.files import write_text
from ccc.images import read_gray, read_rgb, write_png
from ccc.segment import rle
from ccc.segment.store import pictures, read_masks


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

    `ab`: float32 `(H, W, 2)`, CIELAB units, at most 1000 either way. `masks`: bool `(H, W)` arrays, a bool
    `(n, H, W)` array, COCO run-length encodings or COCO records. Returns a new float32 `(H, W, 2)`; `ab` is left as
    it is.

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
    if not (np.abs(ab) <= 1000).all():  # also where not a number
        raise ValueError("ab must be in CIELAB units, from -1000 to 1000")
    if not (mode_bin >= 0.001 and delta_a >= 0 and delta_b >= 0):  # finer bins would be lost in float32
        raise ValueError(f"mode_bin must be >= 0.001, deltas >= 0, got {mode_bin}, {delta_a}, {delta_b}")
    if order not in ("area", "given") or mode not in ("marginal", "joint"):
        raise ValueError(f'order must be "area" or "given", mode "marginal" or "joint", got {order!r}, {mode!r}')
    planes = [_Plane(ab[..., channel], delta, mode_bin) for channel, delta in enumerate((delta_a, delta_b))]
    for window, inside in _segments(masks, ab.shape[:2], min_pixels, order):
        for plane, value in zip(planes, _modes(planes, window, inside, mode), strict=True):
            plane.pull(window, inside, value)
    return np.stack([plane.values for plane in planes], axis=-1)


class _Plane:
    """One channel: its values, and the bin of each kept beside them, so that no mask has to round again."""

    def __init__(self, values: np.ndarray, delta: float, mode_bin: float):
        self.values = np.array(values, dtype=np.float32, order="C")
        self.delta, self.mode_bin = delta, mode_bin
        # In float64: adding 0.5 in float32 would round 0.49999997 up to 1.
        bins = np.floor(self.values.astype(np.float64) / mode_bin + 0.5).astype(np.int64)
        self.low, high = (int(bins.min()), int(bins.max())) if bins.size else (0, 0)
        self.count = high - self.low + 1
        self.bins = (bins - self.low).astype(np.min_scalar_type(self.count))  # one byte for any ordinary picture

    def pull(self, window: tuple[slice, slice], inside: np.ndarray, mode: int) -> None:
        """Set what lies further than delta from the value of bin `mode` to that value, within the mask."""
        center = (mode + self.low) * self.mode_bin
        low, high = _limits(float(center), float(self.delta))
        values = self.values[window]
        far = values > high
        far |= values < low
        far &= inside
        values[far] = center
        self.bins[window][far] = mode


@functools.lru_cache(maxsize=4096)
def _limits(center: float, delta: float) -> tuple[np.float32, np.float32]:
    """The smallest and the largest float32 v with |v - center| <= delta in float64.

    With them a plane is compared in float32 and still decides every value as the loops do in float64.
    """
    limits = []
    for outward in (-1, 1):
        near, away = center, center + outward * (2 * delta + 1)
        while (middle := (near + away) / 2) not in (near, away):
            if abs(middle - center) <= delta:
                near = middle
            else:
                away = middle
        limit = np.float32(near)
        limits.append(np.nextafter(limit, np.float32(center)) if (float(limit) - near) * outward > 0 else limit)
    return limits[0], limits[1]


def _modes(planes: list[_Plane], window: tuple[slice, slice], inside: np.ndarray, mode: str) -> tuple[int, int]:
    """Commonest bins of a and of b within the mask, or the commonest pair; ties to the smallest."""
    if mode == "marginal":
        return tuple(_mode(plane.bins[window], inside) for plane in planes)
    a, b = (plane.bins[window][inside] for plane in planes)
    values, counts = np.unique(a.astype(np.int64) * planes[1].count + b, return_counts=True)
    return divmod(int(values[counts.argmax()]), planes[1].count)


def _mode(bins: np.ndarray, inside: np.ndarray) -> int:
    """Commonest bin within the mask; ties to the smallest."""
    # Where an earlier mask has been, one bin often holds most of the segment. Guess it from every 64th pixel: if more
    # than half of the segment is in it, it is the mode, at a fraction of the cost of a histogram.
    sample = bins[::8, ::8][inside[::8, ::8]]
    if sample.size:
        likely = np.bincount(sample).argmax()
        if 2 * np.count_nonzero((bins == likely) & inside) > np.count_nonzero(inside):
            return int(likely)
    return int(np.bincount(bins[inside]).argmax())


def _segments(masks: Sequence, size: tuple[int, int], min_pixels: int, order: str):
    """The masks with more than `min_pixels` pixels, in order, each as its window and the bool mask within it."""
    found = []
    for number, mask in enumerate(masks):
        area, box, inside = _measured(mask, size, number)
        if area > max(min_pixels, 0):
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


def harmonize_picture(
    gray: np.ndarray, color_rgb: np.ndarray, masks: Sequence, **parameters
) -> tuple[np.ndarray, dict]:
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
    least = max(parameters.get("min_pixels", 500), 0)
    used = sum(_measured(mask, gray.shape[:2], number)[0] > least for number, mask in enumerate(masks))
    shift = np.linalg.norm((after - before)[changed], axis=-1).sum(dtype=np.float64) / changed.size
    return picture, {"changed_share": float(changed.mean()), "mean_ab_shift": float(shift), "segments_used": used}


def harmonize_folder(
    gray_dir: str | os.PathLike,
    color_dir: str | os.PathLike,
    masks_dir: str | os.PathLike,
    out_dir: str | os.PathLike,
    changes: str | os.PathLike | None = None,
    progress=iter,
    **parameters,
) -> list[dict]:
    """Harmonize every picture of a folder: `out_dir/<name>.png`.

    Each picture of `gray_dir` needs a coloured one of the same name in `color_dir` (any suffix) and its masks in
    `masks_dir/<name>.json` (`ccc segment`), all of one size. `changes`: path of a CSV of what is returned: for each
    picture a dict of name, changed_share, mean_ab_shift and segments_used (as `harmonize_picture`) and segmenter.
    `progress` wraps the iterable of pictures; `parameters`: as for `harmonize`. Raises CCCError before anything is
    written where a coloured picture or a file of masks is missing or `out_dir` is one of the folders read, and at the
    first picture whose sizes differ.
    """
    grays, colors = pictures(gray_dir), pictures(color_dir)
    if Path(out_dir).resolve() in (Path(gray_dir).resolve(), Path(color_dir).resolve()):
        raise CCCError(f"{out_dir}: its pictures would be overwritten; write to another folder")
    masks = {name: Path(masks_dir) / f"{name}.json" for name in grays}
    _refuse([name for name in grays if name not in colors], f"{color_dir}: no coloured picture for")
    _refuse([name for name in grays if not masks[name].is_file()], f"{masks_dir}: no masks (`ccc segment`) for")
    rows = []
    for name in (progress or iter)(list(grays)):
        gray, color, stored = read_gray(grays[name]), read_rgb(colors[name]), read_masks(masks[name])
        if stored["size"] != list(gray.shape):
            made_for, is_now = (f"{width}x{height}" for height, width in (stored["size"], gray.shape))
            raise CCCError(f"{masks[name]}: made for a picture of {made_for}, {grays[name]} is {is_now}")
        try:
            picture, numbers = harmonize_picture(gray, color, stored["masks"], **parameters)
        except (CCCError, ValueError) as error:
            raise CCCError(f"{colors[name]}: {error}") from None
        write_png(Path(out_dir) / f"{name}.png", picture)
        rows.append({"name": name, **numbers, "segmenter": stored["segmenter"]})
    if changes is not None:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(changes, text.getvalue())
    return rows


def _refuse(names: list[str], what: str) -> None:
    if names:
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        raise CCCError(f"{what} {', '.join(names[:5])}{more}")
