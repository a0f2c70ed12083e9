"""Choice of the segmenter for Algorithm 1, and the parameters of each."""

from collections.abc import Mapping
from typing import Any, Literal, Self, get_args

import pydantic

from ccc.core.errors import CCCError, first_line
from ccc.settings.base import Section, UserPath, dotted, setting


class SamParameters(Section):
    """Parameters of SamAutomaticMaskGenerator, with the library's defaults."""

    points_per_side: int = setting(32, "SAM: point prompts along each side", ge=1)
    points_per_batch: int = setting(64, "SAM: prompts per batch; halved when GPU memory runs out", ge=1)
    pred_iou_thresh: float = setting(0.88, "SAM: least predicted IoU of a mask", ge=0)
    stability_score_thresh: float = setting(
        0.95, "SAM: least stability score of a mask, its IoU under a shifted cutoff", ge=0
    )
    stability_score_offset: float = setting(1.0, "SAM: shift of that cutoff", ge=0)
    box_nms_thresh: float = setting(
        0.7, "SAM: IoU of boxes above which non-maximum suppression drops the worse mask", ge=0
    )
    crop_n_layers: int = setting(0, "SAM: additional layers of crops to segment", ge=0)
    crop_nms_thresh: float = setting(0.7, "SAM: the same IoU between crops", ge=0)
    crop_overlap_ratio: float = setting(
        512 / 1500, "SAM: overlap of the first layer of crops as a fraction of the side", ge=0
    )
    crop_n_points_downscale_factor: int = setting(
        1, "SAM: factor by which each layer of crops has fewer points a side", ge=1
    )
    min_mask_region_area: int = setting(0, "SAM: islands and holes of fewer pixels are removed; 0 for none", ge=0)


class FelzenszwalbParameters(Section):
    """Parameters of skimage.segmentation.felzenszwalb."""

    scale: float = setting(200.0, "felzenszwalb: larger values give larger regions", ge=0)
    sigma: float = setting(0.8, "felzenszwalb: standard deviation of the Gaussian smoothing, in pixels", ge=0)
    min_size: int = setting(200, "felzenszwalb: least region size in pixels", ge=0)


class SlicParameters(Section):
    """Parameters of skimage.segmentation.slic."""

    n_segments: int = setting(64, "slic: approximate number of superpixels", ge=1)
    compactness: float = setting(
        0.1, "slic: weight of proximity against colour; larger values give squarer regions", ge=0
    )
    sigma: float = setting(1.0, "slic: standard deviation of the Gaussian smoothing, in pixels", ge=0)


class MasksParameters(Section):
    """Parameters of given masks."""

    background: Literal[0, "none"] = setting(
        0, "masks: background label of a label map, or `none` if every label is a mask"
    )


SAM_MODELS = ("sam_vit_h", "sam_vit_l", "sam_vit_b", "mobile_sam")
Segmenter = Literal["sam_vit_h", "sam_vit_l", "sam_vit_b", "mobile_sam", "felzenszwalb", "slic", "masks"]
SEGMENTERS = get_args(Segmenter)
PARAMETERS = dict.fromkeys(SAM_MODELS, SamParameters) | {
    "felzenszwalb": FelzenszwalbParameters,
    "slic": SlicParameters,
    "masks": MasksParameters,
}


def parameters_of(segmenter: str, given: Mapping) -> Section:
    """A segmenter's parameters: `given` and defaults. Raises CCCError for an unknown or wrong one."""
    return PARAMETERS[segmenter].checked(given, lambda place: dotted((segmenter, *place)))


class SegmenterChoice(Section):
    """Segmenter that computes the masks of Algorithm 1."""

    name: Segmenter = setting(
        "felzenszwalb",
        "a Segment Anything model; felzenszwalb or slic as named stand-ins; masks for given masks",
        paper="sam_vit_h",
    )
    checkpoint: UserPath | None = setting(
        None,
        "weight file of SAM, null: the one that `ccc weights` keeps; for masks: their folder or COCO file, or a "
        "folder with one of these for each dataset",
    )
    parameters: dict[str, Any] = setting({}, "parameters of the segmenter; omitted ones have their defaults")

    @pydantic.model_validator(mode="after")
    def _its_own_parameters(self) -> Self:
        try:
            parameters_of(self.name, self.parameters)
        except CCCError as error:
            raise ValueError(first_line(error)) from None
        return self
