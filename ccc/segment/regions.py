"""Segmenters of scikit-image: stand-ins for Segment Anything on a machine without its checkpoint, named as such."""

import numpy as np

from ccc.segment.base import Segmenter
from ccc.segment.rle import encode, record
from ccc.settings.segmenter import parameters_of


class Regions(Segmenter):
    """Cuts the picture into regions without overlap; every pixel is in one. No scores."""

    stand_in = True

    def __init__(self, **parameters):
        name = type(self).__name__.lower()
        super().__init__(name, parameters_of(name, parameters).model_dump())

    def _labels(self, gray: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _segment(self, gray, name):
        return label_records(self._labels(gray))


class Felzenszwalb(Regions):
    """Graph-based regions. Its parameters: `ccc.settings.segmenter.FelzenszwalbParameters`.

    Source: Felzenszwalb and Huttenlocher, Efficient graph-based image segmentation, IJCV 2004; skimage.segmentation.
    """

    def _labels(self, gray):
        from skimage.segmentation import felzenszwalb

        return felzenszwalb(gray, **self.parameters)


class Slic(Regions):
    """Superpixels. Its parameters: `ccc.settings.segmenter.SlicParameters`.

    Source: Achanta et al., SLIC superpixels, TPAMI 2012; skimage.segmentation.
    """

    def _labels(self, gray):
        from skimage.segmentation import slic

        return slic(gray, **self.parameters, channel_axis=None, start_label=1)


def label_records(labels: np.ndarray, background: int | None = None) -> list[dict]:
    """COCO records of an integer label map `(H, W)`: one mask a label, but for `background`. No scores."""
    return [record(encode(labels == label)) for label in np.unique(labels) if label != background]
