"""DDColor (Kang et al. 2023): ConvNeXt, a U-Net for pixels and a transformer decoder for colours."""

import math

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

import ccc.core.torchvision_ops  # noqa: F401  before segment_anything and timm
from ccc.assets import weights as weight_files
from ccc.color import in_parts, resize_ab
from ccc.colorizers._unet import Shuffle, spectral_conv, wide_step
from ccc.colorizers.base import Device, MethodInfo, SquareColorizer, Weights, located
from ccc.settings import baselines

from segment_anything.modeling.mask_decoder import MLP  # isort: skip
from timm.layers import LayerNorm2d  # isort: skip

INFO = MethodInfo(
    name="ddcolor",
    title="DDColor",
    paper="Kang et al.: DDColor: Towards Photo-Realistic Image Colorization via Dual Decoders, ICCV 2023",
    licence="Apache-2.0 (weights too)",
    parameters=227_869_328,
    weights=("ddcolor_paper", "ddcolor_modelscope", "ddcolor_artistic", "ddcolor_tiny"),
    models=("paper", "modelscope", "artistic", "tiny"),
    note="the paper's model by default; ab is enlarged without interpolation, as published",
)

DEFAULTS = baselines.DDColor()
QUERIES, WIDTH, HEADS, LAYERS, LEVELS = 100, 256, 8, 9, 3


