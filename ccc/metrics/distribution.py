"""Distances between two sets, from a feature vector of each picture."""

import numpy as np


def _checked(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y = (np.asarray(features, dtype=np.float64) for features in (x, y))
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
    the smaller of N and D is decomposed, and nothing turns complex or needs an epsilon where N < D. Raises ValueError
    for other shapes and values that are not finite. Source: Dowson and Landau 1982; Heusel et al. 2017.
    """
    x, y = _checked(x, y)
    offset = x.mean(axis=0) - y.mean(axis=0)
    a, b = ((features - features.mean(axis=0)) / np.sqrt(len(features) - 1) for features in (x, y))
    spread = (a**2).sum() + (b**2).sum()
    # The triangle of a tall matrix has the same covariance and at most D rows.
    a, b = (np.linalg.qr(data, mode="r") if len(data) > data.shape[1] else data for data in (a, b))
    root = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(offset @ offset + spread - 2 * root)


def kid(x: np.ndarray, y: np.ndarray) -> float:
    """Kernel distance: the unbiased squared MMD under (x.y / D + 1)^3 of the whole sets; lower is better.

    Floating `(N, D)` and `(M, D)`, N and M at least 2; computed in float64. Its mean does not depend on N; it is
    negative where the sets differ by less than chance. Raises ValueError for other shapes and values that are not
    finite. Source: Binkowski et al. 2018.
    """
    x, y = _checked(x, y)
    within = 0.0
    for features in (x, y):
        kernel = (features @ features.T / x.shape[1] + 1) ** 3
        within += (kernel.sum() - np.trace(kernel)) / (len(features) * (len(features) - 1))
    return float(within - 2 * ((x @ y.T / x.shape[1] + 1) ** 3).mean())
