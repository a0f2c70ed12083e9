"""How rich in colour a picture is."""

import os

import numpy as np

from ccc.codebook import Codebook
from ccc.core.errors import MissingWeights
from ccc.metrics.pair import GRID, Pair, check_picture, of_pictures


@of_pictures
def cnr(pair: Pair, min_pixels: int = 1) -> float:
    """Chromatic number ratio over the 400 grid classes of every pixel; 1 means as many colours as the truth.

    Both uint8 RGB `(H, W, 3)`. 0 and up; above 1 there are more colours than in the truth. `min_pixels`: how many
    pixels a class must have to count; a single stray pixel does by default. Counts grow with the picture: compare only
    at one size. NaN where no class of the truth has that many. Raises ValueError for other arrays. Source: Eq. 18 as
    its text reads; see `cnr_of_classes`.
    """
    return cnr_of_classes(*pair.classes, min_pixels)


@of_pictures
def cnr_56(pair: Pair) -> float:
    """Chromatic number ratio of the 56x56 class maps (area mean of a and b); see `cnr`.

    Both uint8 RGB `(H, W, 3)`. 0 and up. Raises ValueError for other arrays. Source: Eq. 18, at the paper's map size.
    """
    return cnr_of_classes(*pair.classes_56)


@of_pictures
def cnr_codebook(pair: Pair, codebook: Codebook) -> float:
    """Chromatic number ratio over the classes of a codebook (215 in the paper) of every pixel; see `cnr`.

    Both uint8 RGB `(H, W, 3)`. A codebook's classes are what its own model can say, so this favours that model. Raises
    ValueError for other arrays. Source: Eq. 12 and 18.
    """
    predicted, true = (codebook.encode(lab[..., 1:]) for lab in pair.lab)
    return cnr_of_classes(predicted, true)


@of_pictures
def class_precision(pair: Pair, pixels: bool = False) -> float:
    """Share of the prediction's classes that the truth has too, of the 400 of every pixel; 0 to 1.

    Both uint8 RGB `(H, W, 3)`. `pixels`: the share of its pixels that have such a class. A picture's CNR is its
    `class_recall` over this: noise raises CNR and lowers this; gray, of one class, has 1 by itself. Raises ValueError
    for other arrays. Source: Eq. 9 and 18.
    """
    predicted, true = class_counts(pair)
    return _share_among(predicted, true, pixels)


@of_pictures
def class_recall(pair: Pair, pixels: bool = False) -> float:
    """Share of the truth's classes that the prediction has too, of the 400 of every pixel; 0 to 1, higher is better.

    Both uint8 RGB `(H, W, 3)`. `pixels`: the share of the truth's pixels that have such a class. It is the part of CNR
    that is true classes. Raises ValueError for other arrays. Source: Eq. 9 and 18.
    """
    predicted, true = class_counts(pair)
    return _share_among(true, predicted, pixels)


def _share_among(counts: np.ndarray, others: np.ndarray, pixels: bool) -> float:
    weights = counts if pixels else counts > 0
    return float(weights[others > 0].sum() / weights.sum())


def codebook_of(path: str | os.PathLike | None) -> Codebook:
    """The codebook of a file. Raises MissingWeights for None, CCCError for a file that is none."""
    if path is None:
        raise MissingWeights("no codebook: none was given")
    return Codebook.load(path)


def class_counts(pair: Pair) -> np.ndarray:
    """How often each grid class appears in the prediction and in the truth: int64 `(2, 400)`."""
    return np.stack([np.bincount(classes.ravel(), minlength=GRID.size) for classes in pair.classes])


def cnr_of_classes(prediction: np.ndarray, truth: np.ndarray, min_pixels: int = 1) -> float:
    """Distinct classes of the prediction over distinct classes of the truth; both non-negative integers of any shape.

    `min_pixels`: how often a class must appear to count. NaN where the truth then has none. Source: Eq. 18, read as
    the text around it reads it; as printed, its sums turn negative for a picture of few colours.
    """
    return cnr_of_counts(*(np.bincount(classes.ravel()) for classes in (prediction, truth)), min_pixels)


def cnr_of_counts(prediction: np.ndarray, truth: np.ndarray, min_pixels: int = 1) -> float:
    """As `cnr_of_classes`, from how often each class appears: non-negative integers `(classes,)`.

    Of the counts of whole sets it is the pooled ratio: classes in any prediction over classes in any truth.
    """
    predicted, true = (int(np.count_nonzero(counts >= max(min_pixels, 1))) for counts in (prediction, truth))
    return predicted / true if true else float("nan")


def colorfulness(prediction: np.ndarray, truth: np.ndarray | None = None, *, variant: str = "signed") -> float:
    """Colourfulness of the prediction, 0 and up; gray is 0. `truth` is not looked at.

    uint8 RGB `(H, W, 3)`. `variant`: "signed" takes the opponent channels as published; "absolute" takes their
    magnitudes, as DDColor's code and the tables compared with it do. A picture of strong colours on both sides of an
    opponent axis differs much between the two. Raises ValueError for another array or variant. Source: Hasler and
    Suesstrunk 2003.
    """
    check_picture(prediction)
    if variant not in ("signed", "absolute"):
        raise ValueError(f'variant must be "signed" or "absolute", got {variant!r}')
    red, green, blue = np.moveaxis(prediction.astype(np.float64), -1, 0)
    opponents = red - green, 0.5 * (red + green) - blue
    if variant == "absolute":
        opponents = tuple(map(np.abs, opponents))
    deviation = np.hypot(*(channel.std() for channel in opponents))
    return float(deviation + 0.3 * np.hypot(*(channel.mean() for channel in opponents)))


@of_pictures
def delta_colorfulness(pair: Pair) -> float:
    """Absolute difference of the two pictures' signed colourfulness; 0 and up, lower is better.

    Both uint8 RGB `(H, W, 3)`. Its mean over pictures is not the difference of the mean colourfulnesses, which some
    papers print: pictures that are too dull and too colourful cancel there, and not here. Raises ValueError for other
    arrays. Source: Hasler and Suesstrunk 2003.
    """
    return abs(colorfulness(pair.prediction) - colorfulness(pair.truth))


def mean_colorfulness(pair: Pair) -> np.ndarray:
    """Colourfulness (absolute) of the prediction and of the truth, each beside a 1: summed over pictures, `(2, 2)`."""
    values = (colorfulness(picture, variant="absolute") for picture in (pair.prediction, pair.truth))
    return np.array([[value, 1] for value in values])


def delta_of_means(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Difference of the sets' mean colourfulness without its sign, from sums of `mean_colorfulness`, `(2,)` each.

    Source: as the field's tables print it, for one the Table 1 of Kang et al. 2023 (DDColor).
    """
    return float(abs(prediction[0] / prediction[1] - truth[0] / truth[1]))
