"""The compiled loops of sharding give what the plain computations give."""

import numpy as np
import pytest
from PIL import Image
from skimage import data
from skimage.color import rgb2lab

from ccc.codebook import ColorGrid, area_mean
from ccc.core.images import read_rgb, square
from ccc.data.classify import classified
from ccc.data.compiled import compiled
from ccc.data.resizing import planes_of, resized

PHOTOGRAPHS = [data.astronaut, data.chelsea, data.coffee, data.rocket]


def with_fourth_channel(rgb):
    return np.dstack([rgb, rgb[..., 0]])


@pytest.mark.parametrize(
    ("height", "width", "side"),
    [(256, 256, 224), (512, 512, 224), (100, 130, 224), (57, 301, 64), (224, 300, 224), (1, 1, 32), (5, 3, 32)],
)
def test_resizing_is_pillows_bit_by_bit(height, width, side):
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    expected = Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC)
    planes = resized(with_fourth_channel(noise), side)
    assert (planes.transpose(1, 2, 0) == np.asarray(expected)).all()


def exact(rgb, cells):
    """Gray and classes in float64, by scikit-image and NumPy."""
    lab = rgb2lab(rgb.astype(np.float64) / 255)
    gray = np.rint(lab[..., 0] * 2.55).clip(0, 255).astype(np.uint8)
    return gray, area_mean(lab[..., 1:], cells)


def agreement(pictures, cells=56):
    """Share of cells in the exact class, and of pixels with the exact gray level."""
    classes_right, gray_right = [], []
    for rgb in pictures:
        gray, classes, clamped = classified(planes_of(rgb), cells)
        exact_gray, ab = exact(rgb, cells)
        assert clamped == ColorGrid().clamped(ab).sum() and np.abs(gray.astype(int) - exact_gray).max() <= 1
        classes_right.append(classes == ColorGrid().encode(ab))
        gray_right.append(gray == exact_gray)
    return np.mean(classes_right), np.mean(gray_right)


def test_photographs_agree_with_float64():
    for share in agreement([square(photograph(), 224) for photograph in PHOTOGRAPHS]):
        assert share >= 0.999


def test_real_photographs_agree_with_float64(shared):
    paths = sorted(shared("data/benchmarks").glob("*/*"))[::5]
    assert len(paths) == 50
    for share in agreement([square(read_rgb(path), 224) for path in paths]):
        assert share >= 0.999


def test_noise_agrees_with_float64():
    """Every colour, most cells near gray, and no cell clamped but by chance."""
    noise = np.random.default_rng(1).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    for share in agreement(noise, 64):  # one pixel a cell: nothing is averaged away
        assert share >= 0.999


def test_every_neutral_gray_is_class_210():
    for level in range(256):
        assert (classified(planes_of(np.full((8, 8, 3), level, np.uint8)), 2)[1] == 210).all()


def test_what_lies_beyond_the_grid_is_clamped_and_counted():
    blue = np.zeros((8, 8, 3), np.uint8)
    blue[..., 2] = 255  # b = -107.9
    gray, classes, clamped = classified(planes_of(blue), 2)
    assert clamped == 4 and (classes == ColorGrid().encode(exact(blue, 2)[1])).all() and (classes // 20 == 0).all()


def test_a_function_that_cannot_be_kept_on_disk_is_compiled_all_the_same():
    """As in an installation where neither the package nor the user's cache folder can be written."""
    names = {}
    exec("def increased(x): return x + 1", names)  # of no file: numba has nowhere to keep it
    assert compiled(names["increased"])(1) == 2
