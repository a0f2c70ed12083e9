"""Object-selective colour harmonization: Algorithm 1 of the paper, over masks that were computed before."""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ccc.color import read_gray, resize_ab, rgb_to_lab, with_ab
from ccc.core.compiled import compiled
from ccc.core.errors import CCCError
from ccc.core.files import write_text
from ccc.core.images import read_rgb, write_png
from ccc.segment import rle
from ccc.segment.base import Segmenter
from ccc.segment.store import few, pictures


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
    by_rows = not all(isinstance(mask, Mapping) for mask in masks)
    planes = [_Plane(ab[..., channel], delta, mode_bin, by_rows) for channel, delta in enumerate((delta_a, delta_b))]
    for starts, ends in _segments(masks, ab.shape[:2], min_pixels, order, by_rows):
        for plane, value in zip(planes, _modes(planes, starts, ends, mode), strict=True):
            center = (value + plane.low) * mode_bin
            _pull(plane.values, plane.bins, starts, ends, value, float(center), float(plane.delta))
    return np.stack([plane.picture() for plane in planes], axis=-1)


class _Plane:
    """One channel laid out flat in the order of the runs, and the bin of each value, so that no mask rounds again."""

    def __init__(self, values: np.ndarray, delta: float, mode_bin: float, by_rows: bool):
        self.delta, self.by_rows, self.shape = delta, by_rows, values.shape
        self.values = np.array(values if by_rows else values.T, dtype=np.float32, order="C").ravel()
        # In float64: adding 0.5 in float32 would round 0.49999997 up to 1.
        bins = np.floor(self.values.astype(np.float64) / mode_bin + 0.5).astype(np.int64)
        self.low, high = (int(bins.min()), int(bins.max())) if bins.size else (0, 0)
        self.count = high - self.low + 1
        self.bins = (bins - self.low).astype(np.min_scalar_type(self.count))  # one byte for any ordinary picture

    def picture(self) -> np.ndarray:
        """The values as `(H, W)`."""
        return self.values.reshape(self.shape) if self.by_rows else self.values.reshape(self.shape[::-1]).T


@compiled
def _histogram(bins, starts, ends, count):
    counts = np.zeros((4, count), np.int64)  # four, since neighbours often share a bin and would wait for each other
    for run in range(len(starts)):
        for pixel in range(starts[run], ends[run]):
            counts[pixel & 3, bins[pixel]] += 1
    return counts.sum(axis=0)


@compiled
def _pull(values, bins, starts, ends, mode, center, delta):
    """Set what lies further than `delta` from `center` to it, and its bin to `mode`, within the runs."""
    for run in range(len(starts)):
        for pixel in range(starts[run], ends[run]):
            if abs(values[pixel] - center) > delta:  # float64, as in the loops
                values[pixel] = center
                bins[pixel] = mode


def _modes(planes: list[_Plane], starts: np.ndarray, ends: np.ndarray, mode: str) -> tuple[int, int]:
    """Commonest bins of a and of b within the runs, or the commonest pair; ties to the smallest."""
    if mode == "marginal":
        return tuple(int(_histogram(plane.bins, starts, ends, plane.count).argmax()) for plane in planes)
    lengths = ends - starts
    pixels = np.repeat(ends - lengths.cumsum(), lengths) + np.arange(lengths.sum())
    a, b = (plane.bins[pixels].astype(np.int64) for plane in planes)
    values, counts = np.unique(a * planes[1].count + b, return_counts=True)
    return divmod(int(values[counts.argmax()]), planes[1].count)


def _segments(masks: Sequence, size: tuple[int, int], min_pixels: int, order: str, by_rows: bool):
    """Starts and ends of the runs of each mask with more than `min_pixels` pixels, in order."""
    found = []
    for number, mask in enumerate(masks):
        runs = _runs(mask, size, number, by_rows)
        if runs.area > max(min_pixels, 0):
            x, y, width, height = runs.box
            found.append((-runs.area, (y, x, height, width) if by_rows else (x, y, width, height), number, runs))
    if order == "area":
        found.sort(key=lambda segment: segment[:3])
    for *_, runs in found:
        ends = runs.lengths.cumsum()
        yield ends[:-1:2], ends[1::2]


def _runs(mask, size: tuple[int, int], number: int, by_rows: bool = False) -> rle.Runs:
    """Runs of a mask or an encoding, column by column; of its transpose where `by_rows`."""
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
        return rle.scan(runs.mask().T) if by_rows else runs
    return rle.scan(mask.T if by_rows else mask)


