"""A prediction and its truth, with shared intermediate results computed once."""

import functools
import inspect
from collections.abc import Callable
from typing import Protocol

import numpy as np

from ccc.codebook import ColorGrid, area_mean
from ccc.color import rgb_to_lab

GRID = ColorGrid()


def check_picture(image: np.ndarray) -> None:
    """Raise ValueError unless `image` is uint8 RGB `(H, W, 3)` with at least one pixel."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        found = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(f"a picture must be uint8 (H, W, 3), got {found}")
    if not image.size:
        raise ValueError(f"a picture must have pixels, got {image.shape}")


class Pair:
    """A prediction and its truth: uint8 RGB `(H, W, 3)` of one size, never empty.

    Raises ValueError for anything else. Views are pairs (prediction's, truth's), computed on first access.
    """

    def __init__(self, prediction: np.ndarray, truth: np.ndarray):
        check_picture(prediction)
        check_picture(truth)
        if prediction.shape != truth.shape:
            raise ValueError(f"pictures must have one size, got {prediction.shape} and {truth.shape}")
        self.prediction, self.truth = prediction, truth

    @property
    def short_side(self) -> int:
        """The shorter of height and width, in pixels."""
        return min(self.truth.shape[:2])

    @functools.cached_property
    def lab(self) -> tuple[np.ndarray, np.ndarray]:
        """CIELAB: two float32 `(H, W, 3)`."""
        return rgb_to_lab(self.prediction), rgb_to_lab(self.truth)

    @functools.cached_property
    def classes(self) -> tuple[np.ndarray, np.ndarray]:
        """Grid class of every pixel: two int64 `(H, W)` in [0, 400)."""
        predicted, true = self.lab
        return GRID.encode(predicted[..., 1:]), GRID.encode(true[..., 1:])

    @functools.cached_property
    def classes_56(self) -> tuple[np.ndarray, np.ndarray]:
        """Class maps as of `ccc.codebook.class_map`: two int64 `(56, 56)` in [0, 400)."""
        predicted, true = (area_mean(lab[..., 1:], 56) for lab in self.lab)
        return GRID.encode(predicted), GRID.encode(true)


class PictureMetric(Protocol):
    """A metric of two pictures, uint8 RGB `(H, W, 3)`; `of` is the same metric of a `Pair`."""

    of: Callable[..., float]

    def __call__(self, prediction: np.ndarray, truth: np.ndarray, *arguments, **options) -> float:
        """Value of a prediction and its truth."""


def of_pictures(of_pair: Callable[..., float]) -> PictureMetric:
    """A metric of a `Pair` as a function of two pictures; its attribute `of` lets callers share a Pair."""

    @functools.wraps(of_pair)
    def measure(prediction: np.ndarray, truth: np.ndarray, *arguments, **options) -> float:
        return of_pair(Pair(prediction, truth), *arguments, **options)

    pictures = list(inspect.signature(measure, follow_wrapped=False).parameters.values())[:2]
    signature = inspect.signature(of_pair)
    signature = signature.replace(parameters=[*pictures, *list(signature.parameters.values())[1:]])
    vars(measure).update(__signature__=signature, of=of_pair)
    return measure  # ty: ignore[invalid-explicit-return]  it has `of` now
