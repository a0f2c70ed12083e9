"""Similarity of features and of saliency, colour included, by the package pyiqa; neither has a network."""

import numpy as np

from ccc.metrics import foreign
from ccc.metrics.pair import Pair

FSIM_SIDE, VSI_SIDE = 48, 3  # pixels: the longest wave of FSIM's filters, and the window of VSI's gradients


def fsimc(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Feature similarity with chroma: phase congruency, gradient and the I and Q of YIQ; 0 to 1, higher is better.

    Both uint8 RGB `(H, W, 3)`. Pictures are averaged to a short side near 256 pixels, as their authors do. NaN for one
    with a side below 48, shorter than the longest wave that is looked for. Raises ValueError for other arrays. Source:
    Zhang et al. 2011, by pyiqa.
    """
    return fsimc_of(Pair(prediction, truth), foreign.load("fsim"))


def vsi(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Similarity of gradient and chroma, most where either picture is salient; 0 to 1, higher is better.

    Both uint8 RGB `(H, W, 3)`, averaged as for `fsimc`. NaN for a picture with a side below 3, and where both are of
    a single colour each: nothing in them is salient. Raises ValueError for other arrays. Source: Zhang, Shen and Li
    2014, by pyiqa.
    """
    return vsi_of(Pair(prediction, truth), foreign.load("vsi"))


def fsimc_of(pair: Pair, model) -> float:
    """See `fsimc`; `model`: what `foreign.load("fsim")` gives."""
    return float("nan") if pair.short_side < FSIM_SIDE else foreign.measured(pair, model)


def vsi_of(pair: Pair, model) -> float:
    """See `vsi`; `model`: what `foreign.load("vsi")` gives."""
    flat = all((picture == picture[0, 0]).all() for picture in (pair.prediction, pair.truth))
    return float("nan") if flat or pair.short_side < VSI_SIDE else foreign.measured(pair, model)
