"""Gain and Debnath 2023 (DL-Net): without public code or weights; reads coloured pictures from a folder."""

import os
from pathlib import Path

import numpy as np

from ccc.colorizers.base import Colorizer, Device, MethodInfo, Weights, checked, kept_names
from ccc.core.errors import CCCError
from ccc.core.images import SUFFIXES, read_rgb

INFO = MethodInfo(
    name="gain",
    title="Gain et al.",
    paper="Gain, Debnath: A Novel Unbiased Deep Learning Approach (DL-Net) in Feature Space for Converting Gray to "
    "Color Image, IEEE Access 2023",
    licence="of the pictures' author",
    parameters=None,
    note="neither code nor weights are public: reads coloured pictures of the same names from a folder",
)


class Precomputed(Colorizer):
    """Reads coloured pictures of any method from a folder by name."""

    by_name = True

    def __init__(self, folder: str | os.PathLike):
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise CCCError(f"{self.folder}: no such folder of coloured pictures")

    def colorize_named(self, name: str, image: np.ndarray) -> np.ndarray:
        """Returns the unchanged coloured picture of the same name, with the same or another picture suffix.

        Raises CCCError if there is none or more than one, or its size differs from `image`; ImageError if it cannot be
        read.
        """
        height, width = checked(image).shape[:2]
        path = self._find(name)
        colored = read_rgb(path)
        if colored.shape[:2] != (height, width):
            size = f"{colored.shape[1]}x{colored.shape[0]}"
            raise CCCError(f"{path}: {size}, where the gray picture is {width}x{height}: give it in its own size")
        return colored

    def _find(self, name: str) -> Path:
        for wanted in map(self.folder.joinpath, kept_names(name)):
            if wanted.is_file():
                return wanted
            found = [wanted.with_suffix(suffix) for suffix in sorted(SUFFIXES) if wanted.with_suffix(suffix).is_file()]
            if len(found) > 1:
                raise CCCError(f"{self.folder}: {' and '.join(path.name for path in found)} for {name}: keep one")
            if found:
                return found[0]
        raise CCCError(f"{self.folder}: no coloured picture for {name}")

    def _colorize(self, rgb: np.ndarray) -> np.ndarray:
        raise CCCError("a method of precomputed pictures finds them by name: use it on files")


def files(weights: Weights = None, folder: str | os.PathLike | None = None) -> list[Path]:
    """Returns no weights; raises CCCError for a missing folder. See `ccc.colorizers.files`."""
    load(folder=folder)
    return []


def load(weights: Weights = None, device: Device = None, folder: str | os.PathLike | None = None) -> Precomputed:
    """Precomputed pictures of `folder`. Raises CCCError if it is None or does not exist."""
    if folder is None:
        raise CCCError(f"method gain: {INFO.note}; give it with the option folder=PATH")
    return Precomputed(folder)
