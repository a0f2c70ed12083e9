"""The truth through 56x56 grid classes: the ceiling of bin centres of the 400 classes on a map of that size alone."""

import numpy as np

from ccc.codebook import ColorGrid, class_map
from ccc.color import resize_ab, with_ab
from ccc.colorizers.base import Colorizer, Device, MethodInfo, Weights
from ccc.settings import baselines

DEFAULTS = baselines.Oracle()

INFO = MethodInfo(
    name="oracle",
    title="Oracle (56x56 classes)",
    paper="the true colours, quantized to a 56x56 map of the 400 classes (Eq. 9-11)",
    licence="MIT",
    parameters=None,
    note="looks at the truth",
)


class Oracle(Colorizer):
    needs_color = True

    def __init__(self, map_size: int, upsample: str):
        self.map_size, self.upsample = map_size, upsample

    def _colorize(self, rgb: np.ndarray) -> np.ndarray:
        ab = ColorGrid().decode(class_map(rgb, self.map_size).astype(np.int64))
        return with_ab(rgb, resize_ab(ab, *rgb.shape[:2], self.upsample))


def load(
    weights: Weights = None,
    device: Device = None,
    map_size: int = DEFAULTS.map_size,
    upsample: str = DEFAULTS.upsample,
) -> Oracle:
    """The method takes the true colour picture; `map_size`: cells a side; `upsample`: "bilinear" or "nearest"."""
    return Oracle(map_size, upsample)
