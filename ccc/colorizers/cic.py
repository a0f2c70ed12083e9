"""CIC: Colorful Image Colorization (Zhang, Isola, Efros 2016), the release "eccv16"."""

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from ccc.assets import weights as weight_files
from ccc.color import lightness, resize_ab, with_ab
from ccc.colorizers.base import Device, MethodInfo, SquareColorizer, Weights, located

INFO = MethodInfo(
    name="cic",
    title="CIC",
    paper="Zhang, Isola, Efros: Colorful Image Colorization, ECCV 2016",
    licence="BSD-2-Clause (weights too)",
    parameters=32_236_011,
    weights=("cic",),
    note="the released 313-to-2 layer; the annealed mean of the paper's demo is not in this release",
)

SIZE = 256  # side of the published pipeline's square input


def block(
    channels: tuple[int, ...], stride: int = 1, dilation: int = 1, normalize: bool = True, first_relu: bool = False
) -> nn.Sequential:
    """3x3 convolutions through `channels`, each with a ReLU, then one BatchNorm, as in both of Zhang's networks.

    `stride`: of the last convolution; `first_relu`: starts with a ReLU.
    """
    layers: list[nn.Module] = [nn.ReLU()] if first_relu else []
    for i, (inputs, outputs) in enumerate(zip(channels, channels[1:], strict=False)):
        last = i == len(channels) - 2
        layers += [nn.Conv2d(inputs, outputs, 3, stride if last else 1, dilation, dilation), nn.ReLU()]
    return nn.Sequential(*layers, *([nn.BatchNorm2d(channels[-1])] if normalize else []))


class Eccv16(nn.Module):
    """L in [0, 100], float `(N, 1, H, W)`, to ab in CIELAB units, float `(N, 2, H, W)`; H and W multiples of 8."""

    def __init__(self):
        super().__init__()
        self.model1 = block((1, 64, 64), stride=2)
        self.model2 = block((64, 128, 128), stride=2)
        self.model3 = block((128, 256, 256, 256), stride=2)
        self.model4 = block((256, 512, 512, 512))
        self.model5 = block((512, 512, 512, 512), dilation=2)
        self.model6 = block((512, 512, 512, 512), dilation=2)
        self.model7 = block((512, 512, 512, 512))
        self.model8 = nn.Sequential(
            nn.ConvTranspose2d(512, 256, 4, 2, 1),
            nn.ReLU(),
            *block((256, 256, 256), normalize=False),
            nn.Conv2d(256, 313, 1),
        )
        self.model_out = nn.Conv2d(313, 2, 1, bias=False)

    def logits(self, gray: torch.Tensor) -> torch.Tensor:
        """L in [0, 100], `(N, 1, H, W)`, to the logits of the 313 colour bins, `(N, 313, H/4, W/4)`."""
        x = (gray - 50) / 100
        for i in range(1, 9):
            x = getattr(self, f"model{i}")(x)
        return x

    def forward(self, gray: torch.Tensor) -> torch.Tensor:
        ab = self.model_out(self.logits(gray).softmax(dim=1))
        return 110 * functional.interpolate(ab, scale_factor=4, mode="bilinear", align_corners=False)


class LabSquare(SquareColorizer):
    """The pipeline of both of Zhang's releases.

    Scales RGB to 256x256 with PIL's bicubic filter, feeds L to the network, upsamples ab bilinearly to the picture's
    size and joins it with the picture's own L.
    """

    def _input(self, rgb: np.ndarray) -> torch.Tensor:
        square = np.asarray(Image.fromarray(rgb).resize((SIZE, SIZE), Image.Resampling.BICUBIC))
        return torch.from_numpy(lightness(square))[None]

    def _output(self, rgb: np.ndarray, predicted: torch.Tensor) -> np.ndarray:
        return with_ab(rgb, resize_ab(predicted.permute(1, 2, 0).numpy(), *rgb.shape[:2]))


def load(weights: Weights = None, device: Device = None) -> LabSquare:
    """CIC with its published weights, or those in the file `weights`; see `ccc.colorizers.load`."""
    path, untrained = located(INFO, weights), Eccv16()
    weight_files.load_state_dict(path, untrained)
    return LabSquare(untrained, device)