class ConvNeXtBlock(nn.Module):
    """Depthwise 7x7 convolution, LayerNorm and two linear layers per pixel, added to the input."""

    def __init__(self, channels: int):
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.pwconv2 = nn.Linear(4 * channels, channels)
        self.gamma = nn.Parameter(1e-6 * torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        y = self.gamma * self.pwconv2(functional.gelu(self.pwconv1(y)))
        return x + y.permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    """`(N, 3, H, W)` to four features, at 1/4, 1/8, 1/16 and 1/32."""

    def __init__(self, depths: tuple[int, ...], widths: tuple[int, ...]):
        super().__init__()
        self.downsample_layers = nn.ModuleList([nn.Sequential(nn.Conv2d(3, widths[0], 4, 4), LayerNorm2d(widths[0]))])
        for inputs, outputs in zip(widths, widths[1:], strict=False):
            self.downsample_layers.append(nn.Sequential(LayerNorm2d(inputs), nn.Conv2d(inputs, outputs, 2, 2)))
        self.stages = nn.ModuleList(
            nn.Sequential(*(ConvNeXtBlock(width) for _ in range(depth)))
            for depth, width in zip(depths, widths, strict=True)
        )
        for i, width in enumerate(widths):
            setattr(self, f"norm{i}", LayerNorm2d(width))  # of the returned features only
        self.norm = nn.LayerNorm(widths[-1], eps=1e-6)  # in the published files, never used

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        features = []
        for i, (down, stage) in enumerate(zip(self.downsample_layers, self.stages, strict=True)):
            x = stage(down(x))
            features.append(getattr(self, f"norm{i}")(x))
        return features


class _Attention(nn.Module):
    """Residual attention, then LayerNorm. `name`: prefix of its weights."""

    def __init__(self, name: str):
        super().__init__()
        self.attention_name = name
        self.add_module(name, nn.MultiheadAttention(WIDTH, HEADS))
        self.norm = nn.LayerNorm(WIDTH)

    def forward(
        self, target: torch.Tensor, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
    ) -> torch.Tensor:
        attended = getattr(self, self.attention_name)(query, key, value, need_weights=False)[0]
        return self.norm(target + attended)


class _FeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(WIDTH, 2048), nn.Linear(2048, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x + self.linear2(self.linear1(x).relu()))


def sine_position(height: int, width: int, device: Device = None) -> torch.Tensor:
    """Sine position encoding of rows, then of columns: float32 `(WIDTH, height, width)`."""
    half = WIDTH // 2
    wavelengths = 10000 ** (2 * torch.arange(half // 2, device=device).repeat_interleave(2) / half)

    def along(length: int) -> torch.Tensor:  # (length, half)
        place = torch.arange(1, length + 1, dtype=torch.float32, device=device) / (length + 1e-6) * 2 * math.pi
        angle = place[:, None] / wavelengths
        return torch.stack([angle[:, 0::2].sin(), angle[:, 1::2].cos()], dim=2).flatten(1)

    rows = along(height).T[:, :, None].expand(-1, -1, width)
    columns = along(width).T[:, None, :].expand(-1, height, -1)
    return torch.cat([rows, columns])


class ColorDecoder(nn.Module):
    """100 colour queries that attend to the pixel decoder's three features in turn, multiplied with its pixels."""

    def __init__(self):
        super().__init__()
        self.query_feat = nn.Embedding(QUERIES, WIDTH)
        self.query_embed = nn.Embedding(QUERIES, WIDTH)
        self.level_embed = nn.Embedding(LEVELS, WIDTH)
        self.input_proj = nn.ModuleList(nn.Conv2d(channels, WIDTH, 1) for channels in (512, 512, 256))
        self.transformer_cross_attention_layers = nn.ModuleList(_Attention("multihead_attn") for _ in range(LAYERS))
        self.transformer_self_attention_layers = nn.ModuleList(_Attention("self_attn") for _ in range(LAYERS))
        self.transformer_ffn_layers = nn.ModuleList(_FeedForward() for _ in range(LAYERS))
        self.decoder_norm = nn.LayerNorm(WIDTH)
        self.color_embed = MLP(WIDTH, WIDTH, WIDTH, num_layers=3)

    def forward(self, levels: list[torch.Tensor], pixels: torch.Tensor) -> torch.Tensor:
        memories, positions = [], []  # sequence first: (places, N, WIDTH)
        for i, level in enumerate(levels):
            memory = self.input_proj[i](level) + self.level_embed.weight[i][:, None, None]
            memories.append(memory.flatten(2).permute(2, 0, 1))
            positions.append(sine_position(*level.shape[2:], level.device).flatten(1).T[:, None])
        embed = self.query_embed.weight[:, None]
        color = self.query_feat.weight[:, None].expand(-1, len(pixels), -1)
        for i in range(LAYERS):
            memory = memories[i % LEVELS]
            key = memory + positions[i % LEVELS]
            color = self.transformer_cross_attention_layers[i](color, color + embed, key, memory)
            color = self.transformer_self_attention_layers[i](color, color + embed, color + embed, color)
            color = self.transformer_ffn_layers[i](color)
        color = self.color_embed(self.decoder_norm(color))
        return torch.einsum("qnc,nchw->nqhw", color, pixels)


class _Decoder(nn.Module):
    def __init__(self, widths: tuple[int, ...]):
        super().__init__()
        self.layers = nn.ModuleList(
            [wide_step(widths[3], widths[2], 512), wide_step(512, widths[1], 512), wide_step(512, widths[0], 256)]
        )
        self.last_shuf = Shuffle(nn.Sequential(spectral_conv(256, 16 * 256, 1, bias=True)), scale=4)
        self.color_decoder = ColorDecoder()

    def forward(self, features: list[torch.Tensor]) -> torch.Tensor:
        x, levels = features[3], []
        for layer, skip in zip(self.layers, features[2::-1], strict=True):
            x = layer(x, skip)
            levels.append(x)
        return self.color_decoder(levels, self.last_shuf(x))


class DDColor(nn.Module):
    """Gray as RGB in [0, 1], float `(N, 3, H, W)`, to ab in CIELAB units, `(N, 2, H, W)`; H and W multiples of 32."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, tiny: bool):
        super().__init__()
        depths, widths = ((3, 3, 9, 3), (96, 192, 384, 768)) if tiny else ((3, 3, 27, 3), (192, 384, 768, 1536))
        self.encoder = nn.ModuleDict({"arch": ConvNeXt(depths, widths)})
        self.decoder = _Decoder(widths)
        self.refine_net = nn.Sequential(nn.Sequential(spectral_conv(QUERIES + 3, 2, 1, bias=True)))
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = (x - self.mean) / self.std
        return self.refine_net(torch.cat([self.decoder(self.encoder["arch"](x)), x], dim=1))


class DDColorColorizer(SquareColorizer):
    """The published pipeline, in OpenCV's float CIELAB."""

    def __init__(self, network: nn.Module, device: Device = None, input_size: int = DEFAULTS.input_size):
        super().__init__(network, device)
        self.input_size = input_size

    def _input(self, rgb: np.ndarray) -> torch.Tensor:
        square = cv2.resize(rgb.astype(np.float32) / 255, (self.input_size, self.input_size))
        lab = cv2.cvtColor(square, cv2.COLOR_RGB2LAB)
        lab[..., 1:] = 0
        return torch.from_numpy(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)).permute(2, 0, 1)

    def _output(self, rgb: np.ndarray, predicted: torch.Tensor) -> np.ndarray:
        def colored(rgb: np.ndarray, ab: np.ndarray) -> np.ndarray:
            lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
            lab[..., 1:] = ab
            return (cv2.cvtColor(lab, cv2.COLOR_LAB2RGB).clip(0, 1) * 255).round().astype(np.uint8)

        # The published code interpolates by "nearest", the default mode.
        return in_parts(colored, rgb, resize_ab(predicted.permute(1, 2, 0).numpy(), *rgb.shape[:2], mode="nearest"))


def load(
    weights: Weights = None, device: Device = None, model: str = DEFAULTS.model, input_size: int = DEFAULTS.input_size
) -> DDColorColorizer:
    """DDColor with its published weights, or those in the file `weights`.

    `model`: "paper" (of the published numbers), "modelscope", "artistic" or "tiny"; `input_size`: side of the network's
    square input: 512 as in the published demo, or 256 as in training and the paper's evaluation.
    Raises as `ccc.colorizers.load` says.
    """
    path = located(INFO, weights, model)
    untrained = DDColor(tiny=model == "tiny")
    weight_files.load_state_dict(path, untrained, unwrap=("params",))
    return DDColorColorizer(untrained, device, input_size)
