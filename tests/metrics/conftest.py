"""Fixtures of the metrics' tests."""

import pytest
import torch
from skimage import data

from ccc.metrics.inception import NETWORKS, RESIZE, STAGES


@pytest.fixture(scope="session")
def random_inceptions(tmp_path_factory):
    """By network, the path of seeded random weights of it, in its file's format.

    They normalize by four photographs, as trained networks do by their own: without that, deep features vanish.
    """
    pictures = [getattr(data, name)()[:256, :256] for name in ("astronaut", "coffee", "chelsea", "rocket")]
    paths, folder = {}, tmp_path_factory.mktemp("weights")
    for function, zero, scale, name in (RESIZE["clean"], RESIZE["torchvision"]):
        torch.manual_seed(0)
        network = NETWORKS[name]().train()
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1
        x = torch.stack([torch.tensor((function(picture) - zero) / scale).permute(2, 0, 1) for picture in pictures])
        with torch.no_grad():
            for layer in (layer for layers in STAGES.values() for layer in layers):
                x = getattr(network, layer)(x)
        paths[name] = folder / f"{name}.pth"
        torch.save(network.state_dict(), paths[name])
    return paths


@pytest.fixture(scope="session")
def random_inception(random_inceptions):
    """Path of seeded random weights of the 2015 Inception."""
    return random_inceptions["inception_fid"]
