"""Learning Representations for Automatic Colorization (Larsson et al. 2016): VGG-16 hypercolumns, histograms of colour.

Not verified against Caffe: written from the published description, for the published Caffe model.
"""

import os

import numpy as np
import torch
from skimage.color import hsv2rgb
from skimage.transform import resize
from torch import nn
from torch.nn import functional

from ccc.assets import weights as weight_files
from ccc.color import to_uint8
from ccc.colorizers.base import Colorizer, Device, MethodInfo, Weights, located
from ccc.core.errors import CCCError
from ccc.core.stored import reading

INFO = MethodInfo(
    name="larsson",
    title="Larsson et al.",
    paper="Larsson, Maire, Shakhnarovich: Learning Representations for Automatic Colorization, ECCV 2016",
    licence="BSD-3-Clause (weights too)",
    parameters=147_041_024,
    weights=("larsson",),
    note="not verified against Caffe",
)

SIZE = 512  # side of the network's square input
BINS = 32  # of hue, and of chroma
STAGES = {1: (1, 64, 64), 2: (64, 128, 128), 3: (128, 256, 256, 256), 4: (256, 512, 512, 512), 5: (512, 512, 512, 512)}
HYPERCOLUMN = 1 + 2 * 64 + 2 * 128 + 3 * 256 + 6 * 512 + 2 * 4096
ROWS = 64  # rows decoded at a time, to bound memory


def bilinear_kernel(factor: int) -> torch.Tensor:
    """Caffe's "bilinear" filler for enlarging `factor` times: float32 `(1, 1, k, k)`, k = 2 factor - factor mod 2."""
    size = 2 * factor - factor % 2
    centre = (2 * factor - 1 - factor % 2) / (2 * factor)
    along = 1 - (torch.arange(size) / factor - centre).abs()
    return (along[:, None] * along)[None, None]


def enlarge(x: torch.Tensor, factor: int) -> torch.Tensor:
    """Upsample `(N, C, h, w)` by `factor`, per channel, with zero padding, so that borders fade."""
    n, c, h, w = x.shape
    kernel = bilinear_kernel(factor).to(x)
    padding = (kernel.shape[-1] - factor) // 2
    planes = functional.conv_transpose2d(x.reshape(n * c, 1, h, w), kernel, stride=factor, padding=padding)
    return planes.view(n, c, factor * h, factor * w)


class Larsson(nn.Module):
    """Gray in [0, 1], float `(N, 1, H, W)`, multiples of 32, to histograms of hue and of chroma, `(N, 2, 32, H, W)`.

    Layers are named as in the Caffe model.
    """

    def __init__(self):
        super().__init__()
        for stage, channels in STAGES.items():
            for i, (inputs, outputs) in enumerate(zip(channels, channels[1:], strict=False), start=1):
                setattr(self, f"conv{stage}_{i}", nn.Conv2d(inputs, outputs, 3, padding=1))
        self.fc6 = nn.Conv2d(512, 4096, 7, padding=3)
        self.fc7 = nn.Conv2d(4096, 4096, 1)
        self.h_fc1 = nn.Conv2d(HYPERCOLUMN, 1024, 1)
        self.prediction_h = nn.Conv2d(1024, BINS, 1)
        self.prediction_c = nn.Conv2d(1024, BINS, 1)

    def hypercolumn(self, gray: torch.Tensor) -> dict[int, torch.Tensor]:
        """Inputs of h_fc1, in order, keyed by the upsampling factor (1, 2, 4, 8) to a quarter of the input size."""
        taps: dict[int, list[torch.Tensor]] = {1: [functional.avg_pool2d(gray, 4)], 2: [], 4: [], 8: []}
        x = gray
        for stage, channels in STAGES.items():
            for i in range(1, len(channels)):
                x = getattr(self, f"conv{stage}_{i}")(x).relu()
                shrink = {1: 4, 2: 2}.get(stage, 1)
                taps[{4: 2, 5: 4}.get(stage, 1)].append(functional.avg_pool2d(x, shrink) if shrink > 1 else x)
            x = functional.max_pool2d(x, 2)
        for layer in (self.fc6, self.fc7):
            x = layer(x).relu()
            taps[8].append(x)
        return {factor: torch.cat(features, dim=1) for factor, features in taps.items()}

    def forward(self, gray: torch.Tensor) -> torch.Tensor:
        # A 1x1 convolution and per-channel upsampling commute: applying h_fc1 to each part of the hypercolumn at its
        # own size upsamples 1,024 channels instead of 11,264.
        at, x = 0, self.h_fc1.bias[:, None, None]  # ty: ignore[not-subscriptable]  has a bias
        for factor, part in self.hypercolumn(gray).items():
            weight = self.h_fc1.weight[:, at : at + part.shape[1]]
            small = functional.conv2d(part, weight)
            x = x + (enlarge(small, factor) if factor > 1 else small)
            at += part.shape[1]
        x = x.relu()
        heads = [self.prediction_h(x).softmax(dim=1), self.prediction_c(x).softmax(dim=1)]
        return torch.stack([enlarge(head, 4) for head in heads], dim=1)


# --- histograms to colours ---


