"""sRGB <-> CIELAB, in float32, for NumPy arrays and torch tensors alike.

The constants are scikit-image's (D65, 2 degree observer), and so is the treatment of out-of-gamut colours, so that
the two agree to 1e-3. An 8-bit picture is linearized through a table of 256 values.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ccc.core.images import read_rgb

if TYPE_CHECKING:
    import torch

Array = TypeVar("Array", np.ndarray, "torch.Tensor")

XYZ_FROM_RGB = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
RGB_FROM_XYZ = np.linalg.inv(XYZ_FROM_RGB)
WHITE = np.array([0.95047, 1.0, 1.08883])
GUIDE_RADIUS, GUIDE_EPSILON = 1, 5.0  # of `guided_ab`: cells of the map, and squared units of L
PART = 1 << 21  # pixels of a picture that are brought to or from CIELAB at once
_EPSILON, _KAPPA, _OFFSET = 0.008856, 7.787, 16.0 / 116.0


def library_of(array: np.ndarray | torch.Tensor | int) -> Any:
    """NumPy for arrays and scalars, torch for tensors: functions called here have equal names and arguments in both."""
    if isinstance(array, np.ndarray | np.generic | int):
        return np
    import torch

    return torch


def _constant(values: np.ndarray, like: np.ndarray | torch.Tensor) -> Any:
    """float32 `values` in the library, and on the device, of `like`."""
    values = values.astype(np.float32)
    return values if isinstance(like, np.ndarray) else library_of(like).as_tensor(values, device=like.device)


def _float32(array: np.ndarray | torch.Tensor) -> Any:
    """The same values; a tensor stays in its graph, from which torch.asarray would take it."""
    return array.astype(np.float32, copy=False) if isinstance(array, np.ndarray) else array.float()


def _linearize(srgb: Array) -> Array:
    return library_of(srgb).where(srgb > 0.04045, ((srgb + 0.055) / 1.055) ** 2.4, srgb / 12.92)


LINEAR_FROM_UINT8 = _linearize(np.arange(256) / 255.0).astype(np.float32)


def rgb_to_lab(rgb: Array) -> Array:
    """sRGB to CIELAB.

    `rgb`: `(..., 3)`, uint8 in 0-255 or floating in [0, 1]; NumPy array or torch tensor. Returns float32
    `(..., 3)` of the same kind: L in [0, 100], a and b in CIELAB units (a in [-86.2, 98.3], b in [-107.9, 94.5] for
    colours of sRGB). Raises ValueError where the last axis is not 3 or an integer type other than uint8 is given.
    Source: IEC 61966-2-1 and CIE 1976 L*a*b*, constants of scikit-image.
    """
    if rgb.shape[-1:] != (3,):
        raise ValueError(f"rgb must have shape (..., 3), got {tuple(rgb.shape)}")
    xp = library_of(rgb)
    if rgb.dtype == xp.uint8:
        linear = _constant(LINEAR_FROM_UINT8, rgb)[rgb if xp is np else rgb.long()]
    elif "float" in str(rgb.dtype):
        linear = _linearize(_float32(rgb))
    else:
        raise ValueError(f"rgb must be uint8 or floating in [0, 1], got {rgb.dtype}")
    xyz = linear @ _constant(XYZ_FROM_RGB.T / WHITE, rgb)
    root = np.cbrt(xyz) if xp is np else xp.clip(xyz, 1e-9, None) ** (1 / 3)  # a root has no slope at 0
    f = xp.where(xyz > _EPSILON, root, _KAPPA * xyz + _OFFSET)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return xp.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def lab_to_rgb(lab: Array) -> Array:
    """CIELAB to sRGB, clipped to the gamut of sRGB.

    `lab`: `(..., 3)` floating, L in [0, 100], a and b in CIELAB units; NumPy array or torch tensor. Returns float32
    `(..., 3)` in [0, 1]. Raises ValueError where the last axis is not 3.
    Source: inverse of `rgb_to_lab`; a negative Z is set to 0, as in scikit-image.
    """
    if lab.shape[-1:] != (3,):
        raise ValueError(f"lab must have shape (..., 3), got {tuple(lab.shape)}")
    xp = library_of(lab)
    lab = _float32(lab)
    y = (lab[..., 0] + 16) / 116
    f = xp.stack([lab[..., 1] / 500 + y, y, xp.clip(y - lab[..., 2] / 200, 0, None)], axis=-1)
    xyz = xp.where(f > 0.2068966, f**3, (f - _OFFSET) / _KAPPA)
    linear = xp.clip(xyz @ _constant(RGB_FROM_XYZ.T * WHITE[:, None], lab), 0, None)
    srgb = xp.where(linear > 0.0031308, 1.055 * xp.clip(linear, 1e-9, None) ** (1 / 2.4) - 0.055, 12.92 * linear)
    return xp.clip(srgb, 0, 1)


def to_uint8(rgb: np.ndarray) -> np.ndarray:
    """Float RGB in [0, 1] to uint8 0-255, rounded to the nearest level; values outside are clipped."""
    return np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)


def lightness(rgb: np.ndarray) -> np.ndarray:
    """CIELAB L of an RGB picture: uint8 or float `(..., 3)` to float32 `(...)` in [0, 100]."""
    # Copied, since a view would keep a and b in memory.
    return in_parts(lambda part: np.ascontiguousarray(rgb_to_lab(part)[..., 0]), rgb)


def gray_of(rgb: np.ndarray) -> np.ndarray:
    """The gray picture with the same lightness: uint8 RGB `(H, W, 3)` to uint8 `(H, W)` sRGB gray levels.

    Read back as a gray photograph, it has the L of the colour photograph to within 8-bit rounding.
    """

    def gray(rgb: np.ndarray) -> np.ndarray:
        lab = rgb_to_lab(rgb)
        lab[..., 1:] = 0
        return to_uint8(lab_to_rgb(lab)[..., 1])

    return in_parts(gray, rgb)


def read_gray(source: str | os.PathLike | bytes, name: str | None = None) -> np.ndarray:
    """Read a picture as gray levels: uint8 `(H, W)`.

    A gray picture is taken as it is; a colour picture becomes the gray of the same CIELAB lightness
    (`gray_of`). Raises as `ccc.core.images.read_rgb`.
    """
    rgb = read_rgb(source, name)
    if (rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all():
        return np.ascontiguousarray(rgb[..., 0])
    return gray_of(rgb)


def with_ab(gray: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """Colour a gray picture and keep its lightness.

    `gray`: uint8 `(H, W)` sRGB gray levels or uint8 RGB `(H, W, 3)`, whose L is kept; `ab`: float `(H, W, 2)`.
    Returns uint8 RGB `(H, W, 3)`. Eq. 3 of the paper.
    """
    rgb = gray if gray.ndim == 3 else np.repeat(gray[..., None], 3, axis=-1)

    def colored(rgb: np.ndarray, ab: np.ndarray) -> np.ndarray:
        return to_uint8(lab_to_rgb(np.concatenate([lightness(rgb)[..., None], ab], axis=-1)))

    return in_parts(colored, rgb, ab)


def in_parts(function: Callable[..., Array], *images: Array) -> Array:
    """Apply a function of pixels to images, in blocks of rows where they are large, to bound its memory."""
    shape = images[0].shape
    if len(shape) != 3 or shape[0] * shape[1] <= PART:
        return function(*images)
    rows = max(1, PART // shape[1])
    parts = [function(*(image[top : top + rows] for image in images)) for top in range(0, shape[0], rows)]
    return library_of(images[0]).concatenate(parts)


def resize_ab(ab: np.ndarray, height: int, width: int, mode: str = "bilinear") -> np.ndarray:
    """Bring float ab planes `(h, w, 2)` to `(height, width, 2)` float32.

    `mode`: "bilinear" (half-pixel centres, no antialiasing, as torch's align_corners=False) or "nearest".
    """
    import torch

    planes = torch.from_numpy(np.ascontiguousarray(ab, dtype=np.float32)).permute(2, 0, 1)[None]
    extra = {"align_corners": False} if mode == "bilinear" else {}
    resized = torch.nn.functional.interpolate(planes, (height, width), mode=mode, **extra)
    return resized[0].permute(1, 2, 0).numpy()


def guided_ab(ab: np.ndarray, lightness: np.ndarray) -> np.ndarray:
    """Bring float ab planes `(h, w, 2)` to the size of `lightness`, float L `(H, W)`, along its edges: float32.

    Around each cell a and b are taken for linear functions of L, which are fitted at the size of the map and read off
    at the picture's. Where L is even, what comes out is the mean of the cells around.
    Source: He and Sun: Fast Guided Filter, 2015, with a radius of `GUIDE_RADIUS` cells and epsilon `GUIDE_EPSILON`.
    """
    import torch
    from torch.nn.functional import avg_pool2d, interpolate

    def mean(planes: torch.Tensor) -> torch.Tensor:
        return avg_pool2d(planes, 2 * GUIDE_RADIUS + 1, 1, GUIDE_RADIUS, count_include_pad=False)

    colors = torch.from_numpy(np.ascontiguousarray(ab, dtype=np.float32)).permute(2, 0, 1)[None]
    guide = torch.from_numpy(np.ascontiguousarray(lightness, dtype=np.float32))[None, None]
    small = interpolate(guide, colors.shape[2:], mode="area")
    mean_guide, mean_colors = mean(small), mean(colors)
    slope = mean(small * colors) - mean_guide * mean_colors
    slope /= mean(small**2) - mean_guide**2 + GUIDE_EPSILON
    offset = mean(mean_colors - slope * mean_guide)
    result = interpolate(mean(slope), guide.shape[2:], mode="bilinear", align_corners=False).mul_(guide)
    for plane, part in zip(result.split(1, dim=1), offset.split(1, dim=1), strict=True):  # one at a time: less memory
        plane += interpolate(part, guide.shape[2:], mode="bilinear", align_corners=False)
    return result[0].permute(1, 2, 0).numpy()
