"""Fixtures for all tests."""

import os
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def shared():
    """Path of a file in the folder of facts and photographs beside the checkout; the test skips where it is absent."""
    folder = Path(os.environ.get("CCC_SHARED", ROOT.parent / "shared"))

    def find(relative: str) -> Path:
        path = folder / relative
        if not path.exists():
            pytest.skip(f"{relative} is not at hand: set CCC_SHARED to the folder that holds it")
        return path

    return find


@pytest.fixture
def astronaut() -> np.ndarray:
    """A photograph that scikit-image ships: uint8 (512, 512, 3)."""
    from skimage import data

    return data.astronaut()
