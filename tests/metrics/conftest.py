"""Fixtures of the metrics' tests."""

import pytest
import torch
from skimage import data

from ccc.metrics.inception import STAGES, inception, resize_clean


@pytest.fixture(scope="session")
def random_inception(tmp_path_factory):
    """Path of seeded random weights of the Inception network, in its file's format.

    It normalizes by four photographs, as a trained network does by its own: without that, deep features vanish.
    """
    torch.manual_seed(0)
    network = inception().train()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1
    pictures = [getattr(data, name)()[:256, :256] for name in ("astronaut", "coffee", "chelsea", "rocket")]
    x = torch.stack([torch.tensor((resize_clean(picture) - 128) / 128).permute(2, 0, 1) for picture in pictures])
    with torch.no_grad():
        for layer in (layer for layers in STAGES.values() for layer in layers):
            x = getattr(network, layer)(x)
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(network.state_dict(), path)
    return path
