"""Structural similarity on all three colour channels, as luminance alone would ignore colour."""

import numpy as np

from ccc.metrics.pair import Pair, of_pictures

SSIM_WINDOW, UIQI_WINDOW = 11, 8  # sides, in pixels; a picture must hold at least one window


@of_pictures
def ssim(pair: Pair) -> float:
    """Structural similarity, mean over windows and over R, G and B; at most 1, higher is better.

    Both uint8 RGB `(H, W, 3)`. Gaussian window of 11x11 pixels with sigma 1.5, population covariance, only windows
    that lie within the picture. NaN for a picture with a side below 11: no window fits, and a smaller one would be
    another metric. Raises ValueError for other arrays. Source: Wang et al. 2004, by scikit-image.
    """
    from skimage.metrics import structural_similarity

    if pair.short_side < SSIM_WINDOW:
        return float("nan")
    # Its own defaults are a uniform window of 7x7 and sample covariance: another metric.
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    return float(structural_similarity(pair.truth, pair.prediction, channel_axis=2, **options))


@of_pictures
def uiqi(pair: Pair) -> float:
    """Universal image quality index, mean over windows and over R, G and B; in [-1, 1], higher is better.

    Both uint8 RGB `(H, W, 3)`. Every 8x8 window within the picture counts the same. Two flat windows compare by their
    means alone, two black ones are alike. NaN for a picture with a side below 8, where no window fits. Raises
    ValueError for other arrays. Source: Wang and Bovik 2002.
    """
    if pair.short_side < UIQI_WINDOW:
        return float("nan")
    # One channel after the other: their planes stay in the cache, which makes it faster than all three at once.
    return float(np.mean([_uiqi_channel(pair.truth[..., i], pair.prediction[..., i]) for i in range(3)]))


def _uiqi_channel(x: np.ndarray, y: np.ndarray) -> float:
    # Sums of integers are exact: with rounded ones a flat window would look almost flat, and its index is 0/0.
    x, y = x.astype(np.float64), y.astype(np.float64)
    sum_x, sum_y = _window_sums(x), _window_sums(y)
    product, squares = sum_x * sum_y, sum_x**2 + sum_y**2
    covariance = UIQI_WINDOW**2 * _window_sums(x * y) - product
    variances = UIQI_WINDOW**2 * _window_sums(x * x + y * y) - squares
    quality = np.ones(product.shape)  # both windows black
    flat = (variances == 0) & (squares != 0)
    quality[flat] = 2 * product[flat] / squares[flat]
    np.divide(4 * covariance * product, variances * squares, out=quality, where=variances != 0)
    return quality.mean()


def _window_sums(values: np.ndarray) -> np.ndarray:
    """Sum of every whole window of float64 `(H, W)`: `(H - 7, W - 7)`."""
    import cv2

    return cv2.boxFilter(values, -1, (UIQI_WINDOW, UIQI_WINDOW), normalize=False)[4:-3, 4:-3]
