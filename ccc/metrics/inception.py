"""Features of Inception networks: the 2015 one, which FID and KID are defined on, and torchvision's."""

import functools
import itertools
import os
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ccc.assets import weights as weight_files

if TYPE_CHECKING:
    from torch.nn import Module

BATCH = 4  # pictures at once: with channels last a third faster than one by one, in the same memory
STAGES = {  # number of features: the layers that lead to them from the stage before
    64: ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "maxpool1"),
    192: ("Conv2d_3b_1x1", "Conv2d_4a_3x3", "maxpool2"),
    768: ("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
    2048: ("Mixed_7a", "Mixed_7b", "Mixed_7c"),
}


def inception() -> "Module":
    """The Inception of TensorFlow's 2015-12-05 release, with random weights: a torch module in 1008 classes.

    It is torchvision's Inception v3 with the blocks that pytorch-fid changed to match TensorFlow's arithmetic.
    """
    import ccc.core.torchvision_ops  # noqa: F401  before torchvision

    from pytorch_fid import inception as blocks  # isort: skip
    from torchvision.models import inception_v3  # isort: skip

    network = inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=False)
    for name, channels, pooled in (("Mixed_5b", 192, 32), ("Mixed_5c", 256, 64), ("Mixed_5d", 288, 64)):
        setattr(network, name, blocks.FIDInceptionA(channels, pool_features=pooled))
    for name, width in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)):
        setattr(network, name, blocks.FIDInceptionC(768, channels_7x7=width))
    network.Mixed_7b, network.Mixed_7c = blocks.FIDInceptionE_1(1280), blocks.FIDInceptionE_2(2048)
    return network


def inception_torchvision() -> "Module":
    """torchvision's Inception v3, whose arithmetic and weights are not those of 2015, with random weights."""
    import ccc.core.torchvision_ops  # noqa: F401  before torchvision

    from torchvision.models import inception_v3  # isort: skip

    return inception_v3(weights=None, init_weights=False)


@functools.lru_cache(maxsize=2)
def _network(path: str, name: str) -> "Module":
    import torch

    network = NETWORKS[name]()
    weight_files.load_state_dict(path, network)
    return network.eval().to(memory_format=torch.channels_last)  # ty: ignore[no-matching-overload]  its stub wants 4 dimensions


def resize_clean(image: np.ndarray) -> np.ndarray:
    """uint8 RGB `(H, W, 3)` to float32 `(299, 299, 3)` in 0-255: bicubic with antialiasing, one channel at a time.

    Source: Parmar et al. 2022 ("clean" resizing).
    """
    channels = [Image.fromarray(channel) for channel in np.moveaxis(image, -1, 0).astype(np.float32)]
    resized = [channel.resize((299, 299), Image.Resampling.BICUBIC) for channel in channels]
    return np.stack([np.asarray(channel) for channel in resized], axis=-1).clip(0, 255)


def resize_pytorch(image: np.ndarray) -> np.ndarray:
    """uint8 RGB `(H, W, 3)` to float32 `(299, 299, 3)` in 0-255: bilinear without antialiasing, as pytorch-fid does."""
    import torch
    from torch.nn.functional import interpolate

    planes = torch.tensor(np.moveaxis(image, -1, 0)[None].astype(np.float32))
    resized = interpolate(planes, size=(299, 299), mode="bilinear", align_corners=False)
    return np.moveaxis(resized[0].numpy(), 0, -1)


def resize_torchvision(image: np.ndarray) -> np.ndarray:
    """uint8 RGB `(H, W, 3)` to float32 `(299, 299, 3)` as the code of DDColor shows it to torchvision's Inception.

    Bilinear without antialiasing, then 0-255 to 0.5-1 and ImageNet's normalization undone from there: that code takes
    its input for -1 to 1, where it is 0 to 1. Source: github.com/piddnad/DDColor, basicsr/metrics/custom_fid.py.
    """
    mean, deviation = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], np.float32)
    return ((resize_pytorch(image) / 255 * 0.5 + 0.5) * deviation + mean - 0.5) / 0.5


NETWORKS = {"inception_fid": inception, "inception_torchvision": inception_torchvision}

# Preprocessing by name: resizing function, offset and scale of its output, and network.
RESIZE = {
    "clean": (resize_clean, 128.0, 128.0, "inception_fid"),
    "pytorch": (resize_pytorch, 127.5, 127.5, "inception_fid"),
    "torchvision": (resize_torchvision, 0.0, 1.0, "inception_torchvision"),
}


def inception_features(
    images: Iterable[np.ndarray],
    weights: str | os.PathLike | None = None,
    resize: str = "clean",
    dimensions: Collection[int] = tuple(STAGES),
) -> dict[int, np.ndarray]:
    """Features of pictures at some of four depths, averaged over space: {D: float32 `(N, D)`}.

    `images`: uint8 RGB `(H, W, 3)` of any sizes, taken a few at a time; `weights`: the file
    pt_inception-2015-12-05-6726825d.pth, None looks where `ccc weights` keeps it; `resize`: "clean" as clean-fid,
    "pytorch" as pytorch-fid, or "torchvision" as DDColor's code, whose file is inception_v3_google-0cc3c7bd.pth: their
    features differ; `dimensions`: some of 64, 192, 768 and 2048, of which the deepest decides the cost. Raises
    MissingWeights where the file is not there, CCCError where it is another file. Source: Heusel et al. 2017; Parmar et
    al. 2022; for the last, Kang et al. 2023 (DDColor).
    """
    import torch

    function, zero, scale, name = RESIZE[resize]
    network = _network(str(weight_files.locate(name, weights)), name)
    rows: dict[int, list[np.ndarray]] = {dimension: [] for dimension in STAGES if dimension in dimensions}
    images = iter(images)
    with torch.inference_mode():
        while batch := [function(image) for image in itertools.islice(images, BATCH)]:
            x = torch.from_numpy((np.stack(batch) - zero) / scale).permute(0, 3, 1, 2)
            for dimension, layers in STAGES.items():
                if dimension > max(rows):
                    break
                for layer in layers:
                    x = getattr(network, layer)(x)
                if dimension in rows:
                    rows[dimension].extend(x.mean(dim=(2, 3)).numpy())
    return {dimension: np.array(found, np.float32).reshape(-1, dimension) for dimension, found in rows.items()}
