"""Precomputed pictures as a method."""

import numpy as np
import pytest
from PIL import Image

from ccc import colorizers
from ccc.core.errors import CCCError


def test_pictures_are_found_by_name_and_checked(tmp_path, astronaut):
    colored = astronaut[:20, :30]
    Image.fromarray(colored).save(tmp_path / "a.png")
    colorizer = colorizers.load("gain", folder=tmp_path)
    gray = colored[..., 0]
    np.testing.assert_array_equal(colorizer.colorize_named("a.png", gray), colored)
    np.testing.assert_array_equal(colorizer.colorize_named("a.jpg", gray), colored)
    with pytest.raises(CCCError, match="no coloured picture for b.png"):
        colorizer.colorize_named("b.png", gray)
    with pytest.raises(CCCError, match="a.png: 30x20, where the gray picture is 20x20"):
        colorizer.colorize_named("a.png", gray[:, :20])
    Image.fromarray(colored).save(tmp_path / "a.bmp")
    with pytest.raises(CCCError, match="a.bmp and a.png for a.jpg"):
        colorizer.colorize_named("a.jpg", gray)


def test_a_folder_is_required(tmp_path):
    with pytest.raises(CCCError, match="folder=PATH"):
        colorizers.load("gain")
    with pytest.raises(CCCError, match="no such folder"):
        colorizers.load("gain", folder=tmp_path / "none")
