"""Similarity of features and of saliency, colour included, by the package pyiqa; neither has a network."""

from ccc.metrics import foreign
from ccc.metrics.pair import Pair, of_pictures

FSIM_SIDE, VSI_SIDE = 48, 3  # pixels: the longest wave of FSIM's filters, and the window of VSI's gradients


@of_pictures
def fsimc(pair: Pair, model: foreign.Model | None = None) -> float:
    """Feature similarity with chroma: phase congruency, gradient and the I and Q of YIQ; 0 to 1, higher is better.

    Both uint8 RGB `(H, W, 3)`. Pictures are averaged to a short side near 256 pixels, as their authors do. NaN for one
    with a side below 48, shorter than the longest wave that is looked for. `model`: of `foreign.load("fsim")`, which
    None calls. Raises ValueError for other arrays. Source: Zhang et al. 2011, by pyiqa.
    """
    model = model or foreign.load("fsim")
    return float("nan") if pair.short_side < FSIM_SIDE else foreign.measured(pair, model)


@of_pictures
def vsi(pair: Pair, model: foreign.Model | None = None) -> float:
    """Similarity of gradient and chroma, most where either picture is salient; 0 to 1, higher is better.

    Both uint8 RGB `(H, W, 3)`, averaged as for `fsimc`. NaN for a picture with a side below 3, and where both are of
    a single colour each: nothing in them is salient. `model`: of `foreign.load("vsi")`, which None calls. Raises
    ValueError for other arrays. Source: Zhang, Shen and Li 2014, by pyiqa.
    """
    model = model or foreign.load("vsi")
    flat = all((picture == picture[0, 0]).all() for picture in (pair.prediction, pair.truth))
    return float("nan") if flat or pair.short_side < VSI_SIDE else foreign.measured(pair, model)
