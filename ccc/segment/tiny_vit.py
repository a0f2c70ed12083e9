"""The image encoder of MobileSAM: TinyViT-5M at 1024x1024, with the key names of its published weights.

Source: Wu et al., TinyViT, ECCV 2022; Zhang et al., Faster Segment Anything, 2023. Shape letters: n batch, c channels,
h w map, w2 pixels of a window. The classifier head that the published file carries is kept, unused.
"""

import functools

import torch
from torch import nn
from torch.nn import functional

WIDTHS, DEPTHS, HEADS, WINDOWS = (64, 128, 160, 320), (2, 2, 6, 2), (2, 4, 5, 10), (7, 7, 14, 7)


class ConvNorm(nn.Sequential):
    """Convolution without bias, then batch norm; padded so that stride alone changes the size."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1):
        super().__init__()
        self.c = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)


class Stem(nn.Module):
    """Picture to a map of a quarter of its side."""

    def __init__(self, width: int):
        super().__init__()
        self.seq = nn.Sequential(ConvNorm(3, width // 2, 3, 2), nn.GELU(), ConvNorm(width // 2, width, 3, 2))

    def forward(self, x_nchw):
        return self.seq(x_nchw)


class ConvBlock(nn.Module):
    """Inverted bottleneck of MobileNetV2 with a shortcut."""

    def __init__(self, width: int):
        super().__init__()
        self.conv1 = ConvNorm(width, 4 * width)
        self.conv2 = ConvNorm(4 * width, 4 * width, 3, groups=4 * width)
        self.conv3 = ConvNorm(4 * width, width)

    def forward(self, x_nchw):
        inner = functional.gelu(self.conv2(functional.gelu(self.conv1(x_nchw))))
        return functional.gelu(x_nchw + self.conv3(inner))


class Merge(nn.Module):
    """To the next stage's width, and half its side where `stride` is 2."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = ConvNorm(inputs, outputs)
        self.conv2 = ConvNorm(outputs, outputs, 3, stride, groups=outputs)
        self.conv3 = ConvNorm(outputs, outputs)

    def forward(self, x_nchw):
        return self.conv3(functional.gelu(self.conv2(functional.gelu(self.conv1(x_nchw)))))


@functools.lru_cache(maxsize=8)
def _offsets(side: int) -> list[list[int]]:
    """Which bias each pair of a window's pixels shares: by how far they are apart, down and across.

    Biases are numbered as pairs are met, row by row; from the first pixel that is simply down * side + across.
    """
    pixels = [divmod(number, side) for number in range(side * side)]
    return [[abs(y - v) * side + abs(x - u) for v, u in pixels] for y, x in pixels]


class Attention(nn.Module):
    """Self-attention within a window, `(windows, w2, c)` to the same."""

    def __init__(self, width: int, heads: int, side: int):
        super().__init__()
        self.heads, self.side = heads, side
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.attention_biases = nn.Parameter(torch.zeros(heads, side * side))

    def forward(self, x):
        windows, pixels, width = x.shape
        qkv = self.qkv(self.norm(x)).view(windows, pixels, self.heads, -1).transpose(1, 2)
        query, key, value = qkv.chunk(3, dim=-1)
        bias = self.attention_biases[:, torch.tensor(_offsets(self.side), device=x.device)]
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return self.proj(mixed.transpose(1, 2).reshape(windows, pixels, width))


class Mlp(nn.Module):
    """Two linear layers per pixel."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x):
        return self.fc2(functional.gelu(self.fc1(self.norm(x))))


class Block(nn.Module):
    """Attention in windows, a depthwise convolution, and the MLP."""

    def __init__(self, width: int, heads: int, side: int):
        super().__init__()
        self.side = side
        self.attn = Attention(width, heads, side)
        self.mlp = Mlp(width)
        self.local_conv = ConvNorm(width, width, 3, groups=width)

    def forward(self, x_nchw):
        x_nhwc = x_nchw.permute(0, 2, 3, 1)
        x_nhwc = x_nhwc + self._attend(x_nhwc)
        x_nhwc = self.local_conv(x_nhwc.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return (x_nhwc + self.mlp(x_nhwc)).permute(0, 3, 1, 2)

    def _attend(self, x_nhwc):
        count, height, width, channels = x_nhwc.shape
        side = self.side
        # Zeros to the right and below fill the last windows; they take part in the attention, as in training.
        padded = functional.pad(x_nhwc, (0, 0, 0, -width % side, 0, -height % side))
        rows, columns = padded.shape[1] // side, padded.shape[2] // side
        cut = padded.view(count, rows, side, columns, side, channels).transpose(2, 3)
        mixed = self.attn(cut.reshape(-1, side * side, channels))
        mixed = mixed.view(count, rows, columns, side, side, channels).transpose(2, 3)
        return mixed.reshape(padded.shape)[:, :height, :width]


class Stage(nn.Module):
    """Blocks, then the passage to the next stage."""

    def __init__(self, blocks: list[nn.Module], downsample: nn.Module | None):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.downsample = downsample

    def forward(self, x_nchw):
        for block in self.blocks:
            x_nchw = block(x_nchw)
        return x_nchw if self.downsample is None else self.downsample(x_nchw)


class TinyViT(nn.Module):
    """`(n, 3, 1024, 1024)` to the embedding that SAM's mask decoder reads, `(n, 256, 64, 64)`."""

    img_size = 1024

    def __init__(self):
        from segment_anything.modeling.common import LayerNorm2d

        super().__init__()
        self.patch_embed = Stem(WIDTHS[0])
        stages = []
        for number, (width, depth, heads, side) in enumerate(zip(WIDTHS, DEPTHS, HEADS, WINDOWS, strict=True)):
            blocks = [ConvBlock(width) if number == 0 else Block(width, heads, side) for _ in range(depth)]
            # The last passage keeps the size, so that the embedding is 64x64 as SAM's.
            last = number + 1 == len(WIDTHS)
            stages.append(Stage(blocks, None if last else Merge(width, WIDTHS[number + 1], 1 if number == 2 else 2)))
        self.layers = nn.ModuleList(stages)
        self.norm_head = nn.LayerNorm(WIDTHS[-1])
        self.head = nn.Linear(WIDTHS[-1], 1000)
        self.neck = nn.Sequential(
            nn.Conv2d(WIDTHS[-1], 256, 1, bias=False),
            LayerNorm2d(256),
            nn.Conv2d(256, 256, 3, padding=1, bias=False),
            LayerNorm2d(256),
        )

    def forward(self, x_nchw):
        x_nchw = self.patch_embed(x_nchw)
        for stage in self.layers:
            x_nchw = stage(x_nchw)
        return self.neck(x_nchw)
