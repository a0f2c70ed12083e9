"""The mean colour of the training set, in every pixel."""

import numpy as np
import pytest
from skimage import data

from ccc import colorizers, metrics
from ccc.codebook import Codebook
from ccc.color import rgb_to_lab
from ccc.core.errors import CCCError


def test_every_pixel_gets_the_mean_of_the_cells_that_were_counted(tmp_path):
    counts = np.zeros(400, int)
    counts[[210, 231]] = 300, 100  # centres (5, 5) and (15, 15)
    Codebook.fit(counts, 200).save(tmp_path / "codebook.json")  # dropped classes count
    method = colorizers.load("constant", tmp_path / "codebook.json")
    np.testing.assert_allclose(method.ab, [7.5, 7.5])
    gray = np.full((4, 6, 3), 128, np.uint8)
    lab = rgb_to_lab(method.colorize(gray))
    np.testing.assert_allclose(lab[..., 1:], 7.5, atol=0.5)
    np.testing.assert_allclose(lab[..., 0], rgb_to_lab(gray)[..., 0], atol=0.5)


def test_without_a_codebook_it_is_that_of_the_model_that_comes_with_ccc(tmp_path):
    picture = data.astronaut()[::8, ::8]
    colored = colorizers.load("constant").colorize(picture)
    assert 0 < np.abs(rgb_to_lab(colored)[..., 1:]).mean() < 15
    (tmp_path / "no.json").write_text("{}")
    with pytest.raises(CCCError, match="no.json: not a codebook"):
        colorizers.load("constant", tmp_path / "no.json")


def test_the_ceiling_is_above_the_floors():
    picture = data.astronaut()[::4, ::4]
    psnr = {
        name: metrics.psnr(colorizers.load(name).colorize(picture), picture) for name in ("gray", "constant", "oracle")
    }
    assert psnr["oracle"] > max(psnr["gray"], psnr["constant"]) + 3
