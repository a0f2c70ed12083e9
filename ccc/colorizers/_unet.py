"""Parts of the U-Net decoders that DeOldify and DDColor share."""

import torch
from torch import nn
from torch.nn import functional


class SpectralConv(nn.Module):
    """A convolution whose weight is divided by its largest singular value, as stored: no power iteration at run time.

    Holds `weight_orig`, `weight_u`, `weight_v` (and `bias`), the keys that torch.nn.utils.spectral_norm writes.
    `kernel` 0 makes the one-dimensional 1x1 convolution of self-attention.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, bias: bool = False):
        super().__init__()
        like = nn.Conv2d(inputs, outputs, kernel, bias=bias) if kernel else nn.Conv1d(inputs, outputs, 1, bias=bias)
        self.padding = kernel // 2
        self.weight_orig = like.weight
        self.register_parameter("bias", like.bias)
        self.register_buffer("weight_u", functional.normalize(torch.ones(outputs), dim=0))
        self.register_buffer("weight_v", functional.normalize(torch.ones(like.weight[0].numel()), dim=0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        sigma = torch.dot(self.weight_u, self.weight_orig.flatten(1) @ self.weight_v)
        convolve = functional.conv1d if self.weight_orig.ndim == 3 else functional.conv2d
        return convolve(x, self.weight_orig / sigma, self.bias, padding=self.padding)


class WeightNormConv(nn.Module):
    """A 1x1 convolution whose weight is a direction, `weight_v`, times a length, `weight_g`, for each output."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        like = nn.Conv2d(inputs, outputs, 1)
        self.bias, self.weight_v = like.bias, like.weight
        self.weight_g = nn.Parameter(like.weight.detach().flatten(1).norm(dim=1).view(-1, 1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        length = self.weight_v.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        return functional.conv2d(x, self.weight_v * (self.weight_g / length), self.bias)


def convolution(inputs: int, outputs: int, *more: nn.Module) -> nn.Sequential:
    """3x3 spectral convolution, ReLU, BatchNorm, in this order, then `more`."""
    return nn.Sequential(SpectralConv(inputs, outputs), nn.ReLU(), nn.BatchNorm2d(outputs), *more)


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
    return Shuffle(nn.Sequential(SpectralConv(inputs, 4 * outputs, 1), nn.BatchNorm2d(4 * outputs)))


class _Block(nn.Module):
    def __init__(self, inputs: int, skip: int, upsampled: int):
        super().__init__()
        self.shuf = shuffle(inputs, upsampled)
        self.bn = nn.BatchNorm2d(skip)

    def joined(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        up = self.shuf(x)
        if up.shape[2:] != skip.shape[2:]:
            up = functional.interpolate(up, skip.shape[2:], mode="nearest")
        return torch.cat([up, self.bn(skip)], dim=1).relu()


class WideBlock(_Block):
    """One decoder step with one convolution; `more` follows it."""

    def __init__(self, inputs: int, skip: int, outputs: int, *more: nn.Module):
        super().__init__(inputs, skip, outputs)
        self.conv = convolution(outputs + skip, outputs, *more)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        return self.conv(self.joined(x, skip))


class DeepBlock(_Block):
    """One decoder step with two convolutions; `more` follows the second."""

    def __init__(self, inputs: int, skip: int, outputs: int, *more: nn.Module):
        super().__init__(inputs, skip, inputs // 2)
        self.conv1 = convolution(inputs // 2 + skip, outputs)
        self.conv2 = convolution(outputs, outputs, *more)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        return self.conv2(self.conv1(self.joined(x, skip)))
