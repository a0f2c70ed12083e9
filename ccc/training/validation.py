"""Validation: measures, the confusion matrix of classes, and a sheet of pictures."""

import os
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from ccc.codebook import Codebook
from ccc.color import lab_to_rgb, to_uint8
from ccc.core.files import write_csv
from ccc.core.images import write_png
from ccc.data.stream import Stream
from ccc.model import ColorClassifier, class_colors

SHOWN = ("argmax", "annealed")


def major(codebook: Codebook) -> np.ndarray:
    """Returns bool `(size,)`: the classes with more than 1 / size of the cells that the codebook was fitted on."""
    counts = codebook.kept_counts
    return counts > counts.sum() / codebook.size


@torch.no_grad()
def validate(
    model: ColorClassifier, stream: Stream, batches: int, device: torch.device
) -> tuple[dict[str, float], np.ndarray]:
    """Returns measures over the first `batches` and the confusion matrix, int64 `(n, n)`: truth x predicted class.

    `validation_loss`: unweighted cross-entropy; `accuracy` of the likeliest class. `minor_as_major`, `major_as_minor`:
    share of the cells of one kind (see `major`) predicted as the other. `psnr_*` and `cnr_*`, for `argmax` and the
    `annealed` mean, are means over pictures: PSNR in dB of the RGB picture at the input's size, ab upsampled
    bilinearly, against the truth's class centres upsampled alike; CNR on the class map, distinct grid classes divided
    by those of the truth.
    """
    model.eval()
    codebook = stream.codebook
    n = codebook.size
    loss, confusion = 0.0, torch.zeros(n * n, dtype=torch.int64, device=device)
    of_pictures: dict[str, list] = {}
    for number, (gray, target) in enumerate(stream.batches()):
        if number == batches:
            break
        gray, target = gray.to(device), target.to(device)
        logits = model(gray).float()
        loss += float(functional.cross_entropy(logits, target, reduction="sum"))
        confusion += torch.bincount((target * n + logits.argmax(dim=1)).reshape(-1), minlength=n * n)
        true_ab = codebook.decode(target).permute(0, 3, 1, 2)
        true_rgb, true_classes = _pictures(gray, true_ab), codebook.grid.encode(true_ab.movedim(1, -1))
        for decode in SHOWN:
            ab = class_colors(logits, codebook, decode)
            errors = ((_pictures(gray, ab) - true_rgb) ** 2).mean(dim=(1, 2, 3))
            ratios = [
                len(p.unique()) / len(t.unique())
                for p, t in zip(codebook.grid.encode(ab.movedim(1, -1)), true_classes, strict=True)
            ]
            of_pictures.setdefault(f"psnr_{decode}", []).extend((-10 * errors.clamp_min(1e-10).log10()).tolist())
            of_pictures.setdefault(f"cnr_{decode}", []).extend(ratios)
    confused = confusion.reshape(n, n).cpu().numpy()
    cells, is_major = int(confused.sum()), major(codebook)
    crossed = {
        "minor_as_major": confused[~is_major][:, is_major].sum() / max(confused[~is_major].sum(), 1),
        "major_as_minor": confused[is_major][:, ~is_major].sum() / max(confused[is_major].sum(), 1),
    }
    means = {"validation_loss": loss / cells, "accuracy": np.trace(confused) / cells} | crossed
    means |= {name: np.mean(values) for name, values in of_pictures.items()}
    return {name: float(value) for name, value in means.items()}, confused


def _pictures(gray: torch.Tensor, ab: torch.Tensor) -> torch.Tensor:
    """Gray `(N, 1, H, W)` in [0, 1] and ab of any size `(N, 2, h, w)` to RGB `(N, H, W, 3)` in [0, 1]."""
    ab = functional.interpolate(ab, gray.shape[2:], mode="bilinear", align_corners=False)
    return lab_to_rgb(torch.cat([gray * 100, ab], dim=1).permute(0, 2, 3, 1))


@torch.no_grad()
def write_preview(
    path: str | os.PathLike, model: ColorClassifier, stream: Stream, device: torch.device, count: int = 8
) -> None:
    """Write a sheet of the first `count` validation pictures: gray, truth by classes, argmax, annealed mean."""
    model.eval()
    gray, target = next(iter(stream.batches()))
    gray, target = gray[:count], target[:count]
    logits = model(gray.to(device)).float().cpu()
    columns = [
        torch.zeros(len(gray), 2, *target.shape[1:]),
        stream.codebook.decode(target).permute(0, 3, 1, 2),
        *(class_colors(logits, stream.codebook, decode) for decode in SHOWN),
    ]
    rows = [np.concatenate(list(to_uint8(_pictures(gray, ab).numpy())), axis=1) for ab in columns]
    write_png(path, np.concatenate(rows, axis=0))


def write_classes(path: str | os.PathLike, codebook: Codebook, weights: Sequence[float], confusion: np.ndarray) -> None:
    """Write a CSV with one row per class: colour, weight in the last batch, and validation cells.

    `weights`: `(size,)`; `confusion`: of `validate`. Cells: `cells` of this class in the truth, `predicted` as it,
    `right`, and `as_minor`, those of this class predicted as a minor one.
    """
    is_major = major(codebook)
    a, b = np.rint(codebook.centers).astype(int).T
    columns = {
        "class": range(codebook.size), "grid_class": codebook.active, "a": a, "b": b,
        "training_cells": codebook.kept_counts.astype(np.int64),
        "kind": np.where(is_major, "major", "minor"), "weight": [f"{weight:.6g}" for weight in weights],
        "cells": confusion.sum(axis=1), "predicted": confusion.sum(axis=0), "right": confusion.diagonal(),
        "as_minor": confusion[:, ~is_major].sum(axis=1),
    }  # fmt: skip
    write_csv(path, columns)


def write_history(path: str | os.PathLike, history: Sequence[dict]) -> None:
    """Write a CSV with one row per validation: step, epoch, loss, learning_rate and the measures of `validate`."""
    write_csv(path, [{key: f"{value:.6g}" for key, value in row.items()} for row in history])
