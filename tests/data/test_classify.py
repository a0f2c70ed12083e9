"""The compiled loops of sharding give what the plain computations give."""

import numpy as np
import pytest
from skimage import data
from skimage.color import rgb2lab

from ccc.codebook import ColorGrid, area_mean
from ccc.color import WHITE, XYZ_FROM_RGB
from ccc.core.compiled import compiled
from ccc.core.images import read_rgb, square
from ccc.data.classify import classified

PHOTOGRAPHS = [data.astronaut, data.chelsea, data.coffee, data.rocket]

# The kernel's plain version: two tables, of sRGB to linear light and of the f of CIELAB, and NumPy.
LEVELS = np.arange(256) / 255
LINEAR = np.where(LEVELS > 0.04045, ((LEVELS + 0.055) / 1.055) ** 2.4, LEVELS / 12.92)
SHARES = np.linspace(0, 1.001, 1 << 16)  # white's X, Y and Z are a little more than 1
ROOTS = np.where(SHARES > 0.008856, np.cbrt(SHARES), 7.787 * SHARES + 16 / 116)


def plain(rgb, cells, alpha=10, beta=100, delta=20):
    """`classified` by two tables."""
    shares = LINEAR[rgb] @ (XYZ_FROM_RGB / WHITE[:, None]).T
    fx, fy, fz = np.moveaxis(np.interp(shares, SHARES, ROOTS), -1, 0)
    gray = np.floor((116 * fy - 16) * 2.55 + 0.5).astype(np.uint8)
    block = len(rgb) // cells
    ab = np.stack([500 * (fx - fy), 200 * (fy - fz)], axis=-1).reshape(cells, block, cells, block, 2).mean(axis=(1, 3))
    bins = np.floor((np.rint(100 * ab) / 100 + beta) / alpha)  # rounded: neutral gray lies on the corner of four bins
    a, b = np.moveaxis(np.clip(bins, 0, delta - 1), -1, 0)
    clamped = ((bins < 0) | (bins >= delta)).any(axis=-1).sum()
    return gray, (b * delta + a).astype(np.uint16), clamped


def exact(rgb, cells):
    """Gray and classes in float64, by scikit-image and NumPy."""
    lab = rgb2lab(rgb.astype(np.float64) / 255)
    gray = np.rint(lab[..., 0] * 2.55).clip(0, 255).astype(np.uint8)
    return gray, area_mean(lab[..., 1:], cells)


def agreement(pictures, cells=56, function=classified):
    """Share of cells in the exact class, and of pixels with the exact gray level."""
    classes_right, gray_right = [], []
    for rgb in pictures:
        gray, classes, clamped = function(rgb, cells)[:3]
        exact_gray, ab = exact(rgb, cells)
        outside = ((np.rint(ab * 100) < -10_000) | (np.rint(ab * 100) >= 10_000)).any(axis=-1)
        assert clamped == outside.sum() and np.abs(gray.astype(int) - exact_gray).max() <= 1
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


@pytest.mark.parametrize("cells", [56, 28])
def test_the_kernel_is_its_plain_version(cells):
    same_class, same_gray = [], []
    for photograph in PHOTOGRAPHS:
        rgb = square(photograph(), 224)
        gray, classes, clamped, _ = classified(rgb, cells)
        plain_gray, plain_classes, plain_clamped = plain(rgb, cells)
        assert clamped == plain_clamped
        same_class.append(classes == plain_classes)
        same_gray.append(gray == plain_gray)
    assert np.mean(same_class) >= 0.9999 and np.mean(same_gray) >= 0.999


def test_every_neutral_gray_is_class_210():
    for level in range(256):
        assert (classified(np.full((8, 8, 3), level, np.uint8), 2)[1] == 210).all()


def test_what_lies_beyond_the_grid_is_clamped_and_counted():
    blue = np.zeros((8, 8, 3), np.uint8)
    blue[..., 2] = 255  # b = -107.9
    gray, classes, clamped, _ = classified(blue, 2)
    assert clamped == 4 and (classes == ColorGrid().encode(exact(blue, 2)[1])).all() and (classes // 20 == 0).all()


def test_a_function_that_cannot_be_kept_on_disk_is_compiled_all_the_same():
    """As in an installation where neither the package nor the user's cache folder can be written."""
    names = {}
    exec("def increased(x): return x + 1", names)  # of no file: numba has nowhere to keep it
    assert compiled(names["increased"])(1) == 2
