"""What computes the masks of Algorithm 1, and the parameters of each segmenter."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

import pydantic

from ccc.core.errors import CCCError
from ccc.settings.base import Section, UserPath, dotted, schema_of, setting


class SamParameters(Section):
    """Those of SamAutomaticMaskGenerator, with the library's defaults."""

    points_per_side: int = setting(32, "point prompts along each side", ge=1)
    points_per_batch: int = setting(64, "prompts at once; halved where GPU memory runs out", ge=1)
    pred_iou_thresh: float = setting(0.88, "least expected overlap of a mask with the truth", ge=0)
    stability_score_thresh: float = setting(0.95, "least stability of a mask under another cutoff", ge=0)
    stability_score_offset: float = setting(1.0, "how far that cutoff moves", ge=0)
    box_nms_thresh: float = setting(0.7, "overlap of boxes from which the worse mask is dropped", ge=0)
    crop_n_layers: int = setting(0, "layers of crops that are segmented too", ge=0)
    crop_nms_thresh: float = setting(0.7, "the same overlap between crops", ge=0)
    crop_overlap_ratio: float = setting(512 / 1500, "how far crops overlap", ge=0)
    crop_n_points_downscale_factor: int = setting(1, "fewer prompts in each layer of crops", ge=1)
    min_mask_region_area: int = setting(0, "smaller islands and holes are removed, in pixels", ge=0)


class FelzenszwalbParameters(Section):
    scale: float = setting(200.0, "larger for larger regions", ge=0)
    sigma: float = setting(0.8, "smoothing before, in pixels", ge=0)
    min_size: int = setting(200, "fewest pixels of a region", ge=0)


class SlicParameters(Section):
    n_segments: int = setting(64, "about how many superpixels", ge=1)
    compactness: float = setting(0.1, "evenness of shape", ge=0)
    sigma: float = setting(1.0, "smoothing before, in pixels", ge=0)


class NoParameters(Section):
    pass


SAM_MODELS = ("sam_vit_h", "sam_vit_l", "sam_vit_b", "mobile_sam")
Segmenter = Literal["sam_vit_h", "sam_vit_l", "sam_vit_b", "mobile_sam", "felzenszwalb", "slic", "masks"]
SEGMENTERS = get_args(Segmenter)
PARAMETERS = dict.fromkeys(SAM_MODELS, SamParameters) | {
    "felzenszwalb": FelzenszwalbParameters,
    "slic": SlicParameters,
    "masks": NoParameters,
}


def parameters_of(segmenter: str, given: Mapping) -> Section:
    """A segmenter's parameters, those not given by default. Raises CCCError for an unknown or wrong one."""

    def name(place: tuple) -> str:
        return ": ".join([segmenter, *filter(None, [dotted(place)])])

    return PARAMETERS[segmenter].checked(dict(given), name)


def _all_parameters() -> dict:
    """JSON schema of the parameters of whatever segmenter, each saying whose it is."""
    found: dict[str, dict] = {}
    for section, owner in {section: name for name, section in PARAMETERS.items()}.items():
        owner = "SAM" if section is SamParameters else owner
        for name, schema in schema_of(section).get("properties", {}).items():
            also = f"{found[name]['description']}; " if name in found else ""
            text = f"{also}{owner}: {schema['description']}, {round(schema['default'], 3)} by default"
            found[name] = {key: value for key, value in schema.items() if key != "default"} | {"description": text}
    return {"type": "object", "additionalProperties": False, "properties": found}


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
    parameters: Annotated[dict[str, Any], pydantic.WithJsonSchema(_all_parameters())] = setting(
        {}, "the segmenter's own; what is left out has its default"
    )

    @pydantic.model_validator(mode="after")
    def _its_own_parameters(self) -> Self:
        try:
            parameters_of(self.name, self.parameters)
        except CCCError as error:
            raise ValueError(str(error).splitlines()[0]) from None
        return self
