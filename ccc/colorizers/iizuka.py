"""Let there be Color! (Iizuka et al. 2016): fused global and local networks.

Not verified against Torch7: written from the published description, for the published Torch7 model. Its licence
(CC BY-NC-SA 4.0) forbids commercial use; the weights are never shipped.
"""

import os
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from ccc.assets import weights as weight_files
from ccc.codebook import area_weights
from ccc.color import XYZ_FROM_RGB, in_parts, to_uint8
from ccc.colorizers import _torch7
from ccc.colorizers.base import Colorizer, Device, MethodInfo, Weights, located
from ccc.core.errors import CCCError
from ccc.settings.baselines import Iizuka as Settings

INFO = MethodInfo(
    name="iizuka",
    title="Iizuka et al.",
    paper="Iizuka, Simo-Serra, Ishikawa: Let there be Color!, SIGGRAPH 2016",
    licence="CC BY-NC-SA 4.0, code and weights: not for commercial use",
    parameters=43_231_394,
    weights=("iizuka", "iizuka_imagenet"),
    models=("places", "imagenet"),
    note="not verified against Torch7",
)

GLOBAL_SIZE = 224  # side of the global network's square input


def _stack(*steps: tuple[int, int, int]) -> nn.Sequential:
    """3x3 convolutions of (inputs, outputs, stride), each with BatchNorm and ReLU."""
    layers: list[nn.Module] = []
    for inputs, outputs, stride in steps:
        layers += [nn.Conv2d(inputs, outputs, 3, stride, 1), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


class Iizuka(nn.Module):
    """Gray minus the training mean, float `(1, 1, H, W)`, multiples of 8, and the same scaled to 224x224, to ab in
    [0, 1] (0.5 is gray), `(1, 2, H/2, W/2)`."""

    def __init__(self):
        super().__init__()
        self.low = _stack((1, 64, 2), (64, 128, 1), (128, 128, 2), (128, 256, 1), (256, 256, 2), (256, 512, 1))
        self.middle = _stack((512, 512, 1), (512, 256, 1))
        self.wide = _stack((512, 512, 2), (512, 512, 1), (512, 512, 2), (512, 512, 1))  # the global network
        self.linear = nn.Sequential(
            *(nn.Linear(512 * 7 * 7, 1024), nn.BatchNorm1d(1024), nn.ReLU()),
            *(nn.Linear(1024, 512), nn.BatchNorm1d(512), nn.ReLU()),
            *(nn.Linear(512, 256), nn.BatchNorm1d(256), nn.ReLU()),
        )
        self.fusion = _stack((512, 256, 1))
        self.color = nn.Sequential(
            *_stack((256, 128, 1)),
            nn.Upsample(scale_factor=2, mode="nearest"),
            *_stack((128, 64, 1), (64, 64, 1)),
            nn.Upsample(scale_factor=2, mode="nearest"),
            *_stack((64, 32, 1)),
            nn.Conv2d(32, 2, 3, padding=1),
            nn.Sigmoid(),
        )
        self.register_buffer("mean", torch.zeros(()))  # of the training pictures, from the published file

    def forward(self, gray: torch.Tensor, small: torch.Tensor) -> torch.Tensor:
        local = self.middle(self.low(gray))
        summary = self.linear(self.wide(self.low(small)).flatten(1))
        everywhere = summary[:, :, None, None].expand(-1, -1, *local.shape[2:])
        return self.color(self.fusion(torch.cat([local, everywhere], dim=1)))


# --- Torch7's picture operations ---


def _scaling(source: int, target: int) -> np.ndarray:
    """Matrix `(target, source)` of Torch7's linear scaling of one axis: corners aligned up, area mean down."""
    if target <= source:
        return area_weights(source, target)
    at = np.linspace(0, source - 1, target)
    return np.stack([np.interp(at, np.arange(source), one) for one in np.eye(source)], axis=1).astype(np.float32)


def scale(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    """Scale float `(H, W)` to float32 `(height, width)` as Torch7's image.scale by default."""
    return _scaling(plane.shape[0], height) @ plane.astype(np.float32) @ _scaling(plane.shape[1], width).T


_YUV_FROM_RGB = np.array([[0.299, 0.587, 0.114], [-0.14713, -0.28886, 0.436], [0.615, -0.51499, -0.10001]])
_RGB_FROM_YUV = np.array([[1, 0, 1.13983], [1, -0.39465, -0.58060], [1, 2.03211, 0]])
_WHITE = np.array([0.950456, 1, 1.088754])
_EPSILON, _KAPPA = 216 / 24389, 24389 / 27


def _rgb_from_lab(lab: np.ndarray) -> np.ndarray:
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    xyz = np.where(f**3 > _EPSILON, f**3, (116 * f - 16) / _KAPPA) * _WHITE
    linear = xyz @ np.linalg.inv(XYZ_FROM_RGB).T  # negative outside the gamut: Torch7 does not clip
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055)


def _lightness(rgb: np.ndarray) -> np.ndarray:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, (np.maximum(rgb + 0.055, 0) / 1.055) ** 2.4)
    y = linear @ XYZ_FROM_RGB[1]
    return np.where(y > _EPSILON, 116 * np.cbrt(y) - 16, _KAPPA * y)


