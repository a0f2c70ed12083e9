"""Class-balanced cross-entropy (Eq. 13-16) and the class balancings compared with it."""

import numpy as np
import torch
from torch import distributed, nn
from torch.nn import functional

from ccc.codebook import Codebook
from ccc.color import Array, library_of
from ccc.settings.training import BALANCES, REDUCTIONS, Recipe

RECIPE = Recipe()


def class_weights(counts: Array, upsilon: float = RECIPE.upsilon, phi: float | None = RECIPE.phi) -> Array:
    """Returns the weight of each class from its count in a batch (Eq. 15): max / (N_c * upsilon + max * phi).

    `counts`: non-negative `(n,)`, NumPy array or torch tensor; `upsilon`: trade-off in (0, 1]; `phi`: None for 1 / n.
    Returns float32 `(n,)` of the same library: 1 / (upsilon + phi) for the most frequent class, 1 / phi for an absent
    one. Raises ValueError if an array is all zero or `upsilon` or `phi` is out of range.
    """
    phi = 1 / len(counts) if phi is None else phi
    if not 0 < upsilon <= 1 or phi <= 0:
        raise ValueError(f"upsilon must be in (0, 1] and phi positive, got {upsilon} and {phi}")
    xp = library_of(counts)
    counts = xp.asarray(counts, dtype=xp.float32)
    if xp is np and counts.max() <= 0:  # not checked for tensors: it would synchronize the device
        raise ValueError("counts are all zero: no class appears")
    commonest = counts.max() if xp is np else counts.max().clamp_min(1)
    return commonest / (counts * upsilon + commonest * phi)


def rebalancing_weights(codebook: Codebook, mixture: float = 0.5, sigma: float = 5.0) -> np.ndarray:
    """Returns the weight of each class over the whole data set, float32 `(size,)`, 1 on average over its pixels.

    The class distribution is smoothed over the ab plane by a Gaussian of `sigma` CIELAB units and mixed with a uniform
    one of share `mixture` in (0, 1]; weights are its inverse.
    Source: Zhang, Isola, Efros: Colorful Image Colorization, 2016, Eq. 4.
    """
    counts = codebook.kept_counts
    distance = ((codebook.centers[:, None] - codebook.centers[None]) ** 2).sum(axis=-1)
    spread = np.exp(-distance / (2 * sigma**2))
    share = counts / counts.sum()
    smooth = (spread / spread.sum(axis=0)) @ share
    weights = 1 / ((1 - mixture) * smooth + mixture / codebook.size)
    return (weights / (smooth * weights).sum()).astype(np.float32)


def expected_weights(codebook: Codebook, balance: str, upsilon: float, phi: float | None) -> np.ndarray:
    """Returns the class weights for a batch distributed like the whole data set: float32 `(size,)`."""
    fixed = rebalancing_weights(codebook) if balance == "cic" else None
    loss = ClassBalancedCrossEntropy(codebook.size, upsilon, phi, balance=balance, fixed=fixed)
    return loss.weights(torch.from_numpy(codebook.kept_counts)).numpy()


class ClassBalancedCrossEntropy(nn.Module):
    """Cross-entropy with class weights from the class counts of each batch (Eq. 16, Table II).

    `n_classes`: size of the codebook; `upsilon`, `phi`: see `class_weights`; `reduction`: "mean" divides by the sum of
    the targets' weights, as torch does; "sum" is Eq. 16 as printed; "pixel_mean" divides the sum by the number of
    pixels. The paper does not specify it; the three differ by a factor that varies between batches.

    `balance`: "cbce" is Eq. 15; "inverse" is max / N_c, the paper's starting point; "none" weighs all classes equally;
    "cic" uses `fixed`, float `(n_classes,)` of `rebalancing_weights`. `across_ranks`: count classes over all processes,
    so that averaged gradients equal those of the whole batch.
    """

    fixed: torch.Tensor | None

    def __init__(
        self,
        n_classes: int,
        upsilon: float = RECIPE.upsilon,
        phi: float | None = RECIPE.phi,
        reduction: str = RECIPE.reduction,
        balance: str = RECIPE.balance,
        fixed: np.ndarray | None = None,
        across_ranks: bool = False,
    ):
        super().__init__()
        if reduction not in REDUCTIONS:
            raise ValueError(f"reduction must be one of {', '.join(REDUCTIONS)}, got {reduction!r}")
        if balance not in BALANCES:
            raise ValueError(f"balance must be one of {', '.join(BALANCES)}, got {balance!r}")
        if (balance == "cic") != (fixed is not None):
            raise ValueError("fixed weights belong to the balance cic, and only to it")
        class_weights(np.ones(n_classes), upsilon, phi)  # raises for wrong factors before the first batch
        self.n_classes, self.upsilon, self.phi = n_classes, upsilon, phi
        self.reduction, self.balance, self.across_ranks = reduction, balance, across_ranks
        self.register_buffer("fixed", None if fixed is None else torch.from_numpy(fixed), persistent=False)

    def weights(self, counts: torch.Tensor) -> torch.Tensor:
        """Weight of each class, float32 `(n_classes,)`, for these counts, integer `(n_classes,)`."""
        if self.balance == "cbce":
            return class_weights(counts, self.upsilon, self.phi)
        if self.balance == "inverse":
            return counts.max() / counts.clamp_min(1).float()
        return torch.ones(self.n_classes, device=counts.device) if self.fixed is None else self.fixed

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Loss of float logits `(N, n_classes, H, W)` against int64 classes `(N, H, W)` in [0, n_classes): a scalar."""
        flat = target.flatten()
        counts = torch.zeros(self.n_classes, dtype=torch.int64, device=flat.device)
        counts.scatter_add_(0, flat, torch.ones_like(flat))  # bincount would synchronize a GPU
        world = 1
        if self.across_ranks and distributed.is_initialized():
            world = distributed.get_world_size()
            distributed.all_reduce(counts)
        weights = self.weights(counts)
        cells = logits.float().permute(0, 2, 3, 1).flatten(0, 2)  # no copy where channels come last
        total = functional.cross_entropy(cells, flat, weight=weights, reduction="sum") * world
        if self.reduction == "sum":
            return total
        return total / ((weights * counts).sum() if self.reduction == "mean" else counts.sum())
