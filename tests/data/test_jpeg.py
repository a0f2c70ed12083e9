"""Our gray JPEGs are Pillow's."""

import io

import numpy as np
import pytest
from PIL import Image
from skimage import data

from ccc.color import gray_of
from ccc.data.jpeg import GrayEncoder


def of_pillow(gray, quality):
    file = io.BytesIO()
    Image.fromarray(gray).save(file, "JPEG", quality=quality)
    return file.getvalue()


def pictures(side):
    """Photographs, noise, edges as hard as can be, flat areas that need long runs of zeros, and waves."""
    generator = np.random.default_rng(side)
    for photograph in (data.astronaut, data.coffee):
        yield gray_of(np.ascontiguousarray(photograph()[:side, :side]))
    noise = generator.integers(0, 256, (side, side)).astype(np.uint8)
    yield noise
    yield np.where(noise > 127, 255, 0).astype(np.uint8)
    yield np.where(generator.random((side, side)) < 0.01, 255, 0).astype(np.uint8)
    for level in (0, 128, 255):
        yield np.full((side, side), level, np.uint8)
    rows, columns = np.mgrid[:side, :side]
    for i, j in ((0, 1), (1, 0), (4, 4), (7, 7), (3, 6)):  # what has the largest coefficients
        wave = np.cos(np.pi * (2 * rows + 1) * i / 16) * np.cos(np.pi * (2 * columns + 1) * j / 16)
        yield np.where(wave > 0, 255, 0).astype(np.uint8)
    for period in (1, 2, 3, 5, 8, 16):
        yield np.where((rows // period + columns // period) % 2, 255, 0).astype(np.uint8)
        yield np.rint(127.5 + 127.5 * np.cos(np.pi * columns / period) * np.cos(np.pi * rows / 7)).astype(np.uint8)


@pytest.mark.parametrize("quality", [1, 10, 50, 75, 92, 100])
@pytest.mark.parametrize("side", [1, 8, 20, 64, 128, 224])
def test_bytes_are_pillows(side, quality):
    encode = GrayEncoder(side, quality)
    for gray in pictures(side):
        assert encode(gray) == of_pillow(gray, quality)


def test_any_layout_is_taken():
    gray = gray_of(data.astronaut()[:128, :128])
    encode = GrayEncoder(64, 92)
    for part in (gray[::2, ::2], gray[64:, 64:], gray.T[:64, :64]):
        assert encode(part) == of_pillow(np.ascontiguousarray(part), 92)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((64, 64)), np.zeros((64, 64), np.int8), np.zeros((64, 128), np.uint8), np.zeros((64, 64, 3), np.uint8)],
)
def test_other_arrays_are_refused(wrong):
    with pytest.raises(ValueError, match=r"expected uint8 \(64, 64\), got"):
        GrayEncoder(64, 92)(wrong)
