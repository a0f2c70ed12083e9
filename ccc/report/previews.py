"""Previews of a folder of pictures: thumbnails, class maps, error maps and class counts."""

import functools
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas
from PIL import Image

from ccc.codebook import ColorGrid
from ccc.color import rgb_to_lab, to_uint8
from ccc.core.errors import CCCError
from ccc.core.files import write_text, written_whole
from ccc.core.images import read_rgb, resize_short_side
from ccc.core.stored import read_numbers
from ccc.report.codebook import class_colors

THUMBNAIL = 160  # short side in pixels
LARGEST_ERROR = 40  # CIEDE2000 at which the scale of error maps ends
KINDS = {"thumbnail": ".webp", "classes": ".png", "error": ".webp"}
_GRID = ColorGrid()
_STOPS = np.array([[0, 0, 0], [60, 15, 110], [170, 40, 110], [240, 105, 50], [252, 200, 60], [255, 255, 230]], float)
ERROR_STOPS = ", ".join(f"rgb({r:g} {g:g} {b:g})" for r, g, b in _STOPS)  # the same scale for a style sheet


def write_previews(
    pictures: str | os.PathLike,
    truth: str | os.PathLike,
    folder: str | os.PathLike,
    count: int | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
) -> None:
    """Write `thumbnail/`, `classes/`, `error/` and `classes.csv` into `folder`.

    `pictures`: folder of RGB PNGs, `truth`: folder of true pictures of the same names and sizes; `count`: how many
    get previews, the first by name, or None for all. `classes.csv` counts the pixels of each of the 400 classes over
    all pictures. Equal pictures give equal bytes. Raises CCCError for an empty folder or a picture without truth.
    """
    paths = sorted(Path(pictures).glob("*.png"))
    if not paths:
        raise CCCError(f"{pictures}: holds no PNG")
    counts = np.zeros(_GRID.size, dtype=np.int64)
    for number, path in enumerate(progress(paths)):
        picture = read_rgb(path)
        lab = rgb_to_lab(picture)
        classes = _GRID.encode(lab[..., 1:])
        counts += np.bincount(classes.ravel(), minlength=_GRID.size)
        if count is not None and number >= count:
            continue
        partner = Path(truth) / path.name
        if not partner.is_file():
            raise CCCError(f"{partner}: is missing, so {path} cannot be compared")
        true = rgb_to_lab(read_rgb(partner))
        if true.shape != lab.shape:
            raise CCCError(f"{path}: is of another size than its truth {partner}")
        small = picture if min(picture.shape[:2]) <= THUMBNAIL else resize_short_side(picture, THUMBNAIL)
        shown = (Image.fromarray(small), draw_classes(classes), Image.fromarray(draw_error(lab, true)))
        for kind, image in zip(KINDS, shown, strict=True):
            with written_whole(Path(folder) / kind / (path.stem + KINDS[kind])) as scratch:
                image.save(scratch, quality=80, method=4)  # of WebP; PNG has neither
    write_text(Path(folder) / "classes.csv", class_counts(counts).to_csv(index=False))


def class_counts(counts: np.ndarray) -> pandas.DataFrame:
    """A row for each class that occurs: `class`, its centre `a` and `b`, and `pixels`; `counts`: int64 `(400,)`."""
    found = np.flatnonzero(counts)
    a, b = _GRID.centers[found].astype(int).T
    return pandas.DataFrame({"class": found, "a": a, "b": b, "pixels": counts[found]})


def read_counts(folder: str | os.PathLike) -> np.ndarray:
    """Pixels of each of the 400 classes from `classes.csv` of `write_previews`: int64 `(400,)`.

    Raises CCCError where it is missing or broken.
    """
    path = Path(folder) / "classes.csv"
    remedy = "make it with `ccc previews`, as the workflow does"
    found = read_numbers(path, ["class", "pixels"], remedy).astype({"class": int})
    if not (found["class"] < _GRID.size).all():
        raise CCCError(f"{path}: has classes from {_GRID.size} on; {remedy}")
    return np.bincount(found["class"], weights=found["pixels"], minlength=_GRID.size).astype(np.int64)


@functools.cache
def class_palette() -> np.ndarray:
    """The colours in which the 400 classes are drawn: uint8 `(400, 3)`, see `ccc.report.codebook.class_colors`."""
    return to_uint8(class_colors(_GRID))


def draw_classes(classes: np.ndarray) -> Image.Image:
    """A map of grid classes, integer `(H, W)`, each in its colour; a palette picture where 256 colours suffice."""
    present, indices = np.unique(classes, return_inverse=True)
    if len(present) > 256:
        return Image.fromarray(class_palette()[classes])
    image = Image.fromarray(indices.reshape(classes.shape).astype(np.uint8))
    image.putpalette(class_palette()[present].tobytes())
    return image


def draw_error(lab: np.ndarray, true: np.ndarray) -> np.ndarray:
    """CIEDE2000 of each pixel from black (0) to near white (40 and more): float `(H, W, 3)` each to uint8 `(H, W, 3)`.

    Source: Sharma, Wu and Dalal 2005, by scikit-image.
    """
    from skimage.color import deltaE_ciede2000

    return error_colors(deltaE_ciede2000(true.astype(np.float64), lab.astype(np.float64)))


def error_colors(error: np.ndarray) -> np.ndarray:
    """Colours of the scale of error maps: float `(...)` in CIEDE2000 to uint8 `(..., 3)`."""
    places = np.linspace(0, LARGEST_ERROR, len(_STOPS))
    return np.rint(np.stack([np.interp(error, places, color) for color in _STOPS.T], axis=-1)).astype(np.uint8)
