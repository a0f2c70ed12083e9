"""Segmenters of scikit-image: stand-ins for Segment Anything on a machine without its checkpoint, named as such."""

import numpy as np
from skimage import segmentation

from ccc.segment.base import Segmenter
from ccc.segment.rle import from_labels
from ccc.settings.segmenter import parameters_of


class Regions(Segmenter):
    """Regions without overlap, of which every pixel is in one; no scores. Its parameters: see `ccc.settings.segmenter`.

    `name`: "felzenszwalb", graph-based regions (Felzenszwalb and Huttenlocher, Efficient graph-based image
    segmentation, IJCV 2004), or "slic", superpixels (Achanta et al., SLIC superpixels, TPAMI 2012), by scikit-image.
    """

    stand_in = True

    def __init__(self, name: str, **parameters):
        super().__init__(name, parameters_of(name, parameters).model_dump())

    def _segment(self, gray: np.ndarray, name: str | None) -> list[dict]:
        if self.name == "slic":
            return from_labels(segmentation.slic(gray, **self.parameters, channel_axis=None, start_label=1))
        return from_labels(segmentation.felzenszwalb(gray, **self.parameters))
