"""How the network is trained, and the settings that a model's file carries."""

import json
from collections.abc import Mapping
from typing import Literal, Self, get_args

import pydantic

from ccc.core.errors import CCCError
from ccc.settings.base import Section, UserPath, setting, todays_names
from ccc.settings.decoding import Decoding

# The classifiers of torchvision whose features end at 1/32 of the picture, with maps at 1/4, 1/8 and 1/16 before.
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
    """How to train. The defaults are the paper's (Implementation Set Up, Table II), but where `paper` says otherwise;
    it gives no `steps`."""

    old_names = {"zoom": "random_resized_crop", "relight": "gamma_jitter", "clip": "gradient_clipping"}

    encoder: Encoder = setting(
        "densenet121", "classifier of torchvision with features at 1/32 of the picture, such as resnet50"
    )
    pretrained: bool | UserPath = setting(
        False,
        "start the encoder from a classifier's weights: those of a file, whatever its classes (Places365's too), or "
        "those that `ccc weights` keeps (true)",
    )
    decoder: Decoder = setting("plain", "`plain`, the paper's, or `skip`, which also sees the encoder's finer maps")
    init: bool | UserPath = setting(
        False, "start from a trained model, whose classes may be others: that of a file, or the one of ccc (true)"
    )
    batch_size: int = setting(64, "pictures a step, over all processes that train together", ge=1)
    learning_rate: float = setting(1e-3, "of Adam", gt=0)
    beta1: float = setting(0.5, "of Adam", ge=0, lt=1)
    beta2: float = setting(0.999, "of Adam", ge=0, lt=1)
    encoder_rate: float = setting(1.0, "factor on the encoder's learning rate", ge=0)
    schedule: Schedule = setting(
        "constant", "learning rate `constant`, `cosine`, or `cooldown`: constant and then linear to zero"
    )
    warmup: int = setting(0, "steps over which the learning rate grows", ge=0)
    cooldown: float = setting(0.3, "share of the steps over which the cooldown goes", gt=0, le=1)
    gradient_clipping: float = setting(0.0, "largest norm of the gradient; 0 for any", ge=0)
    ema: float = setting(
        0.0, "decay of the running mean of the weights, which is then kept instead of them; 0 for none", ge=0, lt=1
    )
    balance: Balance = setting(
        "cbce", "class weights: `cbce` (Eq. 15), `inverse`, `none`, or `cic`, the rebalancing of Zhang et al. 2016"
    )
    counts: Literal["batch", "rank"] = setting(
        "batch", "classes are counted over the `batch` of all processes, or by each `rank` in its own part"
    )
    upsilon: float = setting(0.5, "trade-off of Eq. 15", gt=0, le=1)
    phi: float | None = setting(None, "trade-off of Eq. 15; null for 1 / number of classes", gt=0)
    reduction: Reduction = setting(
        "mean", "of the loss over pixels: torch's weighted `mean`, the `sum` as Eq. 16 is printed, or `pixel_mean`"
    )
    crop: int | None = setting(
        None, "side of the training crop in pixels; null for whole pictures", ge=32, multiple_of=32
    )
    random_resized_crop: float = setting(
        0.0,
        "least side of a training crop as a share of the picture's, resized to `crop`, or to the picture's side; "
        "0 for crops as they are",
        ge=0,
        le=1,
    )
    gamma_jitter: float = setting(
        0.0, "lightness to a random power of 2^-x to 2^x, another exposure; 0 for none", ge=0, le=2
    )
    flip: bool = setting(True, "mirror training pictures at random", paper=False)
    precision: Precision = setting("float32", "of the network's arithmetic; weights and loss are float32")
    sync_batchnorm: bool = setting(
        False, "on several GPUs, normalize over the batch of all processes, not each over its own share"
    )
    tf32: bool = setting(True, "on CUDA, multiply float32 with 10 bits of mantissa", paper=False)
    compile: bool = setting(False, "compile the network first, which takes minutes")
    deterministic: bool = setting(False, "only algorithms that give the same bits again, slower on CUDA")
    steps: int = setting(1000, "steps in all", ge=1)
    validate_every: int = setting(100, "steps between validations", ge=1)
    save_every: int = setting(100, "steps between saved states", ge=1)
    keep: int = setting(2, "saved states that are kept", ge=1)
    validation_batches: int = setting(8, "batches a validation looks at", ge=1)
    select: Literal["last", "best"] = setting(
        "last", "the model that is kept: the `last`, or the `best` by validation loss"
    )
    seed: int = setting(0, "of weights and order")

    @pydantic.model_validator(mode="after")
    def _one_start(self) -> Self:
        if self.pretrained and self.init:
            raise ValueError("give pretrained or init, not both: a trained model brings its own encoder")
        return self

    def fixed(self) -> dict:
        """The settings that a saved state depends on: all but length and pace, which may change on resumption."""
        free = {"steps", "validate_every", "save_every", "keep", "validation_batches"}
        return self.model_dump(exclude=free)


class Training(Recipe):
    """The recipe, and what does not change the model."""

    workers: int = setting(0, "processes that read shards; 0 reads in the training process", ge=0)

    def recipe(self) -> Recipe:
        return Recipe(**self.model_dump(include=set(Recipe.model_fields)))


def model_settings(metadata: Mapping[str, str]) -> dict:
    """The settings in a model file's metadata, under today's names.

    Raises KeyError where there are none, ValueError, one line, where they are none that a model is trained with.
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
        raise ValueError(str(error).splitlines()[0]) from None