def decode(hue: np.ndarray, chroma: np.ndarray, gray: np.ndarray) -> np.ndarray:
    """Colours from histograms: expectation of hue, median of chroma, reduced where hue is uncertain.

    `hue`, `chroma`: float `(..., 32)`, each summing to about 1; `gray`: float `(...)` in [0, 1], the mean of R, G, B
    to keep. Returns float RGB `(..., 3)` in [0, 1]. Source: the released code's "median:expectation-cf".
    """
    centres = (np.arange(BINS) + 0.5) / BINS
    mean = (
        hue @ np.exp(2j * np.pi * centres) / BINS
    )  # divided by the number of bins, as released: a certain hue has 1/32
    angle = np.angle(mean) / (2 * np.pi) % 1.0
    fading = np.clip(np.abs(mean), 0, 0.03) / 0.03
    c = ((np.cumsum(chroma, axis=-1) < 0.5).sum(axis=-1) + 0.5) / BINS * fading
    value = gray + c / 2
    saturation = np.divide(2 * c, 2 * gray + c, out=np.zeros_like(value), where=value > 0)
    rgb = hsv2rgb(np.clip(np.stack([angle, saturation, value], axis=-1), 0, 1))
    return np.clip(rgb + (gray - rgb.mean(axis=-1))[..., None], 0, 1)


class LarssonColorizer(Colorizer):
    """The published pipeline: the mean of R, G and B, scaled and padded to 512x512."""

    @staticmethod
    def scaled_size(height: int, width: int) -> tuple[int, int]:
        """Height and width inside the square: short side at most 256, long side below 500, at least 1."""
        scale = min(SIZE / 2 / min(height, width), 1)
        if max(height, width) * scale >= SIZE - 12:
            scale = (SIZE - 12) / max(height, width)
        return max(round(height * scale), 1), max(round(width * scale), 1)

    def _histograms(self, gray: np.ndarray) -> torch.Tensor:
        """Gray, float `(H, W)`, to histograms, float32 `(2, 32, h, w)`, at the scaled size."""
        height, width = self.scaled_size(*gray.shape)
        small = gray
        if (height, width) != gray.shape:
            small = resize(gray, (height, width), order=1, mode="constant", anti_aliasing=False)
        top, left = (SIZE - height) // 2, (SIZE - width) // 2
        square = np.zeros((1, 1, SIZE, SIZE), np.float32)
        square[0, 0, top : top + height, left : left + width] = small
        with torch.inference_mode():
            histograms = self.network(torch.from_numpy(square).to(self.device))[0].float().cpu()
        return histograms[:, :, top : top + height, left : left + width]

    def _colorize(self, rgb: np.ndarray) -> np.ndarray:
        gray = rgb.mean(axis=-1, dtype=np.float64) / 255
        histograms = self._histograms(gray).flatten(0, 1)[None]
        y, x = ((2 * torch.arange(extent) + 1) / extent - 1 for extent in gray.shape)  # pixel centres in [-1, 1]
        colored = np.empty_like(rgb)
        for start in range(0, len(gray), ROWS):
            part = slice(start, start + ROWS)
            places = torch.stack(torch.meshgrid(x, y[part], indexing="xy"), dim=-1)[None]
            rows = functional.grid_sample(histograms, places, padding_mode="border", align_corners=False)[0]
            hue, chroma = rows.unflatten(0, (2, BINS)).permute(0, 2, 3, 1).numpy()
            colored[part] = to_uint8(decode(hue, chroma, gray[part]))
        return colored


# --- weights ---


def read_caffe(path: str | os.PathLike) -> dict[str, torch.Tensor]:
    """State dict of `Larsson` from a Caffe model in HDF5, where `/data/LAYER/0` is a weight and `/data/LAYER/1` a bias.

    Omits the file's fixed bilinear upsamplings. Raises CCCError naming the file for another format or layer.
    """
    try:
        import h5py
    except ImportError:
        raise CCCError("method larsson reads a Caffe model in HDF5: pip install h5py") from None
    network_layers = {name for name, _ in network_on_meta().named_children()}
    state = {}
    with reading(path, "truncated or not HDF5", "fetch it again", OSError), h5py.File(path, "r") as file:
        if "data" not in file:
            raise CCCError(f"{path}: not a Caffe model: it has no group /data")
        for layer, blobs in file["data"].items():
            tensors = {kind: torch.from_numpy(np.asarray(blobs[kind], np.float32)) for kind in blobs}
            if layer in network_layers:
                for kind, name in (("0", "weight"), ("1", "bias")):
                    if kind in tensors:
                        state[f"{layer}.{name}"] = tensors[kind]
            elif any(tensor.shape[:2] != (1, 1) for tensor in tensors.values()):
                raise CCCError(f"{path}: not the weights of this network: layer {layer} is left over")
    wanted = network_on_meta().state_dict()
    for key, tensor in state.items():  # fully connected layers may be flat
        if tensor.numel() == wanted[key].numel():
            state[key] = tensor.reshape(wanted[key].shape)
    return state


def network_on_meta() -> Larsson:
    """The network on the meta device, for names and shapes."""
    with torch.device("meta"):
        return Larsson()


def load(weights: Weights = None, device: Device = None) -> LarssonColorizer:
    """Larsson 2016 with the published Caffe model (HDF5), or the file `weights`, which may be `.pth` or `.safetensors`.

    Raises as `ccc.colorizers.load` says.
    """
    path, untrained = located(INFO, weights), network_on_meta()
    if path.suffix in (".h5", ".hdf5"):
        weight_files.load_strictly(untrained, read_caffe(path), path)
    else:
        weight_files.load_state_dict(path, untrained)
    return LarssonColorizer(untrained, device)
