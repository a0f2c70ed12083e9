"""LPIPS: distance between deep features."""

import functools
import os
import warnings

import numpy as np

from ccc.assets import weights as weight_files
from ccc.core.errors import CCCError
from ccc.metrics.pair import Pair, of_pictures

TRUNKS = {"alex": "alexnet", "vgg": "vgg16"}  # the network's name in lpips: its name in `ccc weights`
SMALLEST = {"alex": 31, "vgg": 16}  # sides, in pixels: below, the trunk's last maps are empty


@of_pictures
def lpips(pair: Pair, net: str = "alex", weights: str | os.PathLike | None = None) -> float:
    """Learned perceptual distance, version 0.1; 0 and up, lower is better, 0 for identical pictures.

    Both uint8 RGB `(H, W, 3)`. `net`: "alex" or "vgg", whose values do not compare. `weights`: the trunk as torchvision
    publishes it, whole or only its `features`; None looks where `ccc weights` keeps it. NaN for a picture with a side
    below 31 (alex) or 16 (vgg), from which the trunk makes no features. Raises ValueError for other arrays or another
    net, MissingWeights where the file is not there, CCCError where it is not the trunk's. Source: Zhang et al. 2018,
    heads and arithmetic of the package lpips.
    """
    import torch

    if net not in TRUNKS:
        raise ValueError(f'net must be "alex" or "vgg", got {net!r}')
    network = _network(net, str(weight_files.locate(TRUNKS[net], weights)))
    if pair.short_side < SMALLEST[net]:
        return float("nan")
    planes = (np.ascontiguousarray(np.moveaxis(image, -1, 0))[None] for image in (pair.truth, pair.prediction))
    true, predicted = (torch.tensor(image) / 127.5 - 1 for image in planes)
    with torch.inference_mode():
        return float(network(true, predicted))


@functools.lru_cache(maxsize=2)
def _network(net: str, path: str):
    import ccc.core.torchvision_ops  # noqa: F401  before lpips, which imports torchvision

    import lpips as library  # isort: skip

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lpips calls torchvision by its old argument names
        # The heads come with the package, the trunk does not.
        network = library.LPIPS(net=net, pnet_rand=True, verbose=False)
    heads = (tensor for name, tensor in network.state_dict().items() if name.startswith("lin"))
    if any((head < 0).any() for head in heads):  # the published ones are at least 0
        raise CCCError("lpips: its heads are not the published ones; install the package lpips again")
    state = weight_files.read_state_dict(path)
    if not any(name.startswith("features.") for name in state):
        state = {f"features.{name}": tensor for name, tensor in state.items()}
    # slice1.0.weight of lpips is features.0.weight of the published file
    names = {f"features.{key.split('.', 1)[1]}": key for key in network.net.state_dict()}
    trunk = {names.get(name, name): state[name] for name in state if not name.startswith("classifier.")}
    weight_files.load_strictly(network.net, trunk, path)
    return network.eval()
