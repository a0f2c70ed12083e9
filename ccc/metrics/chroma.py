"""How rich in colour a picture is."""

import numpy as np

from ccc.codebook import ColorGrid, class_map
from ccc.color import rgb_to_lab
from ccc.metrics.pixel import check_pair


def cnr_of_classes(prediction: np.ndarray, truth: np.ndarray, min_pixels: int = 1) -> float:
    """Distinct classes of the prediction over distinct classes of the truth; both non-negative integers of any shape.

    `min_pixels`: how often a class must appear to count. NaN where the truth then has none. Source: Eq. 18, read as
    the text around it reads it; as printed, its sums turn negative for a picture of few colours.
    """
    distinct = [int(np.count_nonzero(np.bincount(classes.ravel()) >= min_pixels)) for classes in (prediction, truth)]
    return distinct[0] / distinct[1] if distinct[1] else float("nan")


def cnr(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Chromatic number ratio over the 400 grid classes of every pixel; 1 means as many colours as the truth.

    Both uint8 RGB `(H, W, 3)`. Positive; above 1 there are more colours than in the truth. Depends on the pictures'
    size: compare only at one size. Raises ValueError for other arrays. Source: Eq. 18.
    """
    check_pair(prediction, truth)
    grid = ColorGrid()
    return cnr_of_classes(grid.encode(rgb_to_lab(prediction)[..., 1:]), grid.encode(rgb_to_lab(truth)[..., 1:]))


def cnr_56(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Chromatic number ratio of the 56x56 class maps (area mean of ab); see `cnr`. Both uint8 RGB `(H, W, 3)`."""
    check_pair(prediction, truth)
    return cnr_of_classes(class_map(prediction), class_map(truth))


def colorfulness(prediction: np.ndarray, truth: np.ndarray | None = None) -> float:
    """Colourfulness of the prediction, not negative; gray is 0. `truth` is not looked at.

    uint8 RGB `(H, W, 3)`. Source: Hasler and Suesstrunk 2003, opponent channels with their sign, as published.
    """
    red, green, blue = np.moveaxis(prediction.astype(np.float64), -1, 0)
    opponents = red - green, 0.5 * (red + green) - blue
    deviation = np.hypot(*(channel.std() for channel in opponents))
    return float(deviation + 0.3 * np.hypot(*(channel.mean() for channel in opponents)))
