"""The published methods."""

from typing import Literal

import pydantic

from ccc.settings.base import Section, UserPath, setting

# Of DeOldify, by model: a sixteenth of the side that the network sees.
RENDER_FACTORS = {"artistic": 35, "stable": 35, "video": 21}


class DeOldify(Section):
    """DeOldify"""

    model: Literal["artistic", "stable", "video"] = setting("artistic", "`artistic` is the published default")
    render_factor: int | None = setting(
        None,
        "a sixteenth of the side that the network sees; null for the published 35, or 21 for video",
        ge=2,
        le=128,
    )


class DDColor(Section):
    """DDColor"""

    model: Literal["paper", "modelscope", "artistic", "tiny"] = setting("paper", "`paper` has the published figures")
    input_size: Literal[256, 512] = setting(
        512, "side that the network sees: 512, the published demo's, or 256, the paper's evaluation"
    )


class Su(Section):
    """InstColorization"""

    boxes: UserPath | None = setting(
        None,
        "folder with boxes for each benchmark, BENCHMARK/PICTURE.npz or .json; null to colour without instances",
    )
    most_boxes: int = setting(8, "the best-scored that are used, -1 for all", ge=-1)
    detector: Literal["maskrcnn_r50"] | None = setting(
        None, "`maskrcnn_r50` to find boxes with torchvision's Mask R-CNN, which is not the published detector"
    )


class Iizuka(Section):
    """Let there be Color!"""

    model: Literal["places", "imagenet"] = setting("places", "what it was trained on")


class Gain(Section):
    """DL-Net, whose pictures must come from elsewhere."""

    folder: UserPath | None = setting(
        None, "folder with its pictures, BENCHMARK/PICTURE.png; null leaves the method out"
    )


class Baselines(Section):
    """The published methods; those without a part here have nothing to choose."""

    deoldify: DeOldify = pydantic.Field(default_factory=DeOldify)
    ddcolor: DDColor = pydantic.Field(default_factory=DDColor)
    su: Su = pydantic.Field(default_factory=Su)
    iizuka: Iizuka = pydantic.Field(default_factory=Iizuka)
    gain: Gain = pydantic.Field(default_factory=Gain)
