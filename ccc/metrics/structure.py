"""Structural similarity, on all three colour channels: on luminance alone it would be blind to colour."""

import numpy as np

from ccc.metrics.pair import Pair

SSIM_WINDOW, UIQI_WINDOW = 11, 8  # sides, in pixels; a picture must hold at least one window
_OFFSETS = np.arange(SSIM_WINDOW) - SSIM_WINDOW // 2
_GAUSSIAN = np.exp(-0.5 * (_OFFSETS / 1.5) ** 2)
_GAUSSIAN /= _GAUSSIAN.sum()
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def ssim(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Structural similarity, mean over windows and over R, G and B; at most 1, higher is better.

    Both uint8 RGB `(H, W, 3)`. Gaussian window of 11x11 pixels with sigma 1.5, population covariance, only windows
    that lie within the picture. NaN for a picture with a side below 11: no window fits, and a smaller one would be
    another metric. Raises ValueError for other arrays. Source: Wang et al. 2004.
    """
    return ssim_of(Pair(prediction, truth))


def uiqi(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Universal image quality index, mean over windows and over R, G and B; in [-1, 1], higher is better.

    Both uint8 RGB `(H, W, 3)`. Every 8x8 window within the picture counts the same. Two flat windows compare by their
    means alone, two black ones are alike. NaN for a picture with a side below 8, where no window fits. Raises
    ValueError for other arrays. Source: Wang and Bovik 2002.
    """
    return uiqi_of(Pair(prediction, truth))


def ssim_of(pair: Pair) -> float:
    """See `ssim`."""
    return float("nan") if pair.short_side < SSIM_WINDOW else _mean_of_channels(_ssim_channel, pair)


def uiqi_of(pair: Pair) -> float:
    """See `uiqi`."""
    return float("nan") if pair.short_side < UIQI_WINDOW else _mean_of_channels(_uiqi_channel, pair)


def _mean_of_channels(measure, pair: Pair) -> float:
    # One channel after the other: their planes stay in the cache, which makes it faster than all three at once.
    return float(np.mean([measure(pair.truth[..., i], pair.prediction[..., i]) for i in range(3)]))


def _ssim_channel(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x.astype(np.float64), y.astype(np.float64)
    mean_x, mean_y = _blur(x), _blur(y)
    product, squares = mean_x * mean_y, mean_x**2 + mean_y**2
    covariance = _blur(x * y) - product
    variances = _blur(x**2 + y**2) - squares
    return ((2 * product + _C1) * (2 * covariance + _C2) / ((squares + _C1) * (variances + _C2))).mean()


def _blur(plane: np.ndarray) -> np.ndarray:
    """Gaussian mean of every whole window of float64 `(H, W)`: `(H - 10, W - 10)`."""
    from scipy.ndimage import correlate1d

    border = SSIM_WINDOW // 2
    columns = correlate1d(plane, _GAUSSIAN, axis=0)[border:-border]
    return correlate1d(columns, _GAUSSIAN, axis=1)[:, border:-border]


def _uiqi_channel(x: np.ndarray, y: np.ndarray) -> float:
    # Sums are integers: with rounded ones a flat window would look almost flat, and its index is 0/0.
    x, y = x.astype(np.int64), y.astype(np.int64)
    sum_x, sum_y = _window_sums(x), _window_sums(y)
    product, squares = sum_x * sum_y, sum_x**2 + sum_y**2
    covariance = UIQI_WINDOW**2 * _window_sums(x * y) - product
    variances = UIQI_WINDOW**2 * _window_sums(x * x + y * y) - squares
    quality = np.ones(product.shape)  # both windows black
    flat = (variances == 0) & (squares != 0)
    quality[flat] = 2 * product[flat] / squares[flat]
    np.divide(4.0 * covariance * product, variances.astype(np.float64) * squares, out=quality, where=variances != 0)
    return quality.mean()


def _window_sums(values: np.ndarray, side: int = UIQI_WINDOW) -> np.ndarray:
    """Sum of every whole window of int64 `(H, W)`, from the sums of all that is above and left: `(H - 7, W - 7)`."""
    sums = np.zeros((values.shape[0] + 1, values.shape[1] + 1), np.int64)
    np.cumsum(np.cumsum(values, axis=0), axis=1, out=sums[1:, 1:])
    return sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
