"""Benchmark sets, their evaluation and report."""

from typing import Annotated, Literal

import pydantic

from ccc.settings.base import Section, UserPath, setting
from ccc.settings.data import SOURCE

Count = Annotated[int, pydantic.Field(ge=1)]
Side = Annotated[int, pydantic.Field(ge=8)] | Literal["keep"]
SIDE = setting(256, "short side in pixels at which all is colorized and evaluated, or `keep`")


Protocol = Literal["keep_aspect", "center_crop", "squash"]


class Benchmark(Section):
    """A benchmark set."""

    source: UserPath = setting(..., f"{SOURCE}, whose official part is taken (`./coco` is a folder of that name)")
    n: Count | Literal["all"] = setting(50, "pictures to pick, or `all`")
    pick: Literal["random", "first"] = setting("random", "which `n`: at random, or the first ones by name")
    seed: int = setting(0, "of the random choice")
    protocol: Protocol = setting(
        "keep_aspect",
        "how a picture comes to `side`: `keep_aspect` scales its short side, `center_crop` cuts the middle square, "
        "`squash` changes its aspect; the last two belong into the benchmark's name, which every table shows",
    )
    column: (
        Literal[
            "ADE",
            "Celeba",
            "COCO",
            "Ox. Flower",
            "ImageNet",
            "ImageNet val5k",
            "ImageNet val50k",
            "COCO-Stuff val5k",
            "ADE20K val2k",
        ]
        | None
    ) = setting(None, "its name in the paper's tables, or, of the last four, in those of DDColor; null for none")
    caution: str | None = setting(
        None, "what must be known of its numbers, such as other pictures than the paper's: no difference is formed then"
    )


class Preparation(Benchmark):
    """A benchmark set, and the size of its pictures."""

    side: Side = SIDE


class Showcase(Section):
    """The pictures of Table III."""

    enabled: bool = setting(True, "whether to make Table III")
    pictures: list[str] = setting([], "names as dataset/picture; empty to take eight in turn")


class Weights(Section):
    """Weight files of metrics; null looks where `ccc weights` keeps them."""

    alexnet: UserPath | None = setting(None, "trunk of LPIPS-alex")
    vgg16: UserPath | None = setting(None, "trunk of LPIPS-vgg, classifier of top1_vgg16")
    inception_fid: UserPath | None = setting(None, "Inception of FID and KID")
    inception_torchvision: UserPath | None = setting(None, "Inception of fid_2048_torchvision")
    mobilenet_v2: UserPath | None = setting(None, "classifier of top1_mobilenet_v2")


class Report(Section):
    """The pages."""

    pictures: int = setting(50, "pictures of each benchmark that they show, the first by name", ge=1)
    interval: Literal["bca", "bootstrap-t"] = setting(
        "bca",
        "95% intervals of means: `bca` (as published tables have), or `bootstrap-t`, wider, which holds the mean of "
        "skewed values such as CNR more often, and needs ten pictures",
    )
