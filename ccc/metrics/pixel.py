"""Differences pixel by pixel."""

import math

import numpy as np

from ccc.metrics.pair import Pair, of_pictures


@of_pictures
def mse(pair: Pair) -> float:
    """Mean squared error over pixels and channels of RGB in [0, 1]; lower is better, 0 for identical pictures.

    Both uint8 RGB `(H, W, 3)`. Raises ValueError for other arrays. Source: the definition; the scale of Table IV.
    """
    # The sum is over integers, so that it is exact.
    difference = pair.prediction.astype(np.int32) - pair.truth
    return int(np.sum(difference * difference, dtype=np.int64)) / difference.size / 255**2


@of_pictures
def psnr(pair: Pair) -> float:
    """Peak signal-to-noise ratio of RGB in dB: -10 log10 of `mse`; higher is better, infinite for identical pictures.

    Both uint8 RGB `(H, W, 3)`. Raises ValueError for other arrays. Source: the definition, with peak 1.
    """
    error = mse.of(pair)
    return -10 * math.log10(error) if error else math.inf


@of_pictures
def mse_ab(pair: Pair) -> float:
    """Mean squared error over a and b in squared CIELAB units; lower is better, 0 for identical pictures.

    Both uint8 RGB `(H, W, 3)`. Raises ValueError for other arrays. Blind to lightness, which colorizers keep.
    Source: the definition, in the CIELAB of `ccc.color`.
    """
    predicted, true = pair.lab
    return float(np.mean((predicted[..., 1:] - true[..., 1:]) ** 2, dtype=np.float64))


@of_pictures
def ciede2000(pair: Pair) -> float:
    """Mean CIEDE2000 colour difference over pixels; lower is better, 0 for identical pictures.

    Both uint8 RGB `(H, W, 3)`. Raises ValueError for other arrays. Source: Sharma, Wu and Dalal 2005, by scikit-image.
    """
    from skimage.color import deltaE_ciede2000

    predicted, true = (lab.astype(np.float64) for lab in pair.lab)
    return float(np.mean(deltaE_ciede2000(true, predicted)))
