"""Distances between sets of pictures: Frechet and kernel distances of Inception features."""

import functools
import os
from collections.abc import Iterable

import numpy as np
from PIL import Image

from ccc import weights

DIMENSIONS = (64, 192, 768, 2048)


def frechet_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Frechet distance between Gaussians fitted to two sets of features: `(N, D)` and `(M, D)`, N and M at least 2.

    Not negative up to rounding; lower is better. The trace of the root of the covariances' product is the sum of the
    singular values of an N x M matrix, so nothing of size D x D is built and nothing turns complex where N < D.
    Raises ValueError for other shapes. Source: Heusel et al. 2017; Dowson and Landau 1982.
    """
    x, y = (np.asarray(features, dtype=np.float64) for features in (x, y))
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < 2:
        raise ValueError(f"features must be (N, D) and (M, D) with N and M at least 2, got {x.shape} and {y.shape}")
    offset = x.mean(axis=0) - y.mean(axis=0)
    a, b = ((features - features.mean(axis=0)) / np.sqrt(len(features) - 1) for features in (x, y))
    root = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(offset @ offset + (a**2).sum() + (b**2).sum() - 2 * root)


def kid(x: np.ndarray, y: np.ndarray) -> float:
    """Kernel distance, the unbiased squared MMD under (x.y / D + 1)^3: features `(N, D)` and `(M, D)`; lower is better.

    May be negative. Raises ValueError for other shapes. Source: Binkowski et al. 2018.
    """
    x, y = (np.asarray(features, dtype=np.float64) for features in (x, y))
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < 2:
        raise ValueError(f"features must be (N, D) and (M, D) with N and M at least 2, got {x.shape} and {y.shape}")
    within = []
    for features in (x, y):
        kernel = (features @ features.T / x.shape[1] + 1) ** 3
        within.append((kernel.sum() - np.trace(kernel)) / (len(features) * (len(features) - 1)))
    return float(sum(within) - 2 * ((x @ y.T / x.shape[1] + 1) ** 3).mean())


@functools.lru_cache(maxsize=1)
def _network(path: str):
    network = inception()
    weights.load_strictly(network, weights.read_state_dict(path), path)
    return network.eval()


def inception():
    """The 2015 TensorFlow Inception that FID is defined on, with random weights: a torch module."""
    import ccc._torchvision  # noqa: F401, I001  before pytorch_fid, which imports torchvision
    from pytorch_fid import inception as blocks
    from torchvision.models import inception_v3

    network = inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=False)
    for name, channels, pooled in (("Mixed_5b", 192, 32), ("Mixed_5c", 256, 64), ("Mixed_5d", 288, 64)):
        setattr(network, name, blocks.FIDInceptionA(channels, pool_features=pooled))
    for name, width in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)):
        setattr(network, name, blocks.FIDInceptionC(768, channels_7x7=width))
    network.Mixed_7b, network.Mixed_7c = blocks.FIDInceptionE_1(1280), blocks.FIDInceptionE_2(2048)
    return network


def resize_299(image: np.ndarray) -> np.ndarray:
    """uint8 RGB `(H, W, 3)` to float32 `(299, 299, 3)` in 0-255: bicubic with antialiasing, one channel at a time.

    Source: Parmar et al. 2022 ("clean" resizing).
    """
    size = (299, 299)
    planes = [
        Image.fromarray(image[..., c].astype(np.float32)).resize(size, Image.Resampling.BICUBIC) for c in range(3)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1).clip(0, 255)


def inception_features(
    images: Iterable[np.ndarray], weight_file: str | os.PathLike | None = None
) -> dict[int, np.ndarray]:
    """Features of pictures at four depths of the 2015 Inception, averaged over space: {dimension: float64 `(N, D)`}.

    `images`: uint8 RGB `(H, W, 3)` of any sizes; `weight_file`: pt_inception-2015-12-05-6726825d.pth, None to look
    where weights are kept. Raises MissingWeights where it is not there, CCCError where it is another file.
    """
    import torch

    network = _network(str(weights.locate("inception_fid", weight_file)))
    stages = {
        64: ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "maxpool1"),
        192: ("Conv2d_3b_1x1", "Conv2d_4a_3x3", "maxpool2"),
        768: ("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
        2048: ("Mixed_7a", "Mixed_7b", "Mixed_7c"),
    }
    rows = {dimension: [] for dimension in stages}
    with torch.inference_mode():
        for image in images:
            x = torch.from_numpy((resize_299(image) - 128) / 128).permute(2, 0, 1)[None].float()
            for dimension, layers in stages.items():
                for layer in layers:
                    x = getattr(network, layer)(x)
                rows[dimension].append(x.mean(dim=(2, 3))[0].double().numpy())
    return {dimension: np.stack(found) for dimension, found in rows.items()}
