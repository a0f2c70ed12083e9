"""DeOldify against the reference networks."""

import numpy as np
import pytest
import torch

from ccc import colorizers
from ccc.colorizers import deoldify
from ccc.core.errors import CCCError


@torch.inference_mode()
def test_artistic(parity, keeps_sizes):
    network = parity.fill(deoldify.DeOldify(deep=True))
    parity.check_keys(network, "deoldify_deep_r34_artistic")
    assert sum(parameter.numel() for parameter in network.parameters()) == deoldify.INFO.parameters
    parity.check_output(network(parity.draw(1234, (1, 3, 256, 256)) * 4 - 2), "deoldify_deep_r34_artistic")
    for side in (240, 48):
        assert network(torch.zeros(1, 3, side, side)).shape == (1, 3, side, side)
    parity.check_pipeline(deoldify.DeOldifyColorizer(network, "cpu", render_factor=18), "deoldify_artistic_rf18")
    small = deoldify.DeOldifyColorizer(network, "cpu", render_factor=4)
    keeps_sizes(small)


@torch.inference_mode()
def test_stable_and_video(parity):
    network = parity.fill(deoldify.DeOldify(deep=False))
    parity.check_keys(network, "deoldify_wide_r101_stable_video")
    parity.check_output(network(parity.draw(1234, (1, 3, 256, 256)) * 4 - 2), "deoldify_wide_r101_stable_video")


class Echo(torch.nn.Module):
    """Gives back what it is given: the gray picture."""

    def forward(self, x):
        return x


def test_luma_is_the_pictures_own_and_no_watermark_is_stamped(astronaut):
    picture = astronaut[100:260, 50:300]
    colored = deoldify.DeOldifyColorizer(Echo(), "cpu", render_factor=10).colorize(picture)
    luma = picture @ np.array([0.299, 0.587, 0.114])
    assert np.abs(colored - luma[..., None]).max() <= 3


def test_options_are_checked():
    with pytest.raises(CCCError, match="deoldify.model: .*did you mean 'artistic'"):
        colorizers.load("deoldify", model="artisic")
    for value in (0, 129, 10.5, "x"):
        with pytest.raises(CCCError, match="deoldify.render_factor: "):
            colorizers.load("deoldify", render_factor=value)
