"""Distances between two sets, from a feature vector of each picture."""

from collections.abc import Sequence

import numpy as np

SINGLY, GROUPS = 100, 20  # of the jackknife of `frechet_interval`
BLOCK = 1024  # rows of a kernel at a time: 40 MB for 5,000 pictures
ROWS = 2048  # of features that `frechet_distance` processes at a time: 34 MB of 2048 each


def _checked(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or not x.shape[1] or min(len(x), len(y)) < 2:
        raise ValueError(f"features must be (N, D) and (M, D) with N and M at least 2, got {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("features must be finite")
    return x, y


def frechet_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Frechet distance between Gaussians fitted to two sets of features; lower is better, 0 for equal sets.

    Floating `(N, D)` and `(M, D)`, N and M at least 2; computed in float64, negative only by rounding. With fewer
    pictures than features it is biased upwards: compare only at equal N. The trace of the root of the covariances'
    product is the sum of the singular values of one data matrix times the other transposed, so nothing larger than
    the smaller of N and D is decomposed, and nothing turns complex or needs an epsilon where N < D. The memory that it
    takes beside the features does not grow with N. Raises ValueError for other shapes and values that are not finite.
    Source: Dowson and Landau 1982; Heusel et al. 2017.
    """
    x, y = _checked(x, y)
    (mean, a), (other, b) = _fitted(x), _fitted(y)
    offset = mean - other
    root = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(offset @ offset + np.vdot(a, a) + np.vdot(b, b) - 2 * root)


def _fitted(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean `(D,)` of the rows and a factor of their covariance: `(D or less, D)`, float64.

    The triangle of a tall matrix has the same covariance and at most D rows, whether of all rows or of some after some.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    factor: np.ndarray = np.empty((0, features.shape[1]))
    for start in range(0, len(features), ROWS):
        centered = features[start : start + ROWS] - mean
        factor = np.concatenate([factor, centered / np.sqrt(len(features) - 1)])
        if len(factor) > factor.shape[1]:
            factor = np.linalg.qr(factor, mode="r")  # ty: ignore[invalid-assignment]  its stub mixes the modes up
    return mean, factor


def kid(x: np.ndarray, y: np.ndarray, paired: bool = False) -> float:
    """Kernel distance: the squared MMD under (x.y / D + 1)^3 of the whole sets; lower is better, negative by chance.

    Floating `(N, D)` and `(M, D)`, N and M at least 2; computed in float64. `paired`: row i of both comes from one
    picture, and the kernel of such a pair is left out, as are the kernels of a picture with itself: 0 for equal sets.
    Either form is unbiased where its premise holds. Of paired sets the other one is not: for nearly equal sets its mean
    is about -2 (k - m) / N, k being the mean kernel of a picture with itself, m that of two pictures. Raises ValueError
    for other shapes, values that are not finite, and paired sets of different size. Source: Gretton et al. 2012, Eq. 3
    and 4; Binkowski et al. 2018.
    """
    x, y = _checked(x, y)
    if paired and len(x) != len(y):
        raise ValueError(f"paired sets have as many rows each, got {len(x)} and {len(y)}")
    rows, _, diagonal = _kernel_sums(x, y)
    across = (rows.sum() - diagonal.sum()) / (len(x) * (len(x) - 1)) if paired else rows.sum() / (len(x) * len(y))
    return float(_mean_of_others(x) + _mean_of_others(y) - 2 * across)


def _kernel_sums(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums of the kernel's rows and columns, and its diagonal, from `BLOCK` rows at a time: `(N,)`, `(M,)`, `(N,)`."""
    x, y = x.astype(np.float64, copy=False), y.astype(np.float64, copy=False)
    rows, columns, diagonal = np.empty(len(x)), np.zeros(len(y)), np.zeros(min(len(x), len(y)))
    for start in range(0, len(x), BLOCK):
        kernel = (x[start : start + BLOCK] @ y.T / x.shape[1] + 1) ** 3
        rows[start : start + BLOCK] = kernel.sum(axis=1)
        columns += kernel.sum(axis=0)
        on = kernel.diagonal(start)
        diagonal[start : start + len(on)] = on
    return rows, columns, diagonal


def _mean_of_others(x: np.ndarray) -> float:
    """Mean kernel of two different pictures of one set."""
    rows, _, diagonal = _kernel_sums(x, x)
    return (rows.sum() - diagonal.sum()) / (len(x) * (len(x) - 1))


def frechet_interval(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """95% interval of `frechet_distance` by the jackknife over pairs of pictures: (low, high), low at least 0.

    Floating `(N, D)` twice, row i of both from one picture, N at least 3. One pair at a time is left out of up to
    `SINGLY`, of more every `GROUPS`th, so that a set of thousands is decomposed as often as one of twenty. It says how
    much the figure owes to which pictures were picked, and nothing of its bias: resampling with replacement would shift
    it upwards. Raises ValueError as `frechet_distance` and for unequal or fewer rows. Source: Tukey's jackknife, by
    groups as in Shao and Tu 1995, section 2.3; Student's t.
    """
    x, y = _paired(x, y)
    if 2 * len(x) < x.shape[1]:
        # The same points in the space that they span, of 2N dimensions at most: distances stay as they are.
        spanned = np.linalg.qr(np.concatenate([x, y], dtype=np.float64).T, mode="r").T  # ty: ignore[missing-attribute]
        x, y = spanned[: len(x)], spanned[len(x) :]
    groups = len(x) if len(x) <= SINGLY else GROUPS
    kept = (np.arange(len(x)) % groups != group for group in range(groups))
    values = [frechet_distance(x[rows], y[rows]) for rows in kept]
    low, high = _jackknife(frechet_distance(x, y), values)
    return max(low, 0.0), high


def kid_interval(x: np.ndarray, y: np.ndarray, *, paired: bool = False) -> tuple[float, float]:
    """95% interval of `kid` by leaving out one pair of pictures at a time: (low, high); see `frechet_interval`."""
    x, y = _paired(x, y)
    n, (rows, columns, diagonal) = len(x), _kernel_sums(x, y)
    # Each mean without the row and the column of one picture.
    if paired:
        rows, columns, diagonal = rows - diagonal, columns - diagonal, 0
    value = -2 * rows.sum() / (n * (n - 1 if paired else n))
    without = -2 * (rows.sum() - rows - columns + diagonal) / ((n - 1) * (n - 2 if paired else n - 1))
    for features in (x, y):
        sums, _, own = _kernel_sums(features, features)
        sums -= own
        value += sums.sum() / (n * (n - 1))
        without += (sums.sum() - 2 * sums) / ((n - 1) * (n - 2))
    return _jackknife(value, without)


def _paired(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y = _checked(x, y)
    if len(x) != len(y) or len(x) < 3:
        raise ValueError(f"an interval needs at least three pairs, got {len(x)} and {len(y)} rows")
    return x, y


def _jackknife(value: float, without: Sequence[float]) -> tuple[float, float]:
    from scipy.stats import t

    n = len(without)
    error = np.sqrt((n - 1) * np.var(without))
    half = float(t.ppf(0.975, n - 1) * error)
    return value - half, value + half
