"""Object-selective colour harmonization: Algorithm 1 of the paper, over existing masks."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ccc.color import read_gray, resize_ab, rgb_to_lab, with_ab
from ccc.core.compiled import compiled
from ccc.core.errors import CCCError
from ccc.core.files import write_csv
from ccc.core.images import read_ab, read_rgb, write_png
from ccc.segment import rle
from ccc.segment.base import Segmenter
from ccc.segment.store import pictures_alike
from ccc.settings.harmonization import Algorithm

PAPERS = Algorithm()
MADE = "ccc harmonize --ab"  # how the note of a harmonized picture begins: of the method's own a and b, or those read


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
            center = (value + plane.low) * mode_bin
            _pull(plane.values[window], plane.bins[window], inside, value, float(center), float(plane.delta))
    return np.stack([plane.values for plane in planes], axis=-1)


class _Plane:
    """One channel, and the bin of each value, counted from `low`, so that no mask rounds again."""

    def __init__(self, values: np.ndarray, delta: float, mode_bin: float):
        self.delta, self.values = delta, np.array(values, dtype=np.float32, order="C")
        # In float64: adding 0.5 in float32 would round 0.49999997 up to 1.
        bins = np.floor(self.values.astype(np.float64) / mode_bin + 0.5).astype(np.int64)
        self.low, high = (int(bins.min()), int(bins.max())) if bins.size else (0, 0)
        self.count = high - self.low + 1
        self.bins = (bins - self.low).astype(np.min_scalar_type(self.count))  # one byte for any ordinary picture


@compiled
def _histogram(bins: np.ndarray, inside: np.ndarray, count: int) -> np.ndarray:
    counts = np.zeros((2, count), np.int64)  # two, since neighbours often share a bin and would wait for each other
    for y in range(bins.shape[0]):
        for x in range(bins.shape[1]):
            counts[x & 1, bins[y, x]] += inside[y, x]
    return counts.sum(axis=0)


@compiled
def _pull(values: np.ndarray, bins: np.ndarray, inside: np.ndarray, mode: int, center: float, delta: float) -> None:
    """Set what lies further than `delta` from `center` to it, and its bin to `mode`, within the mask."""
    for y in range(bins.shape[0]):
        for x in range(bins.shape[1]):
            if inside[y, x] and abs(values[y, x] - center) > delta:  # float64, as in the loops
                values[y, x] = center
                bins[y, x] = mode


def _modes(planes: list[_Plane], window: tuple, inside: np.ndarray, mode: str) -> tuple[int, int]:
    """Commonest bins of a and of b within a mask, or the commonest pair; ties to the smallest."""
    if mode == "marginal":
        a, b = (int(_histogram(plane.bins[window], inside, plane.count).argmax()) for plane in planes)
        return a, b
    a, b = (plane.bins[window][inside].astype(np.int64) for plane in planes)
    values, counts = np.unique(a * planes[1].count + b, return_counts=True)
    return divmod(int(values[counts.argmax()]), planes[1].count)


def _segments(
    masks: Sequence, size: tuple[int, int], min_pixels: int, order: str
) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """The bounding box as slices, and the mask within it, of each mask with more than `min_pixels` pixels, in order."""
    measured = ((*_measured(mask, size, number), number, mask) for number, mask in enumerate(masks))
    found = [segment for segment in measured if segment[0] > max(min_pixels, 0)]
    if order == "area":
        found.sort(key=lambda segment: (-segment[0], segment[1], segment[2]))
    for _, (x, y, width, height), _, mask in found:
        window = slice(y, y + height), slice(x, x + width)
        whole = rle.decode(mask.get("segmentation", mask)) if isinstance(mask, Mapping) else np.asarray(mask)
        yield window, np.ascontiguousarray(whole[window])


def _measured(mask: Mapping | np.ndarray, size: tuple[int, int], number: int) -> tuple[int, tuple[int, int, int, int]]:
    """Pixels and bounding box (x, y, width, height) of a mask or an encoding. Raises CCCError where it does not fit."""
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

    `gray`: uint8 `(H, W)`, whose lightness the changed pixels take; `color_rgb`: uint8 RGB `(H, W, 3)`; `masks` and
    `parameters`: as for `harmonize`. `upsample`: "nearest" or "bilinear" takes a coloured picture of any size, brings
    its a and b to H x W before Algorithm 1 and gives every pixel the lightness of `gray`; None refuses other sizes.
    `ab`: float `(H, W, 2)`, the a and b that the picture was made of, where they are at hand: those of the picture have
    been through 8 bits and the bounds of sRGB.

    Returns uint8 RGB `(H, W, 3)`, in which every pixel of a full-size `color_rgb` that Algorithm 1 leaves alone has
    the colour it had, to the bit, and a dict: `changed_share`, the share of pixels in [0, 1] whose a or b was
    replaced; `mean_ab_shift`, the mean over all pixels of the distance moved in the ab plane, CIELAB units;
    `segments_used`, the number of masks with more than `min_pixels` pixels. Raises CCCError where the sizes differ,
    else as `harmonize`. Source: Algorithm 1 and Eq. 3.
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
    progress: Callable[[list[str]], Iterable[str]] | None = iter,
    **parameters,
) -> list[dict]:
    """Harmonize many pictures.

    `pairs`: by name, the paths of the gray picture, of the coloured one and of the PNG to write. `segmenter`: makes
    the masks, or has them (`ccc.segment.load("masks", path)`). `changes`: path of a CSV of what is returned: for each
    picture a dict of name, changed_share, mean_ab_shift and segments_used (as `harmonize_picture`), segmenter, and ab,
    which is "own" where `NAME.ab.npz` (`ccc.core.images.read_ab`) lies beside a coloured picture of the gray one's
    size, else "picture"; the PNG says so too. `progress` wraps the iterable of names; `parameters`: as for
    `harmonize_picture`. Raises CCCError before anything is written where masks are missing or a picture would be
    overwritten. A picture that cannot be harmonized does not stop the others; it is named in the CCCError at the end.
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
    if broken:
        raise CCCError(f"{len(broken)} pictures cannot be harmonized, the others are done: {'; '.join(broken)}")
    return rows


def _named(path: Path, function: Callable, *arguments, **parameters) -> Any:
    """Call a function; name the file in its errors."""
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
    found = pictures_alike({"gray": gray, "color": color})
    return {name: (path, found["color"][name], out / f"{name}.png") for name, path in found["gray"].items()}
