"""DDColor against the reference networks."""

import pytest
import torch

from ccc import colorizers
from ccc.colorizers import ddcolor
from ccc.colorizers.base import located
from ccc.core.errors import CCCError


@torch.inference_mode()
def test_tiny(parity, keeps_sizes):
    network = parity.fill(ddcolor.DDColor(tiny=True))
    parity.check_keys(network, "ddcolor_tiny")
    parity.check_output(network(parity.draw(1234, (1, 3, 256, 256))), "ddcolor_tiny")
    parity.check_pipeline(ddcolor.DDColorColorizer(network, "cpu", 512), "ddcolor_tiny_512")
    small = ddcolor.DDColorColorizer(network, "cpu", 256)
    parity.check_pipeline(small, "ddcolor_tiny_256")
    keeps_sizes(small)


@torch.inference_mode()
def test_large(parity):
    network = ddcolor.DDColor(tiny=False)
    parity.check_keys(network, "ddcolor_large")
    assert sum(parameter.numel() for parameter in network.parameters()) == ddcolor.INFO.parameters
    parity.check_output(parity.fill(network)(parity.draw(1234, (1, 3, 256, 256))), "ddcolor_large")


def test_options_are_checked():
    with pytest.raises(CCCError, match="ddcolor.model: .*'tiny', got .large"):
        colorizers.load("ddcolor", model="large")
    with pytest.raises(CCCError, match="ddcolor.input_size: Input should be 256 or 512, got 300"):
        colorizers.load("ddcolor", input_size=300)
    with pytest.raises(CCCError, match="ddcolor has no model 'large'"):
        located(ddcolor.INFO, model="large")
