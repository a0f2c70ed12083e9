"""Segmenters of scikit-image: stand-ins for Segment Anything on a machine without its checkpoint, named as such."""

import numpy as np

from ccc.segment.base import Segmenter
from ccc.segment.rle import encode, record
from ccc.settings.segmenter import parameters_of


class Regions(Segmenter):
    """Regions without overlap, of which every pixel is in one; no scores. Its parameters: see `ccc.settings.segmenter`.

    `name`: "felzenszwalb", graph-based regions (Felzenszwalb and Huttenlocher, Efficient graph-based image
    segmentation, IJCV 2004), or "slic", superpixels (Achanta et al., SLIC superpixels, TPAMI 2012), by scikit-image.
    """

    stand_in = True

    def __init__(self, name: str, **parameters):
        super().__init__(name, parameters_of(name, parameters).model_dump())

    def _segment(self, gray, name):
        from skimage import segmentation

        if self.name == "slic":
            return label_records(segmentation.slic(gray, **self.parameters, channel_axis=None, start_label=1))
        return label_records(segmentation.felzenszwalb(gray, **self.parameters))


def label_records(labels: np.ndarray, background: int | None = None) -> list[dict]:
    """COCO records of an integer label map `(H, W)`: one mask a label, but for `background`. No scores."""
    return [record(encode(labels == label)) for label in np.unique(labels) if label != background]
