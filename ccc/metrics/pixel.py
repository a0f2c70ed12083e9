"""Differences pixel by pixel."""

import math

import numpy as np

from ccc.metrics.pair import Pair


def mse(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Mean squared error over pixels and channels of RGB in [0, 1]; lower is better, 0 for identical pictures.

    Both uint8 RGB `(H, W, 3)`. Raises ValueError for other arrays. Source: the definition; the scale of Table IV.
    """
    return mse_of(Pair(prediction, truth))


def psnr(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal-to-noise ratio of RGB in dB: -10 log10 of `mse`; higher is better, infinite for identical pictures.

    Both uint8 RGB `(H, W, 3)`. Raises ValueError for other arrays. Source: the definition, with peak 1.
    """
    return psnr_of(Pair(prediction, truth))


def mse_ab(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Mean squared error over a and b in squared CIELAB units; lower is better, 0 for identical pictures.

    Both uint8 RGB `(H, W, 3)`. Raises ValueError for other arrays. Blind to lightness, which colorizers keep.
    Source: the definition, in the CIELAB of `ccc.color`.
    """
    return mse_ab_of(Pair(prediction, truth))


def ciede2000(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Mean CIEDE2000 colour difference over pixels; lower is better, 0 for identical pictures.

    Both uint8 RGB `(H, W, 3)`. Raises ValueError for other arrays. Source: Sharma, Wu and Dalal 2005, by scikit-image.
    """
    return ciede2000_of(Pair(prediction, truth))


def mse_of(pair: Pair) -> float:
    """See `mse`. The sum is over integers, so that it is exact."""
    difference = pair.prediction.astype(np.int32) - pair.truth
    return int(np.sum(difference * difference, dtype=np.int64)) / difference.size / 255**2


def psnr_of(pair: Pair) -> float:
    """See `psnr`."""
    error = mse_of(pair)
    return -10 * math.log10(error) if error else math.inf


def mse_ab_of(pair: Pair) -> float:
    """See `mse_ab`."""
    predicted, true = pair.lab
    return float(np.mean((predicted[..., 1:] - true[..., 1:]) ** 2, dtype=np.float64))


def ciede2000_of(pair: Pair) -> float:
    """See `ciede2000`."""
    from skimage.color import deltaE_ciede2000

    predicted, true = (lab.astype(np.float64) for lab in pair.lab)
    return float(np.mean(deltaE_ciede2000(true, predicted)))
