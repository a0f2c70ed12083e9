"""Class-balanced cross-entropy (Eq. 13-16)."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def class_weights(counts, upsilon: float = 0.5, phi: float | None = None):
    """Weight of each class from how often it appears in a batch (Eq. 15): max / (N_c * upsilon + max * phi).

    `counts`: non-negative `(n,)`, NumPy array or torch tensor; `upsilon`: trade-off in (0, 1]; `phi`: None for
    1 / n. Returns float32 `(n,)` of the same kind: the commonest class weighs 1 / (upsilon + phi), an absent one
    1 / phi. Raises ValueError where nothing was counted or `upsilon` or `phi` is out of range.
    """
    phi = 1 / len(counts) if phi is None else phi
    if not 0 < upsilon <= 1 or phi <= 0:
        raise ValueError(f"upsilon must lie in (0, 1] and phi be positive, got {upsilon} and {phi}")
    if isinstance(counts, np.ndarray):
        if counts.max() <= 0:
            raise ValueError("counts are all zero: no class appears")
        commonest = np.float32(counts.max())
        return (commonest / (counts.astype(np.float32) * np.float32(upsilon) + commonest * np.float32(phi))).astype(
            np.float32
        )
    counts = counts.float()
    commonest = counts.max().clamp_min(1)
    return commonest / (counts * upsilon + commonest * phi)


class ClassBalancedCrossEntropy(nn.Module):
    """Cross-entropy whose class weights follow from each batch (Eq. 16, Table II).

    `n_classes`: size of the codebook; `upsilon`, `phi`: see `class_weights`; `reduction`: "mean" divides by the sum of
    the targets' weights, as torch's weighted mean does; "sum" is Eq. 16 as printed; "pixel_mean" divides the sum by
    the number of pixels. The paper does not say which; they differ by a factor that changes from batch to batch.
    """

    def __init__(self, n_classes: int, upsilon: float = 0.5, phi: float | None = None, reduction: str = "mean"):
        super().__init__()
        if reduction not in ("mean", "sum", "pixel_mean"):
            raise ValueError(f'reduction must be "mean", "sum" or "pixel_mean", got {reduction!r}')
        class_weights(np.ones(n_classes), upsilon, phi)  # refuses wrong factors now rather than at the first batch
        self.n_classes, self.upsilon, self.phi, self.reduction = n_classes, upsilon, phi, reduction

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Loss of float logits `(N, n_classes, H, W)` against int64 classes `(N, H, W)` in [0, n_classes): a scalar."""
        counts = torch.bincount(target.reshape(-1), minlength=self.n_classes)
        weights = class_weights(counts, self.upsilon, self.phi)
        if self.reduction == "mean":
            return functional.cross_entropy(logits.float(), target, weight=weights)
        total = functional.cross_entropy(logits.float(), target, weight=weights, reduction="sum")
        return total if self.reduction == "sum" else total / target.numel()
