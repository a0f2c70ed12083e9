"""Training settings, and the settings stored in a model's file."""

import json
from collections.abc import Mapping
from typing import Annotated, Literal, Self, get_args

import pydantic

from ccc.core.errors import CCCError, first_line
from ccc.settings.base import SWITCH, Section, UserPath, setting, todays_names
from ccc.settings.decoding import Decoding

# torchvision classifiers whose features have stride 32, with intermediate maps of strides 4, 8 and 16.
Encoder = Literal[
    "densenet121", "densenet161", "densenet169", "densenet201",
    "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2", "wide_resnet101_2",
    "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d",
    "convnext_tiny", "convnext_small", "convnext_base", "convnext_large",
    "efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "efficientnet_b4",
    "efficientnet_b5", "efficientnet_b6", "efficientnet_b7",
    "efficientnet_v2_s", "efficientnet_v2_m", "efficientnet_v2_l",
    "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large",
    "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn",
]  # fmt: skip
Decoder = Literal["plain", "skip"]
Balance = Literal["cbce", "inverse", "none", "cic"]
Reduction = Literal["mean", "sum", "pixel_mean"]
Schedule = Literal["constant", "cosine", "cooldown"]
Precision = Literal["float32", "bfloat16", "float16"]
DECODERS, BALANCES, REDUCTIONS, PRECISIONS = map(get_args, (Decoder, Balance, Reduction, Precision))


class Recipe(Section):
    """Training settings. Defaults are the paper's (Implementation Set Up, Table II) except where `paper` differs; the
    paper gives no `steps`."""

    old_names = {"zoom": "random_resized_crop", "relight": "gamma_jitter", "clip": "gradient_clipping"}

    encoder: Encoder = setting("densenet121", "torchvision classifier with features of stride 32, such as resnet50")
    pretrained: Annotated[bool | UserPath, SWITCH] = setting(
        False,
        "initialize the encoder with a classifier's weights: those of a file, of any number of classes (such as "
        "Places365's), or those that `ccc weights` keeps (true)",
    )
    decoder: Decoder = setting("plain", "`plain` as in the paper, or `skip`, with skip connections from the encoder")
    init: Annotated[bool | UserPath, SWITCH] = setting(
        False, "start from a trained model, also one of other classes: that of a file, or the one of ccc (true)"
    )
    batch_size: int = setting(64, "pictures per step, summed over all processes", ge=1)
    learning_rate: float = setting(1e-3, "learning rate of Adam", gt=0)
    beta1: float = setting(0.5, "beta1 of Adam", ge=0, lt=1)
    beta2: float = setting(0.999, "beta2 of Adam", ge=0, lt=1)
    encoder_rate: float = setting(1.0, "factor by which the encoder's learning rate is multiplied", ge=0)
    schedule: Schedule = setting(
        "constant", "learning rate schedule: `constant`, `cosine`, or `cooldown`, constant and then linear to zero"
    )
    warmup: int = setting(0, "steps of linear learning rate warm-up", ge=0)
    cooldown: float = setting(0.3, "fraction of the steps that the cooldown takes", gt=0, le=1)
    gradient_clipping: float = setting(0.0, "largest norm of the gradient; 0 for no clipping", ge=0)
    ema: float = setting(
        0.0, "decay of the exponential moving average of the weights, which is then the model; 0 for none", ge=0, lt=1
    )
    balance: Balance = setting(
        "cbce", "class weights: `cbce` (Eq. 15), `inverse`, `none`, or `cic`, as Zhang et al. 2016"
    )
    counts: Literal["batch", "rank"] = setting(
        "batch", "count classes over the whole `batch`, or in each process's part of it (`rank`)"
    )
    upsilon: float = setting(0.5, "trade-off of Eq. 15", gt=0, le=1)
    phi: float | None = setting(None, "trade-off of Eq. 15; null: 1 / number of classes", gt=0)
    reduction: Reduction = setting(
        "mean",
        "reduction of the loss over pixels: torch's weighted `mean`, `sum` as printed in Eq. 16, or `pixel_mean`",
    )
    crop: int | None = setting(None, "side of the training crop in pixels; null: whole pictures", ge=32, multiple_of=32)
    random_resized_crop: float = setting(
        0.0,
        "random resized crop: its least side as a fraction of the picture's; resized to `crop`, else to the picture's "
        "side; 0 for none",
        ge=0,
        le=1,
    )
    gamma_jitter: float = setting(
        0.0, "raise the lightness to a random power from 2^-x to 2^x, as another exposure; 0 for none", ge=0, le=2
    )
    flip: bool = setting(True, "mirror training pictures at random", paper=False)
    precision: Precision = setting("float32", "precision of the network's arithmetic; weights and loss stay float32")
    sync_batchnorm: bool = setting(
        False, "on several GPUs, compute batch statistics over all processes instead of in each"
    )
    tf32: bool = setting(True, "on CUDA, multiply float32 in TF32, with a mantissa of 10 bits", paper=False)
    compile: bool = setting(False, "compile the network with torch.compile, which takes minutes")
    deterministic: bool = setting(False, "use only deterministic algorithms, slower on CUDA")
    steps: int = setting(1000, "number of training steps", ge=1)
    validate_every: int = setting(100, "steps between validations", ge=1)
    save_every: int = setting(100, "steps between checkpoints", ge=1)
    keep: int = setting(2, "number of checkpoints kept", ge=1)
    validation_batches: int = setting(8, "batches per validation", ge=1)
    select: Literal["last", "best"] = setting("last", "model to keep: the `last`, or the `best` by validation loss")
    seed: int = setting(0, "seed of initial weights and data order", ge=0, le=2**32 - 1)

    @pydantic.model_validator(mode="after")
    def _one_start(self) -> Self:
        if self.pretrained and self.init:
            raise ValueError("give pretrained or init, not both: a trained model brings its own encoder")
        return self

    def fixed(self) -> dict:
        """Settings that must be the same on resumption: all but the number of steps and the intervals."""
        free = {"steps", "validate_every", "save_every", "keep", "validation_batches"}
        return self.model_dump(exclude=free)


class Training(Recipe):
    """The recipe, and settings that do not affect the model."""

    workers: int = setting(0, "processes that read shards; 0 reads in the training process", ge=0)

    def recipe(self) -> Recipe:
        return Recipe(**self.model_dump(include=set(Recipe.model_fields)))


def model_settings(metadata: Mapping[str, str]) -> dict:
    """The settings in a model file's metadata, under current names.

    Raises KeyError if there are none, and ValueError, one line, if they are not valid settings.
    """
    try:
        settings = json.loads(metadata["settings"])
        if not isinstance(settings, dict):
            raise ValueError("they are no JSON object")
        settings = todays_names(settings, Recipe, Decoding, warn=lambda line: None)
        for section in (Recipe, Decoding):
            section.checked({name: settings[name] for name in section.model_fields if name in settings})
        if not isinstance(settings.get("trained_on") or "", str) or not isinstance(settings.get("pictures") or 0, int):
            raise ValueError("trained_on and pictures are no words and no number")
        return settings
    except (RecursionError, CCCError) as error:
        raise ValueError(first_line(error)) from None
