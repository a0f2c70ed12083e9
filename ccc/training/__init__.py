"""Training of the CCC network."""

from ccc.training.loop import Interrupted, train

__all__ = ["Interrupted", "train"]
