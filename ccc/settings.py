"""How to train: every setting with its default, its choices and its range."""

import dataclasses
import math

from ccc.core.errors import CCCError

DECODERS = ("plain", "skip")
BALANCES = ("cbce", "inverse", "none", "cic")
REDUCTIONS = ("mean", "sum", "pixel_mean")
SCHEDULES = ("constant", "cosine", "cooldown")
PRECISIONS = ("float32", "bfloat16", "float16")


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to train. The defaults are the paper's (Implementation Set Up, Table II), except `steps`, which it omits."""

    encoder: str = "densenet121"
    pretrained: bool | str = False
    decoder: str = "plain"
    init: bool | str = False  # start from a trained model: a path, True for the one that comes with ccc
    batch_size: int = 64  # pictures a step, over all ranks
    learning_rate: float = 1e-3
    beta1: float = 0.5
    beta2: float = 0.999
    encoder_rate: float = 1.0  # factor on the encoder's learning rate
    schedule: str = "constant"
    warmup: int = 0  # steps
    cooldown: float = 0.3  # share of the steps
    clip: float = 0.0  # largest norm of the gradient; 0: any
    ema: float = 0.0  # decay of the running mean of the weights, which is then what is kept; 0: none
    balance: str = "cbce"
    counts: str = "batch"  # classes are counted over the batch of all ranks, or each "rank" counts its own
    upsilon: float = 0.5
    phi: float | None = None  # 1 / number of classes
    reduction: str = "mean"
    crop: int | None = None  # side of the training crop in pixels, a multiple of 32; None: the whole picture
    zoom: float = 0.0  # crops show a square of at least this share of the picture's side, at `crop`'s size; 0: as it is
    relight: float = 0.0  # lightness to a power of 2^-relight to 2^relight; 0: as it is
    flip: bool = True
    precision: str = "float32"  # of the network's arithmetic; weights and loss are float32
    sync_batchnorm: bool = False  # normalize over the batch of all ranks, not each rank over its own share
    tf32: bool = True  # on CUDA, multiply float32 with 10 bits of mantissa
    compile: bool = False
    deterministic: bool = False
    steps: int = 1000
    validate_every: int = 100
    save_every: int = 100
    keep: int = 2  # states
    validation_batches: int = 8
    select: str = "last"  # the model that is kept: the last, or the "best", of the least validation loss
    seed: int = 0

    def check(self) -> None:
        """Raise CCCError, naming the setting, where one is not among its choices or out of its range."""
        choices = {
            "decoder": DECODERS,
            "schedule": SCHEDULES,
            "balance": BALANCES,
            "counts": ("batch", "rank"),
            "reduction": REDUCTIONS,
            "precision": PRECISIONS,
            "select": ("last", "best"),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise CCCError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        if self.crop is not None and (self.crop < 32 or self.crop % 32):
            raise CCCError(f"crop must be a multiple of 32, got {self.crop}")
        for name in ("batch_size", "steps", "validate_every", "save_every", "keep", "validation_batches"):
            if getattr(self, name) < 1:
                raise CCCError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("learning_rate", "upsilon", "phi", "cooldown"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise CCCError(f"{name} must be above 0, got {getattr(self, name)}")
        most = {"zoom": 1, "relight": 2, "upsilon": 1, "cooldown": 1, "encoder_rate": math.inf, "clip": math.inf}
        for name, high in most.items():
            if not 0 <= getattr(self, name) <= high:
                raise CCCError(f"{name} must lie in 0 to {high}, got {getattr(self, name)}")
        for name in ("beta1", "beta2", "ema"):
            if not 0 <= getattr(self, name) < 1:
                raise CCCError(f"{name} must be at least 0 and below 1, got {getattr(self, name)}")
        if self.pretrained and self.init:
            raise CCCError("give pretrained or init, not both: a trained model brings its own encoder")

    def fixed(self) -> dict:
        """The settings that a saved state depends on: all but length and pace, which may change on resumption."""
        free = ("steps", "validate_every", "save_every", "keep", "validation_batches")
        return {key: value for key, value in dataclasses.asdict(self).items() if key not in free}
