"""Object-selective colour harmonization: Algorithm 1 of the paper, with given masks."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ccc.color import read_gray, resize_ab, rgb_to_lab, with_ab
from ccc.core.compiled import compiled
from ccc.core.errors import CCCError, few
from ccc.core.files import write_csv
from ccc.core.images import read_ab, read_rgb, software, write_png
from ccc.segment import rle
from ccc.segment.base import Segmenter
from ccc.segment.store import pictures_alike
from ccc.settings.harmonization import Algorithm

PAPERS = Algorithm()
MADE = "ccc harmonize --ab"  # start of the note in harmonized pictures, before "own" or "picture"


def harmonize(
    ab: np.ndarray,
    masks: Sequence,
    min_pixels: int = PAPERS.min_pixels,
    delta_a: float = PAPERS.delta_a,
    delta_b: float = PAPERS.delta_b,
    mode_bin: float = PAPERS.mode_bin,
    order: str = PAPERS.order,
    mode: str = PAPERS.mode,
) -> np.ndarray:
    """Replace outlying colours in each segment by the segment's most frequent colour.

    `ab`: float32 `(H, W, 2)`, CIELAB units, at most 1000 either way. `masks`: bool `(H, W)` arrays, a bool
    `(n, H, W)` array, COCO run-length encodings or COCO records. Returns a new float32 `(H, W, 2)`.

    In each mask of more than `min_pixels` pixels (Psi), separately for a and b, every value further than `delta_a`
    (`delta_b`) from the mode becomes the mode. Masks are processed in turn, each on the result of the previous ones.
    Values are rounded half up to multiples of `mode_bin` to find the mode, ties to the smallest: the paper does not
    define the mode of real numbers.

    `order`: "area" sorts masks by decreasing area, then bounding box (x, y, width, height), then position; "given" does
    not sort. `mode`: "marginal" takes the modes of a and b separately, as printed; "joint" the most frequent pair of
    bins (ties to the smallest a, then b), which occurs in the segment.

    Raises ValueError for invalid `ab` or parameters, CCCError for a mask of another size or type. Source: Algorithm 1,
    Table II; bit-identical to its loops (benchmarks/harmonize.py, `literal`).
    """
    ab = np.asarray(ab)
    if ab.ndim != 3 or ab.shape[2] != 2 or not np.issubdtype(ab.dtype, np.floating):
        raise ValueError(f"ab must be floating (H, W, 2), got {ab.dtype} {ab.shape}")
    if not (np.abs(ab) <= 1000).all():  # also raises for NaN
        raise ValueError("ab must be in CIELAB units, from -1000 to 1000")
    if not (mode_bin >= 0.001 and delta_a >= 0 and delta_b >= 0):  # finer bins would be lost in float32
        raise ValueError(f"mode_bin must be >= 0.001, deltas >= 0, got {mode_bin}, {delta_a}, {delta_b}")
    if order not in ("area", "given") or mode not in ("marginal", "joint"):
        raise ValueError(f'order must be "area" or "given", mode "marginal" or "joint", got {order!r}, {mode!r}')
    planes = [_Plane(ab[..., channel], delta, mode_bin) for channel, delta in enumerate((delta_a, delta_b))]
    for window, inside in _segments(masks, ab.shape[:2], min_pixels, order):
        for plane, value in zip(planes, _modes(planes, window, inside, mode), strict=True):
            center = (value + plane.low) * mode_bin
            _pull(plane.values[window], plane.bins[window], inside, value, float(center), float(plane.delta))
    return np.stack([plane.values for plane in planes], axis=-1)


class _Plane:
    """One channel and the bin of each value, counted from `low`; bins are computed once for all masks."""

    def __init__(self, values: np.ndarray, delta: float, mode_bin: float):
        self.delta, self.values = delta, np.array(values, dtype=np.float32, order="C")
        # In float64: adding 0.5 in float32 would round 0.49999997 up to 1.
        bins = np.floor(self.values.astype(np.float64) / mode_bin + 0.5).astype(np.int64)
        self.low, high = (int(bins.min()), int(bins.max())) if bins.size else (0, 0)
        self.count = high - self.low + 1
        self.bins = (bins - self.low).astype(np.min_scalar_type(self.count))  # one byte for ordinary pictures


@compiled
def _histogram(bins: np.ndarray, inside: np.ndarray, count: int) -> np.ndarray:
    # Two rows, since neighbours often share a bin, whose updates would be serialized.
    counts = np.zeros((2, count), np.int64)
    for y in range(bins.shape[0]):
        for x in range(bins.shape[1]):
            counts[x & 1, bins[y, x]] += inside[y, x]
    return counts.sum(axis=0)


@compiled
def _pull(values: np.ndarray, bins: np.ndarray, inside: np.ndarray, mode: int, center: float, delta: float) -> None:
    """Set values further than `delta` from `center` to it, and their bins to `mode`, within the mask."""
    for y in range(bins.shape[0]):
        for x in range(bins.shape[1]):
            if inside[y, x] and abs(values[y, x] - center) > delta:  # float64, as in the loops
                values[y, x] = center
                bins[y, x] = mode


def _modes(planes: list[_Plane], window: tuple, inside: np.ndarray, mode: str) -> tuple[int, int]:
    """Most frequent bins of a and b in a mask, or the most frequent pair; ties to the smallest."""
    if mode == "marginal":
        a, b = (int(_histogram(plane.bins[window], inside, plane.count).argmax()) for plane in planes)
        return a, b
    a, b = (plane.bins[window][inside].astype(np.int64) for plane in planes)
    values, counts = np.unique(a * planes[1].count + b, return_counts=True)
    return divmod(int(values[counts.argmax()]), planes[1].count)


def _segments(
    masks: Sequence, size: tuple[int, int], min_pixels: int, order: str
) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """Yields bounding box (slices) and mask within it, in order, of each mask of more than `min_pixels` pixels."""
    measured = ((*_measured(mask, size, number), number, mask) for number, mask in enumerate(masks))
    found = [segment for segment in measured if segment[0] > max(min_pixels, 0)]
    if order == "area":
        found.sort(key=lambda segment: (-segment[0], segment[1], segment[2]))
    for _, (x, y, width, height), _, mask in found:
        window = slice(y, y + height), slice(x, x + width)
        whole = rle.decode(mask.get("segmentation", mask)) if isinstance(mask, Mapping) else np.asarray(mask)
        yield window, np.ascontiguousarray(whole[window])


def _measured(mask: Mapping | np.ndarray, size: tuple[int, int], number: int) -> tuple[int, tuple[int, int, int, int]]:
    """Area and bounding box (x, y, width, height) of a mask or encoding. Raises CCCError for another size or type."""
    if isinstance(mask, Mapping):
        record = rle.record(mask.get("segmentation", mask))
        shape, area, box = tuple(record["segmentation"]["size"]), record["area"], record["bbox"]
    else:
        mask = np.asarray(mask)
        if mask.dtype != bool:
            raise CCCError(f"mask {number}: must be bool or a COCO encoding, got {mask.dtype}")
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        box = (columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1) if rows.size else (0, 0, 0, 0)
        shape, area = mask.shape, int(np.count_nonzero(mask))
    if shape != tuple(size):
        raise CCCError(f"mask {number}: is {' x '.join(map(str, shape))}, the picture {size[0]} x {size[1]}")
    x, y, width, height = map(int, box)
    return area, (x, y, width, height)


def harmonize_picture(
    gray: np.ndarray,
    color_rgb: np.ndarray,
    masks: Sequence,
    upsample: str | None = None,
    ab: np.ndarray | None = None,
    **parameters,
) -> tuple[np.ndarray, dict]:
    """Harmonize a coloured picture.

    `gray`: uint8 `(H, W)`, the lightness of changed pixels; `color_rgb`: uint8 RGB `(H, W, 3)`; `masks`, `parameters`:
    see `harmonize`. `upsample`: "nearest" or "bilinear" scales ab of a coloured picture of any size to H x W before
    Algorithm 1 and takes all lightness from `gray`; None raises for other sizes. `ab`: float `(H, W, 2)`, the method's
    own a and b, if known; those of the picture are rounded to 8 bits and clipped to sRGB.

    Returns uint8 RGB `(H, W, 3)`, in which unchanged pixels of a full-size `color_rgb` are identical, and a dict:
    `changed_share`, the share of pixels in [0, 1] whose a or b was replaced; `mean_ab_shift`, the mean distance moved
    in the ab plane over all pixels, CIELAB units; `segments_used`, the number of masks of more than `min_pixels`
    pixels. Raises CCCError for different sizes, else as `harmonize`. Source: Algorithm 1 and Eq. 3.
    """
    color_rgb = at_full_size(gray, color_rgb, upsample)
    if ab is not None and ab.shape[:2] != gray.shape:
        raise CCCError(
            f"its own a and b are {ab.shape[0]} x {ab.shape[1]}, the gray picture {gray.shape[0]} x {gray.shape[1]}"
        )
    before = rgb_to_lab(color_rgb)[..., 1:] if ab is None else ab
    after = harmonize(before, masks, **parameters)
    changed = (after != before).any(axis=-1)
    picture = color_rgb.copy()
    if changed.any():
        picture[changed] = with_ab(gray[changed][None], after[changed][None])[0]
    least = max(parameters.get("min_pixels", PAPERS.min_pixels), 0)
    used = sum(_measured(mask, gray.shape[:2], number)[0] > least for number, mask in enumerate(masks))
    shift = np.linalg.norm((after - before)[changed], axis=-1).sum(dtype=np.float64) / changed.size
    return picture, {"changed_share": float(changed.mean()), "mean_ab_shift": float(shift), "segments_used": used}


def at_full_size(gray: np.ndarray, color_rgb: np.ndarray, upsample: str | None = None) -> np.ndarray:
    """Returns `color_rgb` if it has the size of `gray`, else its ab scaled to that size with L from `gray`.

    `upsample`: "nearest" or "bilinear"; None raises CCCError for different sizes. Returns uint8 RGB `(H, W, 3)`.
    """
    if upsample not in (None, "nearest", "bilinear"):
        raise ValueError(f'upsample must be "nearest", "bilinear" or None, got {upsample!r}')
    if gray.shape[:2] == color_rgb.shape[:2]:
        return color_rgb
    if upsample is None:
        raise CCCError(
            f"the gray picture is {gray.shape[1]}x{gray.shape[0]}, the coloured one {color_rgb.shape[1]}x"
            f"{color_rgb.shape[0]}; to bring its colours to the gray one's size, set upsample to bilinear or nearest"
        )
    return with_ab(gray, resize_ab(rgb_to_lab(color_rgb)[..., 1:], *gray.shape[:2], upsample))


def harmonize_pictures(
    pairs: Mapping[str, tuple[Path, Path, Path]],
    segmenter: Segmenter,
    changes: str | os.PathLike | None = None,
    progress: Callable[[list[str]], Iterable[str]] | None = iter,
    skipped: list[str] | None = None,
    overwrite: bool = True,
    **parameters,
) -> list[dict]:
    """Harmonize many pictures.

    `pairs`: by name, the paths of the gray picture, the coloured one and the PNG to write. `segmenter`: makes the masks
    or reads them (`ccc.segment.load("masks", path)`). `changes`: path of a CSV of the returned rows: name,
    changed_share, mean_ab_shift and segments_used (see `harmonize_picture`), segmenter, and ab, which is "own" if
    `NAME.ab.npz` (`ccc.core.images.read_ab`) is beside a coloured picture of the gray one's size, else "picture"; the
    PNG's note repeats it. `progress` wraps the iterable of names; `parameters`: of `harmonize_picture`. Raises CCCError
    before writing anything if masks are missing or a picture would be overwritten: one of `pairs`, or unless
    `overwrite` one that is not from this function. Pictures that cannot be harmonized do not stop the others; the
    CCCError at the end names the first. With a list `skipped` their errors, and those of pictures without masks, are
    appended to it instead, unless no picture can be harmonized.
    """
    read = {path.resolve() for gray, color, _ in pairs.values() for path in (gray, color)}
    for *_, target in pairs.values():
        if target.resolve() in read:
            raise CCCError(f"{target}: would be overwritten; write to another folder")
        if not overwrite and target.exists() and not software(target).startswith(MADE):
            raise CCCError(
                f"{target}: is there, not from `ccc harmonize`; give another name or folder with -o, or --overwrite to "
                "replace it"
            )
    if skipped is None or len(segmenter.lacking(pairs)) == len(pairs):
        segmenter.require(pairs)
    rows, broken = [], []
    for name in (progress or iter)(list(pairs)):
        gray_path, color_path, target = pairs[name]
        try:
            gray, color = read_gray(gray_path), read_rgb(color_path)
            _named(color_path, at_full_size, gray, color, parameters.get("upsample"))  # before masks are computed
            masks, maker = segmenter.attributed(gray, name)
            ab = read_ab(color_path, *gray.shape) if color.shape[:2] == gray.shape else None
            picture, numbers = _named(color_path, harmonize_picture, gray, color, masks, ab=ab, **parameters)
        except CCCError as error:
            broken.append(str(error))
            continue
        origin = "picture" if ab is None else "own"
        write_png(target, picture, f"{MADE} {origin}")
        rows.append({"name": name, **numbers, "segmenter": maker, "ab": origin})
    if changes is not None and rows:
        write_csv(changes, rows)
    if broken and (skipped is None or not rows):
        done = ", the others are done" if rows else ""
        raise CCCError(f"{len(broken)} of {len(pairs)} pictures cannot be harmonized{done}: {few(broken)}")
    if skipped is not None:
        skipped += broken
    return rows


def _named(path: Path, function: Callable, *arguments, **parameters) -> Any:
    """Call a function and name the file in its errors."""
    try:
        return function(*arguments, **parameters)
    except (CCCError, ValueError) as error:
        raise CCCError(f"{path}: {error}") from None


def pair_up(gray: str | os.PathLike, color: str | os.PathLike, out: str | os.PathLike) -> dict:
    """`pairs` of `harmonize_pictures` from two pictures, or from two folders of pictures of the same names.

    `out`: a folder for `<name of the gray picture>.png`, or for two pictures a file that ends in .png. Raises CCCError
    for missing pictures, a file paired with a folder, or gray pictures without coloured ones.
    """
    gray, color, out = Path(gray), Path(color), Path(out)
    for path in (gray, color):
        if not path.exists():
            raise CCCError(f"{path}: no such picture or folder")
    if gray.is_dir() != color.is_dir():
        raise CCCError(f"{gray} and {color}: give two pictures, or two folders of pictures of the same names")
    if not gray.is_dir():
        if out.suffix and out.suffix.lower() != ".png" and not out.is_dir():
            raise CCCError(f"{out}: pictures are written as PNG; let the name end in .png, or give a folder")
        return {gray.stem: (gray, color, out if out.suffix and not out.is_dir() else out / f"{gray.stem}.png")}
    if gray.resolve() in (out.resolve(), *out.resolve().parents):  # the next run would read its results
        raise CCCError(f"{out}: in the folder of the gray pictures, {gray}; write to another folder")
    found = pictures_alike({"gray": gray, "color": color})
    return {name: (path, found["color"][name], out / f"{name}.png") for name, path in found["gray"].items()}
