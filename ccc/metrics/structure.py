"""Structural similarity, on all three colour channels: on luminance alone it would be blind to colour."""

import numpy as np

from ccc.metrics.pixel import check_pair


def ssim(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Structural similarity, mean over R, G and B; at most 1, higher is better.

    Both uint8 RGB `(H, W, 3)`, sides of 11 or more; a smaller picture gives NaN, since no window fits. Gaussian
    window of 11 with sigma 1.5, population covariance, border left out. Raises ValueError for other arrays.
    Source: Wang et al. 2004, by scikit-image.
    """
    from skimage.metrics import structural_similarity

    check_pair(prediction, truth)
    if min(truth.shape[:2]) < 11:
        return float("nan")
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(structural_similarity(truth, prediction, channel_axis=2, data_range=255, **options))


def uiqi(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Universal image quality index, mean over windows and over R, G and B; in [-1, 1], higher is better.

    Both uint8 RGB `(H, W, 3)`, sides of 8 or more; a smaller picture gives NaN. Every 8x8 window counts; sums are
    integers, so that a flat window is recognized exactly: two flat windows compare by their means alone, and two
    black ones are alike. Raises ValueError for other arrays. Source: Wang and Bovik 2002.
    """
    check_pair(prediction, truth)
    if min(truth.shape[:2]) < 8:
        return float("nan")
    return float(
        np.mean([_uiqi_channel(prediction[..., c].astype(np.int64), truth[..., c].astype(np.int64)) for c in range(3)])
    )


def _window_sums(values: np.ndarray, side: int = 8) -> np.ndarray:
    integral = np.zeros((values.shape[0] + 1, values.shape[1] + 1), np.int64)
    np.cumsum(np.cumsum(values, axis=0), axis=1, out=integral[1:, 1:])
    return integral[side:, side:] - integral[:-side, side:] - integral[side:, :-side] + integral[:-side, :-side]


def _uiqi_channel(x: np.ndarray, y: np.ndarray) -> float:
    sum_x, sum_y = _window_sums(x), _window_sums(y)
    product, squares = sum_x * sum_y, sum_x**2 + sum_y**2
    covariance = 64 * _window_sums(x * y) - product
    variances = 64 * _window_sums(x * x + y * y) - squares
    quality = np.ones(product.shape)
    flat = (variances == 0) & (squares != 0)
    quality[flat] = 2 * product[flat] / squares[flat]
    usual = (variances != 0) & (squares != 0)
    quality[usual] = 4.0 * covariance[usual] * product[usual] / (variances[usual].astype(np.float64) * squares[usual])
    return quality.mean()
