"""One colour for every pixel, the training set's mean: the floor that a trained model has to be above."""

from pathlib import Path

import numpy as np

from ccc.assets import PUBLISHED
from ccc.codebook import Codebook
from ccc.color import with_ab
from ccc.colorizers.base import Colorizer, Device, MethodInfo, Weights

INFO = MethodInfo(
    name="constant",
    title="Constant (floor)",
    paper="the mean a and b of the photographs that CCC was trained on, for every pixel",
    licence="MIT",
    parameters=None,
    note="one colour for all pictures",
)


class Constant(Colorizer):
    def __init__(self, codebook: Codebook):
        self.ab = np.average(codebook.grid.centers, axis=0, weights=codebook.counts)

    def _colorize(self, rgb: np.ndarray) -> np.ndarray:
        return with_ab(rgb, np.broadcast_to(self.ab, rgb.shape[:2] + (2,)))


def files(weights: Weights = None, **options) -> list[Path]:
    """The codebook that `load` reads: see `ccc.colorizers.files`."""
    return [Path(weights or PUBLISHED)]


def load(weights: Weights = None, device: Device = None) -> Constant:
    """A method that gives every pixel the mean ab of the cells that a codebook was fitted to, by their bin centres.

    `weights`: a codebook (JSON), or a trained model, which holds one; None for the model that comes with the package.
    The picture's own L is kept. Raises CCCError where `weights` is neither.
    """
    return Constant(Codebook.load(weights or PUBLISHED))
