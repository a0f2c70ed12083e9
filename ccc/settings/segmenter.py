"""What computes the masks of Algorithm 1, and the parameters of each segmenter."""

from collections.abc import Mapping
from typing import Any, Literal, Self, get_args

import pydantic

from ccc.core.errors import CCCError
from ccc.settings.base import Section, UserPath, dotted, setting


class SamParameters(Section):
    """Those of SamAutomaticMaskGenerator, with the library's defaults."""

    points_per_side: int = setting(32, "SAM: point prompts along each side", ge=1)
    points_per_batch: int = setting(64, "SAM: prompts at once; halved where GPU memory runs out", ge=1)
    pred_iou_thresh: float = setting(0.88, "SAM: least expected overlap of a mask with the truth", ge=0)
    stability_score_thresh: float = setting(0.95, "SAM: least stability of a mask under another cutoff", ge=0)
    stability_score_offset: float = setting(1.0, "SAM: how far that cutoff moves", ge=0)
    box_nms_thresh: float = setting(0.7, "SAM: overlap of boxes from which the worse mask is dropped", ge=0)
    crop_n_layers: int = setting(0, "SAM: layers of crops that are segmented too", ge=0)
    crop_nms_thresh: float = setting(0.7, "SAM: the same overlap between crops", ge=0)
    crop_overlap_ratio: float = setting(512 / 1500, "SAM: how far crops overlap", ge=0)
    crop_n_points_downscale_factor: int = setting(1, "SAM: fewer prompts in each layer of crops", ge=1)
    min_mask_region_area: int = setting(0, "SAM: smaller islands and holes are removed, in pixels", ge=0)


class FelzenszwalbParameters(Section):
    """Of skimage.segmentation.felzenszwalb."""

    scale: float = setting(200.0, "felzenszwalb: larger for larger regions", ge=0)
    sigma: float = setting(0.8, "felzenszwalb: smoothing before, in pixels", ge=0)
    min_size: int = setting(200, "felzenszwalb: fewest pixels of a region", ge=0)


class SlicParameters(Section):
    """Of skimage.segmentation.slic."""

    n_segments: int = setting(64, "slic: about how many superpixels", ge=1)
    compactness: float = setting(0.1, "slic: evenness of shape", ge=0)
    sigma: float = setting(1.0, "slic: smoothing before, in pixels", ge=0)


class MasksParameters(Section):
    """Of given masks."""

    background: Literal[0, "none"] = setting(
        0, "masks: the label of a label map that is no mask, or `none` where every label is one"
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
    """A segmenter's parameters, those not given by default. Raises CCCError for an unknown or wrong one."""

    return PARAMETERS[segmenter].checked(given, lambda place: dotted((segmenter, *place)))


class SegmenterChoice(Section):
    """What computes the masks of Algorithm 1."""

    name: Segmenter = setting(
        "felzenszwalb",
        "a model of Segment Anything; felzenszwalb or slic as named stand-ins; masks for given ones",
        paper="sam_vit_h",
    )
    checkpoint: UserPath | None = setting(
        None,
        "weight file of a SAM, null to look where `ccc weights` keeps it; for masks the folder or COCO file of the "
        "masks, or a folder that holds one for each dataset",
    )
    parameters: dict[str, Any] = setting({}, "the segmenter's own; what is left out has its default")

    @pydantic.model_validator(mode="after")
    def _its_own_parameters(self) -> Self:
        try:
            parameters_of(self.name, self.parameters)
        except CCCError as error:
            raise ValueError(str(error).splitlines()[0]) from None
        return self
