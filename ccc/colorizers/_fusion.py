"""The three networks of InstColorization (Su, Chu, Huang 2020): whole picture, instances, and both fused."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ccc.colorizers._boxes import placed
from ccc.colorizers.zhang import Trunk

# Features in the order of the network: what the weight generator's name ends in, channels.
FUSED = {
    "conv1_2": ("", 64),
    "conv2_2": ("2", 128),
    "conv3_3": ("3", 256),
    "conv4_3": ("4", 512),
    "conv5_3": ("5", 512),
    "conv6_3": ("6", 512),
    "conv7_3": ("7", 512),
    "conv8_up": ("8_1", 256),
    "conv8_3": ("8_2", 256),
    "conv9_up": ("9_1", 128),
    "conv9_3": ("9_2", 128),
    "conv10_up": ("10_1", 128),
    "conv10_2": ("10_2", 128),
}


class Whole(Trunk):
    """GComp, for pictures without boxes: `(N, 4, 256, 256)`, see `Trunk.trunk`, to ab/110 `(N, 2, 256, 256)`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.trunk(x)[0]


class Instance(Trunk):
    """G, for the crops: `(N, 4, 256, 256)` to its 13 features by name, N first."""

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        features = {}

        def keep(name: str, feature: torch.Tensor) -> torch.Tensor:
            # The published network opens model8, 9 and 10 with ReLUs in place: what it hands on of these sums is
            # after the ReLU, although the whole picture's are fused before it.
            features[name] = functional.relu(feature) if name.endswith("_up") else feature
            return feature

        self.trunk(x, keep)
        return features


def _in_place(planes: torch.Tensor, box: np.ndarray, side: int) -> torch.Tensor:
    """Planes of a crop brought to its box in `side` x `side`, 0 around it."""
    x0, y0, x1, y1 = box
    small = functional.interpolate(planes, (y1 - y0, x1 - x0), mode="bilinear", align_corners=False)
    return functional.pad(small, (x0, side - x1, y0, side - y1))


class WeightGenerator(nn.Module):
    """How much each instance and the background count at each place."""

    def __init__(self, channels: int):
        super().__init__()
        self.simple_instance_conv = self._stack(channels)
        self.simple_bg_conv = self._stack(channels)

    @staticmethod
    def _stack(channels: int) -> nn.Sequential:
        layers = []
        for inputs, outputs in ((channels, 16), (16, 16), (16, 1)):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
        return nn.Sequential(*layers)

    def forward(self, instances: torch.Tensor, background: torch.Tensor, boxes: np.ndarray) -> torch.Tensor:
        """Fuse features of N crops, `(N, C, s, s)`, into the picture's, `(1, C, s, s)`; `boxes`: see `placed`."""
        outside = torch.ones_like(background[:, :1])
        for x0, y0, x1, y1 in boxes:
            outside[..., y0:y1, x0:x1] = 0
        crops = [(feature[None], box) for feature, box in zip(instances, boxes, strict=True)]
        scores = [self.simple_bg_conv(background) + 1e5 * outside]
        scores += [_in_place(self.simple_instance_conv(feature), box, outside.shape[-1]) for feature, box in crops]
        background_share, *shares = torch.cat(scores, dim=1).softmax(dim=1).split(1, dim=1)
        fused = background_share * background
        for share, (feature, box) in zip(shares, crops, strict=True):
            fused = fused + share * _in_place(feature, box, outside.shape[-1])
        return fused


class Fusion(Trunk):
    """GF, for pictures with boxes: whole picture `(1, 4, 256, 256)`, features of its crops from `Instance`, and the
    crops' boxes in pixels, float `(N, 4)`, with the picture's width and height, to ab/110 `(1, 2, 256, 256)`."""

    def __init__(self):
        super().__init__()
        for ending, channels in FUSED.values():
            setattr(self, f"weight_layer{ending}", WeightGenerator(channels))
        self.weight_layerout = WeightGenerator(2)  # in the published file, never used

    def forward(self, x: torch.Tensor, features: dict[str, torch.Tensor], boxes: np.ndarray, width: int, height: int):
        def fuse(name: str, feature: torch.Tensor) -> torch.Tensor:
            generator = getattr(self, f"weight_layer{FUSED[name][0]}")
            return generator(features[name], feature, placed(boxes, width, height, feature.shape[-1]))

        return self.trunk(x, fuse)[0]
