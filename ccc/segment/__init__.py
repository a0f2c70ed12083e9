"""Segmenters by name, and masks on disk: computed once for a picture, used by every method."""

import os

from ccc.core.errors import CCCError, unknown
from ccc.segment.base import Segmenter
from ccc.segment.store import read_masks, segment_folder, write_masks
from ccc.settings.segmenter import SAM_MODELS, SEGMENTERS

__all__ = ["Segmenter", "load", "names", "read_masks", "segment_folder", "write_masks"]


def names() -> list[str]:
    """Names of all segmenters. `felzenszwalb` and `slic` stand in for Segment Anything; `masks` reads given ones."""
    return list(SEGMENTERS)


def load(name: str, checkpoint: str | os.PathLike | None = None, device: str | None = None, **parameters) -> Segmenter:
    """Load a segmenter.

    `checkpoint`: weight file of a SAM, None to look where `ccc weights` keeps it; for the segmenter `masks`, the
    folder or file that it reads; `device`: a torch device or its name, None for the GPU where there is one;
    `parameters`: the segmenter's own, see `ccc.settings.segmenter`. Raises CCCError for an unknown name or parameter
    or a checkpoint that does not fit, MissingWeights where the checkpoint is missing.
    """
    if name not in SEGMENTERS:
        raise unknown("segmenter", name, SEGMENTERS)
    if name in SAM_MODELS:
        from ccc.segment.sam import Sam

        return Sam(name, checkpoint, device, **parameters)
    if name == "masks":
        from ccc.segment.given import Given

        return Given(checkpoint, **parameters)
    from ccc.segment.regions import Regions

    if checkpoint is not None:
        raise CCCError(f"{name} takes no checkpoint, got {checkpoint}")
    return Regions(name, **parameters)