def harmonize_picture(
    gray: np.ndarray, color_rgb: np.ndarray, masks: Sequence, upsample: str | None = None, **parameters
) -> tuple[np.ndarray, dict]:
    """Harmonize a coloured picture.

    `gray`: uint8 `(H, W)`, whose lightness the changed pixels take; `color_rgb`: uint8 RGB `(H, W, 3)`; `masks` and
    `parameters`: as for `harmonize`. `upsample`: "nearest" or "bilinear" takes a coloured picture of any size, brings
    its a and b to H x W before Algorithm 1 and gives every pixel the lightness of `gray`; None refuses other sizes.

    Returns uint8 RGB `(H, W, 3)`, in which every pixel of a full-size `color_rgb` that Algorithm 1 leaves alone has
    the colour it had, to the bit, and a dict: `changed_share`, the share of pixels in [0, 1] whose a or b was
    replaced; `mean_ab_shift`, the mean over all pixels of the distance moved in the ab plane, CIELAB units;
    `segments_used`, the number of masks with more than `min_pixels` pixels. Raises CCCError where the sizes differ,
    else as `harmonize`. Source: Algorithm 1 and Eq. 3.
    """
    color_rgb = at_full_size(gray, color_rgb, upsample)
    before = rgb_to_lab(color_rgb)[..., 1:]
    after = harmonize(before, masks, **parameters)
    changed = (after != before).any(axis=-1)
    picture = color_rgb.copy()
    if changed.any():
        picture[changed] = with_ab(gray[changed][None], after[changed][None])[0]
    least = max(parameters.get("min_pixels", 500), 0)
    used = sum(_runs(mask, gray.shape[:2], number).area > least for number, mask in enumerate(masks))
    shift = np.linalg.norm((after - before)[changed], axis=-1).sum(dtype=np.float64) / changed.size
    return picture, {"changed_share": float(changed.mean()), "mean_ab_shift": float(shift), "segments_used": used}


def at_full_size(gray: np.ndarray, color_rgb: np.ndarray, upsample: str | None = None) -> np.ndarray:
    """`color_rgb` as it is where it has the size of `gray`; else its a and b brought to that size, L from `gray`.

    `upsample`: "nearest" or "bilinear"; None raises CCCError where the sizes differ. Returns uint8 RGB `(H, W, 3)`.
    """
    if upsample not in (None, "nearest", "bilinear"):
        raise ValueError(f'upsample must be "nearest", "bilinear" or None, got {upsample!r}')
    if gray.shape[:2] == color_rgb.shape[:2]:
        return color_rgb
    if upsample is None:
        raise CCCError(
            f"the gray picture is {gray.shape[0]} x {gray.shape[1]}, the coloured one {color_rgb.shape[0]} x "
            f"{color_rgb.shape[1]}; to bring its colours to the gray one's size, set upsample to bilinear or nearest"
        )
    return with_ab(gray, resize_ab(rgb_to_lab(color_rgb)[..., 1:], *gray.shape[:2], upsample))


def harmonize_pictures(
    pairs: Mapping[str, tuple[Path, Path, Path]],
    segmenter: Segmenter,
    changes: str | os.PathLike | None = None,
    progress=iter,
    **parameters,
) -> list[dict]:
    """Harmonize many pictures.

    `pairs`: by name, the paths of the gray picture, of the coloured one and of the PNG to write. `segmenter`: makes
    the masks, or has them (`ccc.segment.load("masks", path)`). `changes`: path of a CSV of what is returned: for each
    picture a dict of name, changed_share, mean_ab_shift and segments_used (as `harmonize_picture`) and segmenter.
    `progress` wraps the iterable of names; `parameters`: as for `harmonize_picture`. Raises CCCError before anything
    is written where masks are missing or a picture would be overwritten. A picture that cannot be harmonized does not
    stop the others; it is named in the CCCError at the end.
    """
    read = {path.resolve() for gray, color, _ in pairs.values() for path in (gray, color)}
    for *_, target in pairs.values():
        if target.resolve() in read:
            raise CCCError(f"{target}: would be overwritten; write to another folder")
    segmenter.require(pairs)
    rows, broken = [], []
    for name in (progress or iter)(list(pairs)):
        gray_path, color_path, target = pairs[name]
        try:
            gray, color = read_gray(gray_path), read_rgb(color_path)
            color = _named(color_path, at_full_size, gray, color, parameters.get("upsample"))
            masks, maker = segmenter.attributed(gray, name)
            picture, numbers = _named(color_path, harmonize_picture, gray, color, masks, **parameters)
        except CCCError as error:
            broken.append(str(error))
            continue
        write_png(target, picture)
        rows.append({"name": name, **numbers, "segmenter": maker})
    if changes is not None and rows:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(changes, text.getvalue())
    if broken:
        raise CCCError(f"{len(broken)} pictures cannot be harmonized, the others are done: {'; '.join(broken)}")
    return rows


def _named(path: Path, function, *arguments, **parameters):
    """Call a function; what it raises names the file."""
    try:
        return function(*arguments, **parameters)
    except (CCCError, ValueError) as error:
        raise CCCError(f"{path}: {error}") from None


def pair_up(gray: str | os.PathLike, color: str | os.PathLike, out: str | os.PathLike) -> dict:
    """`pairs` of `harmonize_pictures` from two pictures, or from two folders of pictures of the same names.

    `out`: a folder for `<name of the gray picture>.png`; for two pictures a file that ends in .png may be given.
    Raises CCCError where one is missing, a file is paired with a folder, or gray pictures have no coloured ones.
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
    grays, colors = pictures(gray), pictures(color)
    if missing := [name for name in grays if name not in colors]:
        raise CCCError(f"{color}: no coloured picture for {few(missing)}")
    return {name: (path, colors[name], out / f"{name}.png") for name, path in grays.items()}
