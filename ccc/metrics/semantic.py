"""Top-1 accuracy of a classifier on ImageNet's classes."""

import csv
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ccc.core.errors import CCCError, few
from ccc.core.files import regular
from ccc.core.images import read_rgb
from ccc.metrics.folders import Match

CLASSIFIERS = ("mobilenet_v2", "vgg16")  # of torchvision, by their names in `ccc weights`
LABELS = "labels.csv"  # beside the folder of the truth
WNID = re.compile(r"(?<![A-Za-z0-9])n\d{8}(?!\d)")  # WordNet's identifier of a class: n01440764


def accuracy(predicted: np.ndarray, true: np.ndarray) -> float:
    """Share of pictures whose class is the true one; integers `(N,)` twice, N at least 1; 0 to 1."""
    return float((predicted == true).mean())


def accuracy_interval(predicted: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """95% interval of `accuracy`: (low, high). Source: Wilson 1927, by SciPy."""
    from scipy.stats import binomtest

    found = binomtest(int((predicted == true).sum()), len(true)).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def gather(
    metrics: Sequence, matches: Sequence[Match], weights: Path, kept: str | os.PathLike | None, progress: Callable
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The classifier's class of each picture and the true one, int64 `(N,)` twice, by the name of the metric.

    `top1_NAME` looks at the predictions, `top1_NAME_truth` at the truths, `top1_NAME_gray` at their gray versions, each
    through the classifier NAME's own resizing and cropping; `weights`: the file of NAME. Raises CCCError for pictures
    whose class is not known, for `kept`, which is for other metrics, and for a file that is not the classifier's.
    """
    if kept is not None:
        raise CCCError(f"{kept}: features of Inception serve no {metrics[0].name}; leave out --features")
    name = metrics[0].needs
    true = np.array(true_classes(matches))
    classify = classifier(name, weights)
    found = {}
    for metric in metrics:
        shown = PICTURES[metric.name.removeprefix(f"top1_{name}")]
        found[metric.name] = np.array([classify(shown(match)) for match in progress(matches)]), true
    return found


def _gray(match: Match) -> np.ndarray:
    from ccc.color import gray_of

    return np.repeat(gray_of(read_rgb(match.truth))[..., None], 3, axis=2)


# By the suffix of the metric's name: from a match to uint8 RGB `(H, W, 3)`.
PICTURES = {
    "": lambda match: read_rgb(match.prediction),
    "_truth": lambda match: read_rgb(match.truth),
    "_gray": _gray,
}


def classifier(name: str, path: str | os.PathLike) -> Callable[[np.ndarray], int]:
    """From uint8 RGB `(H, W, 3)` to the class in [0, 1000) that torchvision's network `name` finds most likely.

    Pictures are scaled and cropped as torchvision does for this network. Raises CCCError for another file.
    """
    import torch

    import ccc.core.torchvision_ops  # noqa: F401  before torchvision
    from ccc.assets import weights as weight_files

    from torchvision import models  # isort: skip
    from torchvision.transforms.functional import to_pil_image  # isort: skip

    network = models.get_model(name, weights=None)
    weight_files.load_state_dict(path, network)
    network.eval()
    prepare = models.get_model_weights(name)["IMAGENET1K_V1"].transforms()

    def classify(image: np.ndarray) -> int:
        with torch.inference_mode():
            return int(network(prepare(to_pil_image(image))[None]).argmax())

    return classify


def true_classes(matches: Sequence[Match]) -> list[int]:
    """The class of each picture in [0, 1000): its name's, else that of its line in `labels.csv`, else its source's.

    `labels.csv` lies beside the folder of the truth and has lines of a name and a wnid, as Kaggle's
    LOC_val_solution.csv; the source is that of the manifest of `ccc prepare`, where a folder may be called by its wnid.
    Raises CCCError for pictures without a known class, and for a class that is not ImageNet's.
    """
    import ccc.core.torchvision_ops  # noqa: F401  before timm

    from timm.data import ImageNetInfo  # isort: skip

    folder = matches[0].truth.parents[matches[0].name.count("/") + 1]
    labels, sources = _labels(folder / LABELS), _sources(folder / "manifest.csv")
    found = {match.name: _wnid(match.name) for match in matches}
    for known in (labels, sources):
        found |= {name: _wnid(known.get(Path(name).name, "")) for name, wnid in found.items() if not wnid}
    if unknown := [name for name, wnid in found.items() if not wnid]:
        raise CCCError(
            f"no class is known of {len(unknown)} of {len(found)} pictures, {few(unknown)}: put a wnid such as "
            f"n01440764 into their names, or lines of a name and a wnid into {folder / LABELS}"
        )
    numbers = {wnid: number for number, wnid in enumerate(ImageNetInfo().label_names())}
    if strange := sorted(set(found.values()) - set(numbers)):
        raise CCCError(f"{folder}: none of ImageNet's 1,000 classes: {few(strange)}")
    return [numbers[found[match.name]] for match in matches]


def _wnid(text: str) -> str:
    """The first wnid in a text; "" without one."""
    return found[0] if (found := WNID.search(text)) else ""


def _labels(path: Path) -> Mapping[str, str]:
    """The rest of each line after the name, by the name without suffix; {} without a file."""
    if not path.is_file():
        return {}
    lines = regular(path).read_text(encoding="utf-8", errors="replace").splitlines()
    parts = (re.split(r"[,;\s]+", line.strip(), maxsplit=1) for line in lines)
    return {Path(name).stem: rest[0] for name, *rest in parts if rest}


def _sources(path: Path) -> Mapping[str, str]:
    if not path.is_file():
        return {}
    with open(path, encoding="utf-8", newline="", errors="replace") as file:
        return {row.get("name") or "": row.get("source") or "" for row in csv.DictReader(file)}
