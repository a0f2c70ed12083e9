"""sRGB and CIELAB agree with scikit-image, on both array libraries."""

import numpy as np
import pytest
import torch
from skimage import color as reference

from ccc.color import (
    GUIDE_EPSILON,
    GUIDE_RADIUS,
    gray_of,
    guided_ab,
    lab_to_rgb,
    lightness,
    rgb_to_lab,
    to_uint8,
    with_ab,
)


@pytest.fixture(scope="module")
def cube():
    levels = np.arange(0, 256, 5, dtype=np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 52, 3)


def test_rgb_to_lab_equals_scikit_image(cube):
    expected = reference.rgb2lab(cube)
    for rgb in (cube, cube.astype(np.float32) / 255, cube / 255):
        assert rgb_to_lab(rgb).dtype == np.float32
        np.testing.assert_allclose(rgb_to_lab(rgb), expected, atol=1e-3)


def test_torch_path_equals_numpy_path(cube):
    lab = rgb_to_lab(cube)
    for rgb in (torch.from_numpy(cube), torch.from_numpy(cube) / 255):
        np.testing.assert_allclose(rgb_to_lab(rgb).numpy(), lab, atol=1e-3)
    np.testing.assert_allclose(lab_to_rgb(torch.from_numpy(lab)).numpy(), lab_to_rgb(lab), atol=1e-3)


@pytest.mark.filterwarnings("ignore")
def test_lab_to_rgb_equals_scikit_image_also_outside_the_gamut():
    lab = np.random.default_rng(0).uniform([0, -110, -110], [100, 110, 110], (200, 100, 3))
    np.testing.assert_allclose(lab_to_rgb(lab), reference.lab2rgb(lab), atol=1e-3)


def test_every_8_bit_colour_comes_back(cube):
    assert (to_uint8(lab_to_rgb(rgb_to_lab(cube))) == cube).all()


def test_gray_keeps_the_lightness(astronaut):
    gray = gray_of(astronaut)
    back = lightness(np.repeat(gray[..., None], 3, axis=-1))
    assert np.abs(back - lightness(astronaut)).max() < 0.6  # one gray level is at most 1.1 of L, near black


def test_with_ab_keeps_the_lightness_and_returns_the_picture(astronaut):
    ab = rgb_to_lab(astronaut)[..., 1:]
    assert np.abs(with_ab(astronaut, ab).astype(int) - astronaut).max() == 0
    assert np.abs(with_ab(gray_of(astronaut), ab).astype(int) - astronaut).max() <= 6


@pytest.mark.parametrize("wrong", [np.zeros((4, 4)), np.zeros((4, 4, 4)), np.zeros((4, 3), np.int32)])
def test_wrong_arrays_are_refused(wrong):
    with pytest.raises(ValueError, match="rgb must"):
        rgb_to_lab(wrong)


@pytest.mark.parametrize("convert", [rgb_to_lab, lab_to_rgb])
def test_gradients_are_finite_from_black_to_white(convert):
    gray = torch.tensor([0.0, 1e-6, 0.02, 0.5, 1.0])[:, None]
    values = gray.expand(-1, 3).clone() if convert is rgb_to_lab else torch.cat([gray * 100, gray * 0, gray * 0], dim=1)
    values.requires_grad_()
    convert(values).sum().backward()
    assert torch.isfinite(values.grad).all() and values.grad[1:4].abs().sum(dim=1).min() > 0


def _local_means(planes):
    """Mean of each cell's neighbours that lie on the map, by loops."""
    means = np.empty_like(planes)
    for row, column in np.ndindex(planes.shape[:2]):
        rows, columns = (slice(max(at - GUIDE_RADIUS, 0), at + GUIDE_RADIUS + 1) for at in (row, column))
        means[row, column] = planes[rows, columns].mean(axis=(0, 1))
    return means


def test_guided_colours_are_the_guided_filters():
    """At the map's own size, where nothing is resized, against the filter written out."""
    rng = np.random.default_rng(0)
    L, ab = 100 * rng.random((9, 12)), rng.normal(0, 30, (9, 12, 2))
    L[:, :3] = 50  # even: the mean of means there
    mean_L, mean_ab = _local_means(L), _local_means(ab)
    covariance = _local_means(L[..., None] * ab) - mean_L[..., None] * mean_ab
    slope = covariance / (_local_means(L**2) - mean_L**2 + GUIDE_EPSILON)[..., None]
    wanted = _local_means(slope) * L[..., None] + _local_means(mean_ab - slope * mean_L[..., None])
    np.testing.assert_allclose(guided_ab(ab, L), wanted, atol=2e-3)


def test_guided_colours_of_any_size():
    for shape in ((1, 1), (3, 200), (97, 64), (400, 8)):
        L = np.linspace(0, 100, shape[0] * shape[1]).reshape(shape)
        ab = guided_ab(np.full((8, 12, 2), (20, -30)), L)
        assert ab.shape == (*shape, 2) and ab.dtype == np.float32
        np.testing.assert_allclose(ab, np.broadcast_to((20, -30), ab.shape), atol=1e-2)  # one colour stays one
