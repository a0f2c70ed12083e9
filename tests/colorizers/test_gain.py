"""Precomputed pictures as a method."""

import numpy as np
import pytest
from PIL import Image

from ccc import colorizers
from ccc.cli import main
from ccc.core.errors import CCCError
from ccc.core.images import read_rgb


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


@pytest.mark.parametrize("folder", ["photos #2/gain", "a: b", "2024", "no"])
def test_a_folder_may_have_any_name(folder, tmp_path, monkeypatch):
    """YAML would read a comment, a mapping, a number and false."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / folder).mkdir(parents=True)
    Image.new("RGB", (30, 20), "red").save(tmp_path / folder / "a.png")
    Image.new("L", (30, 20)).save("a.png")
    assert main(["colorize", "a.png", "--method", "gain", "--option", f"folder={folder}", "-o", "out.png"]) == 0
    np.testing.assert_array_equal(read_rgb("out.png"), read_rgb(tmp_path / folder / "a.png"))
