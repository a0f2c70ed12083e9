"""The published methods."""

from typing import Literal

import pydantic

from ccc.settings.base import Section, UserPath, setting

# DeOldify's published render factors (input side / 16) by model.
RENDER_FACTORS = {"artistic": 35, "stable": 35, "video": 21}


class DeOldify(Section):
    """DeOldify"""

    model: Literal["artistic", "stable", "video"] = setting("artistic", "`artistic` is the published default")
    render_factor: int | None = setting(
        None, "side of the network's input divided by 16; null: the published 35, or 21 for video", ge=2, le=128
    )


class DDColor(Section):
    """DDColor"""

    model: Literal["paper", "modelscope", "artistic", "tiny"] = setting(
        "paper", "which published weights; `paper` gives the published figures"
    )
    input_size: Literal[256, 512] = setting(
        512, "side of the network's input: 512 as in the published demo, or 256 as in the paper's evaluation"
    )


class Su(Section):
    """InstColorization"""

    boxes: UserPath | None = setting(
        None, "folder of boxes, as BENCHMARK/PICTURE.npz or .json; null: colour without instances"
    )
    most_boxes: int = setting(8, "number of boxes used, by descending score; -1 for all", ge=-1)
    detector: Literal["maskrcnn_r50"] | None = setting(
        None, "`maskrcnn_r50` detects boxes with torchvision's Mask R-CNN, which is not the published detector"
    )


class Iizuka(Section):
    """Let there be Color!"""

    model: Literal["places", "imagenet"] = setting("places", "training set of the weights")


class Gain(Section):
    """DL-Net, of which only finished pictures can be used."""

    folder: UserPath | None = setting(
        None, "folder of its pictures, as BENCHMARK/PICTURE.png; null: without this method"
    )


class Oracle(Section):
    """The oracle, which has no section in the configuration."""

    map_size: int = setting(56, "cells on each side of the map of classes", ge=1, le=4096)
    upsample: Literal["bilinear", "nearest"] = setting("bilinear", "upsampling of the map")


class Baselines(Section):
    """The published methods; a method without a section has no settings."""

    deoldify: DeOldify = pydantic.Field(default_factory=DeOldify)
    ddcolor: DDColor = pydantic.Field(default_factory=DDColor)
    su: Su = pydantic.Field(default_factory=Su)
    iizuka: Iizuka = pydantic.Field(default_factory=Iizuka)
    gain: Gain = pydantic.Field(default_factory=Gain)
