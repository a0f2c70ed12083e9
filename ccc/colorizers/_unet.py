"""Parts of the U-Net decoders that DeOldify and DDColor share."""

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import spectral_norm  # not parametrizations: the published files have the keys of this one


def spectral_conv(inputs: int, outputs: int, kernel: int = 3, bias: bool = False) -> nn.Module:
    """A convolution whose weight is divided by its largest singular value; in eval mode by the one that is stored.

    `kernel` 0 makes the one-dimensional 1x1 convolution of self-attention.
    """
    if kernel:
        return spectral_norm(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=bias))
    return spectral_norm(nn.Conv1d(inputs, outputs, 1, bias=bias))


def convolution(inputs: int, outputs: int, *more: nn.Module) -> nn.Sequential:
    """3x3 spectral convolution, ReLU, BatchNorm, in this order, then `more`."""
    return nn.Sequential(spectral_conv(inputs, outputs), nn.ReLU(), nn.BatchNorm2d(outputs), *more)


class Shuffle(nn.Module):
    """`scale` times the size: 1x1 convolution (`conv`), ReLU, pixel shuffle, then a 2x2 blur of stride 1."""

    def __init__(self, conv: nn.Sequential, scale: int = 2):
        super().__init__()
        self.conv, self.scale = conv, scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.pixel_shuffle(self.conv(x).relu(), self.scale)
        return functional.avg_pool2d(functional.pad(x, (1, 0, 1, 0), mode="replicate"), 2, stride=1)


def shuffle(inputs: int, outputs: int) -> Shuffle:
    """Twice the size, `inputs` to `outputs` channels, with BatchNorm before the ReLU."""
    return Shuffle(nn.Sequential(spectral_conv(inputs, 4 * outputs, 1), nn.BatchNorm2d(4 * outputs)))


class Step(nn.Module):
    """One decoder step: what comes from below, enlarged, beside the skip connection, through `convolutions` in turn.

    `upsampled`: channels of what is enlarged; the convolutions carry the names by which they are given.
    """

    def __init__(self, inputs: int, skip: int, upsampled: int, **convolutions: nn.Module):
        super().__init__()
        self.shuf = shuffle(inputs, upsampled)
        self.bn = nn.BatchNorm2d(skip)
        self.names = tuple(convolutions)
        for name, layer in convolutions.items():
            self.add_module(name, layer)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        up = self.shuf(x)
        if up.shape[2:] != skip.shape[2:]:
            up = functional.interpolate(up, skip.shape[2:], mode="nearest")
        x = torch.cat([up, self.bn(skip)], dim=1).relu()
        for name in self.names:
            x = self.get_submodule(name)(x)
        return x


def wide_step(inputs: int, skip: int, outputs: int, *more: nn.Module) -> Step:
    """A step with one convolution; `more` follows it."""
    return Step(inputs, skip, outputs, conv=convolution(outputs + skip, outputs, *more))


def deep_step(inputs: int, skip: int, outputs: int, *more: nn.Module) -> Step:
    """A step with two convolutions; `more` follows the second."""
    half = inputs // 2
    return Step(inputs, skip, half, conv1=convolution(half + skip, outputs), conv2=convolution(outputs, outputs, *more))
