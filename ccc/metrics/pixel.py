"""Differences pixel by pixel."""

import math

import numpy as np

from ccc.color import rgb_to_lab


def check_pair(prediction: np.ndarray, truth: np.ndarray) -> None:
    """Raise ValueError unless both are uint8 RGB `(H, W, 3)` of one size."""
    for image in (prediction, truth):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise ValueError(f"a picture must be uint8 (H, W, 3), got {image.dtype} {image.shape}")
    if prediction.shape != truth.shape:
        raise ValueError(f"pictures must have one size, got {prediction.shape} and {truth.shape}")


def mse(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Mean squared error over pixels and channels of RGB in [0, 1]; lower is better, 0 for identical pictures.

    Both uint8 RGB `(H, W, 3)`. Raises ValueError for other arrays. Source: the definition; the scale of Table IV.
    """
    check_pair(prediction, truth)
    return float(np.mean((prediction.astype(np.float64) - truth) ** 2) / 255**2)


def psnr(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal-to-noise ratio of RGB in dB: -10 log10 of `mse`; higher is better, infinite for identical pictures.

    Both uint8 RGB `(H, W, 3)`. Raises ValueError for other arrays.
    """
    error = mse(prediction, truth)
    return -10 * math.log10(error) if error else math.inf


def mse_ab(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Mean squared error over a and b in squared CIELAB units; lower is better.

    Both uint8 RGB `(H, W, 3)`. Raises ValueError for other arrays. Blind to lightness, which colorizers keep.
    """
    check_pair(prediction, truth)
    difference = rgb_to_lab(prediction)[..., 1:].astype(np.float64) - rgb_to_lab(truth)[..., 1:]
    return float(np.mean(difference**2))


def ciede2000(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Mean CIEDE2000 colour difference over pixels; lower is better.

    Both uint8 RGB `(H, W, 3)`. Raises ValueError for other arrays. Source: Sharma, Wu and Dalal 2005, by scikit-image.
    """
    from skimage.color import deltaE_ciede2000

    check_pair(prediction, truth)
    lab = [rgb_to_lab(image).astype(np.float64) for image in (truth, prediction)]
    return float(np.mean(deltaE_ciede2000(*lab)))
