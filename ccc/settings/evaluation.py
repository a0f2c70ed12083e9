"""Benchmark sets, their evaluation and report."""

from typing import Annotated, Literal

import pydantic

from ccc.settings.base import Section, UserPath, setting
from ccc.settings.data import SOURCE

Count = Annotated[int, pydantic.Field(ge=1)]
Side = Annotated[int, pydantic.Field(ge=8)] | Literal["keep"]
SIDE = setting(256, "short side in pixels at which pictures are colorized and evaluated, or `keep`")


Protocol = Literal["keep_aspect", "center_crop", "squash"]


class Benchmark(Section):
    """A benchmark set."""

    source: UserPath = setting(
        ..., f"{SOURCE}, of which the official split is used (`./coco` is a folder of that name)"
    )
    n: Count | Literal["all"] = setting(50, "number of pictures, or `all`")
    pick: Literal["random", "first"] = setting("random", "choice of the `n` pictures: at random, or the first by name")
    seed: int = setting(0, "seed of the random choice", ge=0, le=2**32 - 1)
    protocol: Protocol = setting(
        "keep_aspect",
        "how a picture is resized to `side`: `keep_aspect` scales its short side, `center_crop` crops the central "
        "square, `squash` changes its aspect; the benchmark's name must contain the last two, so that tables show them",
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
    ) = setting(None, "its column in the paper's tables or, the last four, in DDColor's; null: none")
    caution: str | None = setting(
        None, "note on its numbers, such as other pictures than the paper's; differences to the paper are then left out"
    )


class Preparation(Benchmark):
    """A benchmark set, and the size of its pictures."""

    side: Side = SIDE


class Showcase(Section):
    """The pictures of Table III."""

    enabled: bool = setting(True, "make Table III")
    pictures: list[str] = setting([], "pictures as BENCHMARK/PICTURE; empty for eight, from the benchmarks in turn")


class Weights(Section):
    """Weight files of metrics; null: those that `ccc weights` keeps."""

    alexnet: UserPath | None = setting(None, "backbone of LPIPS-alex")
    vgg16: UserPath | None = setting(None, "backbone of LPIPS-vgg, classifier of top1_vgg16")
    inception_fid: UserPath | None = setting(None, "Inception of FID and KID")
    inception_torchvision: UserPath | None = setting(None, "Inception of fid_2048_torchvision")
    mobilenet_v2: UserPath | None = setting(None, "classifier of top1_mobilenet_v2")


class Report(Section):
    """The HTML report."""

    pictures: int = setting(50, "number of pictures shown of each benchmark, the first by name", ge=1)
    interval: Literal["bca", "bootstrap-t"] = setting(
        "bca",
        "95% confidence intervals of means: `bca`, as in published tables, or `bootstrap-t`, wider, with better "
        "coverage for skewed values such as CNR; needs ten pictures",
    )