def recombine(luma: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """Y of a picture, float `(H, W)` in [0, 1], and ab in CIELAB units, `(H, W, 2)`, to float RGB, not clipped.

    As the authors do, takes L of a colour whose U and V both equal Y, which is not the picture's lightness, and keeps
    only U and V of the result.
    """
    odd = np.repeat(luma[..., None], 3, axis=-1) @ _RGB_FROM_YUV.T  # above 1 where bright: Torch7 does not clip
    colored = _rgb_from_lab(np.concatenate([_lightness(odd)[..., None], ab], axis=-1))
    yuv = colored @ _YUV_FROM_RGB.T
    yuv[..., 0] = luma
    return yuv @ _RGB_FROM_YUV.T


class IizukaColorizer(Colorizer):
    """The published pipeline, at the picture's size rounded to multiples of 8: memory grows with the picture."""

    @torch.inference_mode()
    def _colorize(self, rgb: np.ndarray) -> np.ndarray:
        height, width = rgb.shape[:2]
        luma = rgb @ _YUV_FROM_RGB[0] / 255
        gray = scale(luma, *(max(int(side / 8 + 0.5), 1) * 8 for side in (height, width))) - self.network.mean.item()
        small = scale(gray, GLOBAL_SIZE, GLOBAL_SIZE)
        planes = [torch.from_numpy(plane)[None, None].to(self.device) for plane in (gray, small)]
        a, b = (2 * self.network(*planes)[0].float().cpu().numpy() - 1) * 100
        ab = np.stack([scale(a, height, width), scale(b, height, width)], axis=-1)
        return in_parts(lambda ab, luma: to_uint8(recombine(luma, ab)), ab, luma)


# --- weights ---


def modules(value: object) -> Iterator[_torch7.TorchObject]:
    """Yields the layers of a Torch7 model that hold numbers once each, in graph order."""
    seen = set()

    def walk(part: object) -> Iterator[_torch7.TorchObject]:
        if isinstance(part, dict):
            for key in sorted(key for key in part if isinstance(key, int)):
                yield from walk(part[key])
        elif isinstance(part, _torch7.TorchObject) and id(part) not in seen:
            seen.add(id(part))
            if part.kind == "nn.gModule":
                yield from walk(part.get("forwardnodes"))
            elif part.kind in ("nngraph.Node", "graph.Node"):
                data = part.get("data")
                yield from walk(data.get("module") if data else None)
            elif part.get("modules") is not None:
                yield from walk(part.get("modules"))
            elif isinstance(part.get("weight"), np.ndarray) or "BatchNormalization" in part.kind:
                yield part

    return walk(value)


def _layers(network: Iizuka) -> list[tuple[str, nn.Conv2d | nn.Linear, str | None]]:
    """Convolutions and linear layers in graph order, each with the name of its BatchNorm."""
    found = []
    for stack in ("low", "middle", "wide", "linear", "fusion", "color"):
        children = list(getattr(network, stack).named_children())
        for i, (name, child) in enumerate(children):
            if isinstance(child, nn.Conv2d | nn.Linear):
                following = children[i + 1] if i + 1 < len(children) else (None, None)
                normalized = isinstance(following[1], nn.BatchNorm1d | nn.BatchNorm2d)
                found.append((f"{stack}.{name}", child, f"{stack}.{following[0]}" if normalized else None))
    return found


def read_torch7(path: str | os.PathLike) -> dict[str, torch.Tensor]:
    """State dict of `Iizuka` from the published Torch7 file: a table of `mean` and an nngraph `model`.

    Matches the graph's layers in order: low-level, mid-level and global network with its last linear layer, as a
    public script addresses them, then (an assumption) fusion and colour. Skips a second copy of the low-level network,
    which both inputs share; a layer without BatchNorm gets an identity one. Raises CCCError naming the file and the
    first layer that does not fit.
    """
    content = _torch7.read(path)
    if not isinstance(content, dict) or "model" not in content or "mean" not in content:
        raise CCCError(f"{path}: not the published model, a table of `mean` and `model`; give another file")
    mean = np.asarray(content["mean"], np.float64) if not isinstance(content["mean"], dict) else np.zeros(2)
    if mean.size != 1:
        raise CCCError(f"{path}: `mean` must be one number, got {mean.size}")
    with torch.device("meta"):
        wanted = Iizuka()
    low = {tuple(child.weight.shape) for name, child, _ in _layers(wanted) if name.startswith("low.")}
    layers = list(modules(content["model"]))
    state = {"mean": torch.tensor(mean.item(), dtype=torch.float32)}
    at = 0
    for name, layer, norm in _layers(wanted):
        shape = tuple(layer.weight.shape)
        while at < len(layers) and not _fits(layers[at], shape):
            module = layers[at]
            found = np.shape(module.get("weight"))
            if "BatchNormalization" not in module.kind and not any(_fits(module, other) for other in low):
                raise CCCError(f"{path}: layer {name} has {shape}, but the file has {module.kind} with {found} there")
            at += 1
        if at == len(layers):
            raise CCCError(f"{path}: layer {name} with {shape} is missing")
        state[f"{name}.weight"] = _tensor(layers[at].get("weight")).reshape(shape)
        bias = layers[at].get("bias")
        state[f"{name}.bias"] = torch.zeros(shape[0]) if bias is None else _tensor(bias).reshape(shape[0])
        at += 1
        if norm is not None:
            following = layers[at] if at < len(layers) and "BatchNormalization" in layers[at].kind else None
            state |= _norm(norm, following, shape[0])
            at += following is not None
    if at < len(layers):
        raise CCCError(f"{path}: {layers[at].kind} with {np.shape(layers[at].get('weight'))} is left over")
    return state


def _fits(module: _torch7.TorchObject, shape: tuple[int, ...]) -> bool:
    """Whether a layer has a weight of this shape; some convolutions store it flat."""
    found = np.shape(module.get("weight"))
    return found == shape or (len(shape) == 4 and found == (shape[0], int(np.prod(shape[1:]))))


def _norm(name: str, module: _torch7.TorchObject | None, channels: int) -> dict[str, torch.Tensor]:
    one, zero, epsilon = torch.ones(channels), torch.zeros(channels), 1e-5
    if module is None:
        values = {"weight": one, "bias": zero, "running_mean": zero, "running_var": one - epsilon}
    else:
        if module.get("running_var") is not None:
            variance = _tensor(module.get("running_var"))
        else:  # older Torch7 stores 1 / sqrt(variance + epsilon)
            variance = _tensor(module.get("running_std")) ** -2 - epsilon
        values = {"running_mean": _tensor(module.get("running_mean")), "running_var": variance}
        values["weight"] = one if module.get("weight") is None else _tensor(module.get("weight"))
        values["bias"] = zero if module.get("bias") is None else _tensor(module.get("bias"))
    return {f"{name}.{key}": value for key, value in values.items()} | {
        f"{name}.num_batches_tracked": torch.tensor(0, dtype=torch.int64)
    }


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(values, np.float32))


def load(weights: Weights = None, device: Device = None, model: str = Settings().model) -> IizukaColorizer:
    """Iizuka 2016 with the published Torch7 model, or the file `weights` (`.t7`, `.pth` or `.safetensors`).

    `model`: "places" or "imagenet", the data it was trained on. Raises as `ccc.colorizers.load` says.
    """
    path, untrained = located(INFO, weights, model), Iizuka()
    if path.suffix == ".t7":
        weight_files.load_strictly(untrained, read_torch7(path), path)
    else:
        weight_files.load_state_dict(path, untrained)
    return IizukaColorizer(untrained, device)
