"""How to train, and one step of it."""

import contextlib
import copy
import dataclasses
import math
import os

import torch

from ccc.augmentation import relit, zoomed
from ccc.codebook import Codebook
from ccc.errors import CCCError
from ccc.loss import BALANCES, REDUCTIONS, ClassBalancedCrossEntropy, rebalancing_weights
from ccc.model import DECODERS, ColorClassifier, start_from
from ccc.optimization import SCHEDULES, RunningMean, learning_rate
from ccc.ranks import Ranks

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


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


class Learner:
    """A network and all that a step changes. The same seed and the same batches give the same steps.

    Raises CCCError as `ColorClassifier` and `start_from`.
    """

    def __init__(self, settings: Settings, codebook: Codebook, ranks: Ranks):
        self.settings, self.ranks = settings, ranks
        torch.set_float32_matmul_precision("high" if settings.tf32 else "highest")
        torch.backends.cudnn.allow_tf32 = settings.tf32
        if settings.deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS asks for
            torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(settings.deterministic)
        torch.manual_seed(settings.seed)
        model = ColorClassifier(codebook.size, settings.encoder, settings.pretrained, settings.decoder)
        if settings.init:
            start_from(model, codebook, settings.init)
        self.model = model.to(ranks.device, memory_format=torch.channels_last)
        self.mean = RunningMean(copy.deepcopy(self.model), settings.ema) if settings.ema else None
        fixed = rebalancing_weights(codebook) if settings.balance == "cic" else None
        self.loss = ClassBalancedCrossEntropy(
            codebook.size, settings.upsilon, settings.phi, settings.reduction, settings.balance, fixed,
            across_ranks=settings.counts == "batch",
        ).to(ranks.device)  # fmt: skip
        groups = [
            {"params": list(self.model.encoder.parameters()), "rate": settings.learning_rate * settings.encoder_rate},
            {"params": list(self.model.decoder.parameters()), "rate": settings.learning_rate},
        ]
        fused = ranks.device.type in ("cpu", "cuda")
        self.optimizer = torch.optim.Adam(
            groups, settings.learning_rate, (settings.beta1, settings.beta2), fused=fused or None
        )
        self.scaler = torch.amp.GradScaler(ranks.device.type, enabled=settings.precision == "float16")
        self.network = ranks.wrapped(self.model)
        self.seen: torch.Tensor | None = None  # classes of the last step, as the loss saw them
        if settings.compile:
            self.network = torch.compile(self.network)

    @property
    def kept(self) -> ColorClassifier:
        """What is validated and kept: the running mean where there is one."""
        return self.mean.network if self.mean else self.model

    def factor(self, step: int) -> float:
        """Factor of the schedule on the learning rate, after `step` steps."""
        return learning_rate(
            step, self.settings.steps, self.settings.schedule, self.settings.warmup, self.settings.cooldown
        )

    def learn(self, step: int, gray: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """One step, the one after `step`. `gray`, `target`: of `Stream.batches`, on the device. Returns the loss."""
        # All that a step draws (zoom, light, dropout) follows from its number: a resumed run draws what it would have.
        torch.manual_seed((self.settings.seed * 1_000_003 + step) * self.ranks.world + self.ranks.rank)
        if self.settings.zoom:
            gray, target = zoomed(gray, target, self.settings.crop or gray.shape[2], self.settings.zoom)
        if self.settings.relight:
            gray = relit(gray, self.settings.relight)
        self.seen = target
        self.network.train()
        precision = PRECISIONS[self.settings.precision]
        narrow = precision != torch.float32
        with torch.autocast(gray.device.type, precision) if narrow else contextlib.nullcontext():
            logits = self.network(gray.to(memory_format=torch.channels_last))
        loss = self.loss(logits, target)
        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * self.factor(step)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        if self.settings.clip:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.mean:
            self.mean.update(self.model, step + 1)
        return loss.detach()

    def finite(self) -> bool:
        """Whether all weights are numbers."""
        return all(bool(value.isfinite().all()) for value in self.model.state_dict().values())

    def state(self) -> dict:
        """Tensors and plain values from which `restore` makes this learner again."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "mean": self.mean.network.state_dict() if self.mean else None,
        }

    def restore(self, state: dict) -> None:
        """Take over a `state` of a learner of the same settings and codebook."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        if self.mean:
            self.mean.network.load_state_dict(state["mean"])
