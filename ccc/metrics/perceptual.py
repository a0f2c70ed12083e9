"""LPIPS: distance between deep features."""

import functools
import os

import numpy as np

from ccc import weights
from ccc.errors import CCCError
from ccc.metrics.pixel import check_pair

TRUNKS = {"alex": "alexnet", "vgg": "vgg16"}  # the network's name in lpips: its name in `ccc weights`


@functools.lru_cache(maxsize=2)
def _network(net: str, path: str):
    import ccc._torchvision  # noqa: F401, I001  before lpips, which imports torchvision
    import lpips as library

    network = library.LPIPS(net=net, pnet_rand=True, verbose=False)  # the heads come with the package, the trunk not
    state = weights.read_state_dict(path)
    trunk = {}
    for key, old in network.net.state_dict().items():
        layer = key.split(".", 1)[1]  # slice1.0.weight is features.0.weight of the published file
        found = state.get(f"features.{layer}", state.get(layer))
        if found is None or found.shape != old.shape:
            raise CCCError(f"{path}: not the weights of {TRUNKS[net]}: features.{layer} is missing or of another shape")
        trunk[key] = found
    network.net.load_state_dict(trunk, strict=True)
    return network.eval()


def lpips(
    prediction: np.ndarray, truth: np.ndarray, net: str = "alex", weight_file: str | os.PathLike | None = None
) -> float:
    """Learned perceptual distance; not negative, lower is better, 0 for identical pictures.

    Both uint8 RGB `(H, W, 3)`; a picture too small for the network gives NaN. `net`: "alex" or "vgg", whose values
    do not compare; `weight_file`: the trunk as torchvision publishes it, None to look where weights are kept. Raises
    MissingWeights where it is not there, CCCError where it is another network's. Source: Zhang et al. 2018, version
    0.1, by the package lpips.
    """
    import torch

    check_pair(prediction, truth)
    network = _network(net, str(weights.locate(TRUNKS[net], weight_file)))
    if min(truth.shape[:2]) < 35:  # below this the trunk's last maps vanish
        return float("nan")
    pair = [torch.from_numpy(image).permute(2, 0, 1)[None].float() / 127.5 - 1 for image in (truth, prediction)]
    with torch.inference_mode():
        return float(network(*pair))
