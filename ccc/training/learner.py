"""One step of training."""

import contextlib
import copy
import os

import torch
from torch import nn

from ccc.codebook import Codebook
from ccc.loss import ClassBalancedCrossEntropy, rebalancing_weights
from ccc.model import ColorClassifier, start_from
from ccc.settings.training import PRECISIONS, Recipe
from ccc.training.augmentation import gamma_jitter, random_resized_crop
from ccc.training.distributed import Ranks
from ccc.training.schedule import RunningMean, learning_rate

DTYPES = {name: getattr(torch, name) for name in PRECISIONS}


class Learner:
    """A network and the state that a step changes. Equal seeds and batches give equal steps.

    Raises CCCError as `ColorClassifier` and `start_from`.
    """

    def __init__(self, settings: Recipe, codebook: Codebook, ranks: Ranks):
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
        if settings.sync_batchnorm and ranks.world > 1:
            nn.SyncBatchNorm.convert_sync_batchnorm(model)  # in place
        self.model = model.to(ranks.device, memory_format=torch.channels_last)  # ty: ignore[no-matching-overload]
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
        self.network = ranks.wrap(self.model)
        self.seen = torch.zeros(0, dtype=torch.int64, device=ranks.device)  # classes in the last step's loss
        if settings.compile:
            self.network = torch.compile(self.network)

    @property
    def kept(self) -> ColorClassifier:
        """The network that is validated and saved: the running mean where there is one."""
        return self.mean.network if self.mean else self.model

    def factor(self, step: int, steps: int | None = None) -> float:
        """Factor of the schedule on the learning rate after `step` of `steps` steps; None for those of the settings."""
        chosen = self.settings
        return learning_rate(step, steps or chosen.steps, chosen.schedule, chosen.warmup, chosen.cooldown)

    def learn(self, step: int, gray: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """One step, the one after `step`. `gray`, `target`: of `Stream.batches`, on the device. Returns the loss."""
        # The step's number seeds its random draws (crops, gamma, dropout), so that a resumed run repeats them.
        torch.manual_seed((self.settings.seed * 1_000_003 + step) * self.ranks.world + self.ranks.rank)
        if least := self.settings.random_resized_crop:
            gray, target = random_resized_crop(gray, target, self.settings.crop or gray.shape[2], least)
        if self.settings.gamma_jitter:
            gray = gamma_jitter(gray, self.settings.gamma_jitter)
        self.seen = target
        self.model.train()
        precision = DTYPES[self.settings.precision]
        narrow = precision != torch.float32
        with torch.autocast(gray.device.type, precision) if narrow else contextlib.nullcontext():
            logits = self.network(gray.to(memory_format=torch.channels_last))
        loss = self.loss(logits, target)
        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * self.factor(step)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        if self.settings.gradient_clipping:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.gradient_clipping)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.mean:
            self.mean.update(self.model, step + 1)
        return loss.detach()

    def finite(self) -> bool:
        """Whether all weights and running statistics are finite."""
        return all(bool(value.isfinite().all()) for value in self.model.state_dict().values())

    def state(self) -> dict:
        """Tensors and plain values from which `restore` restores this learner."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "mean": self.mean.network.state_dict() if self.mean else None,
        }

    def restore(self, state: dict) -> None:
        """Load the `state` of a learner of the same settings and codebook."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        if self.mean:
            self.mean.network.load_state_dict(state["mean"])
