"""Zhang 2017 against the reference network."""

import torch

from ccc.colorizers import cic, zhang


def test_names_shapes_and_parameters(parity):
    network = zhang.Siggraph17()
    parity.check_keys(network, "siggraph17")
    assert sum(parameter.numel() for parameter in network.parameters()) == zhang.INFO.parameters


@torch.inference_mode()
def test_parity(parity, keeps_sizes):
    network = parity.fill(zhang.Siggraph17())
    parity.check_output(network(parity.draw(1234, (1, 1, 256, 256)) * 100), "siggraph17")
    colorizer = cic.LabSquare(network, "cpu")
    parity.check_pipeline(colorizer, "zhang17")
    keeps_sizes(colorizer)
