"""DeOldify (Antic 2019): U-Nets over ResNet-34 (artistic) and ResNet-101 (stable, video)."""

import warnings

import cv2
import numpy as np
import torch
from PIL import Image
from torch import nn

import ccc.core.torchvision_ops  # noqa: F401  before torchvision
from ccc.assets import weights as weight_files
from ccc.colorizers._unet import Shuffle, convolution, deep_step, spectral_conv, wide_step
from ccc.colorizers.base import Device, MethodInfo, SquareColorizer, Weights, located
from ccc.settings import baselines
from ccc.settings.baselines import RENDER_FACTORS

DEFAULTS = baselines.DeOldify()

INFO = MethodInfo(
    name="deoldify",
    title="DeOldify",
    paper="Antic: DeOldify, github.com/jantic/DeOldify, 2019",
    licence="MIT (weights too)",
    parameters=63_646_881,
    weights=("deoldify_artistic", "deoldify_stable", "deoldify_video"),
    models=("artistic", "stable", "video"),
    note="the artistic model by default; without the watermark that the published code adds",
)

MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


class SelfAttention(nn.Module):
    """Self-attention over all pixels, `(N, C, H, W)` to the same."""

    def __init__(self, channels: int):
        super().__init__()
        self.query = spectral_conv(channels, channels // 8, 0)
        self.key = spectral_conv(channels, channels // 8, 0)
        self.value = spectral_conv(channels, channels, 0)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.flatten(2)
        attention = (self.query(flat).transpose(1, 2) @ self.key(flat)).softmax(dim=1)
        return (self.gamma * (self.value(flat) @ attention) + flat).view_as(x)


def _weight_normed(layer: nn.Module) -> nn.Module:
    """Applies weight normalization with the keys of the published files, `weight_v` and `weight_g`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the replacement has other keys
        return nn.utils.weight_norm(layer)


class _Residual(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Sequential(spectral_conv(channels, channels, 3, bias=True), nn.ReLU()) for _ in range(2))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x)


class DeOldify(nn.Module):
    """Gray as RGB, normalized by ImageNet's mean and deviation, to colours in the same units in [-3, 3].

    Both float `(N, 3, H, W)`, H and W multiples of 16. `deep`: the artistic network, else that of stable and video.
    """

    def __init__(self, deep: bool):
        super().__init__()
        from torchvision.models import resnet34, resnet101

        body = nn.Sequential(*list((resnet34 if deep else resnet101)(weights=None).children())[:-2])
        channels, skips = (512, (256, 128, 64, 64)) if deep else (2048, (1024, 512, 256, 64))
        steps, width = [], channels
        for i, skip in enumerate(skips):
            if deep:
                outputs = int(1.5 * ((width // 2 + skip) // (2 if i == 3 else 1)))
            else:
                outputs = 256 if i == 3 else 512
            attention = [SelfAttention(outputs)] if i == 1 else []
            steps.append((deep_step if deep else wide_step)(width, skip, outputs, *attention))
            width = outputs
        self.layers = nn.ModuleDict(
            {
                "0": body,
                "1": nn.BatchNorm2d(channels),
                "3": nn.Sequential(convolution(channels, 2 * channels), convolution(2 * channels, channels)),
                **{str(4 + i): step for i, step in enumerate(steps)},
                "8": Shuffle(nn.Sequential(_weight_normed(nn.Conv2d(width, 4 * width, 1)))),
                "10": _Residual(width + 3),
                "11": nn.Sequential(spectral_conv(width + 3, 3, 1, bias=True)),
            }
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        layers, feature, skips = self.layers, x, []
        for i, layer in enumerate(layers["0"].children()):
            feature = layer(feature)
            if i in (2, 4, 5, 6):  # stem after its ReLU, layer1, layer2, layer3
                skips.append(feature)
        feature = layers["3"](layers["1"](feature).relu())
        for i, skip in enumerate(reversed(skips)):
            feature = layers[str(4 + i)](feature, skip)
        feature = torch.cat([layers["8"](feature), x], dim=1)
        return layers["11"](layers["10"](feature)).sigmoid() * 6 - 3


class DeOldifyColorizer(SquareColorizer):
    """The published pipeline: a gray square through the network; U and V of its output, Y of the picture."""

    def __init__(self, network: nn.Module, device: Device = None, render_factor: int = RENDER_FACTORS[DEFAULTS.model]):
        super().__init__(network, device)
        self.side = 16 * render_factor

    def _input(self, rgb: np.ndarray) -> torch.Tensor:
        square = Image.fromarray(rgb).resize((self.side, self.side), Image.Resampling.BILINEAR)
        gray = np.array(square.convert("LA").convert("RGB"))
        return ((torch.from_numpy(gray).float() / 255 - MEAN) / STD).permute(2, 0, 1)

    def _output(self, rgb: np.ndarray, predicted: torch.Tensor) -> np.ndarray:
        square = (predicted.permute(1, 2, 0) * STD + MEAN).clamp(0, 1) * 255
        colored = Image.fromarray(square.numpy().astype(np.uint8))  # truncated, not rounded
        colored = np.asarray(colored.resize(rgb.shape[1::-1], Image.Resampling.BILINEAR))
        yuv = cv2.cvtColor(colored, cv2.COLOR_RGB2YUV)
        yuv[..., 0] = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2YUV)[..., 0]
        return cv2.cvtColor(yuv, cv2.COLOR_YUV2RGB)


def load(
    weights: Weights = None, device: Device = None, model: str = DEFAULTS.model, render_factor: int | None = None
) -> DeOldifyColorizer:
    """DeOldify with its published weights, or those in the file `weights`.

    `model`: "artistic" (the published default), "stable" or "video"; `render_factor`: side of the network's square
    input / 16, None for the published 35 (video: 21). Raises as `ccc.colorizers.load` says.
    """
    path = located(INFO, weights, model)
    untrained = DeOldify(deep=model == "artistic")
    # A file holds a state dict, or fastai's dict of "model" and "opt".
    weight_files.load_state_dict(path, untrained, unwrap=("model",))
    return DeOldifyColorizer(untrained, device, RENDER_FACTORS[model] if render_factor is None else render_factor)
