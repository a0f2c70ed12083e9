"""Top-1 accuracy of a classifier on ImageNet's classes."""

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from ccc.assets import weights as weight_files
from ccc.color import gray_of
from ccc.core.errors import CCCError, NoValue, few
from ccc.core.files import regular
from ccc.core.images import SUFFIXES, read_rgb
from ccc.metrics.folders import Match, manifest

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
    through the classifier NAME's own resizing and cropping; `weights`: the file of NAME. Raises NoValue for pictures
    whose class is not known, CCCError for `kept`, which is for other metrics, and for a file of another network.
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
    Raises NoValue where none of them gives the class of a picture, CCCError for a class that is not ImageNet's.
    """
    import ccc.core.torchvision_ops  # noqa: F401  before timm

    from timm.data import ImageNetInfo  # isort: skip

    truth = Path(os.path.abspath(matches[0].truth))  # not where a link of it leads
    folder = truth.parents[matches[0].name.count("/") + 1]
    labels = _labels(folder / LABELS)
    sources = {row.get("name") or "": row.get("source") or "" for row in manifest(folder)}
    same_base = Counter(PurePosixPath(match.name).name for match in matches)

    def wnid(name: str) -> str:
        base = PurePosixPath(name).name
        keys = (name, base) if same_base[base] == 1 else (name,)  # a label of a/1 is none of b/1
        written = (known[key] for known in (labels, sources) for key in keys if key in known)
        return first[0] if (first := WNID.search("\n".join((name, *written)))) else ""

    found = {match.name: wnid(match.name) for match in matches}
    if unknown := [name for name, wnid in found.items() if not wnid]:
        raise NoValue(
            f"no class is known of {len(unknown)} of {len(found)} pictures, {few(unknown)}: put a wnid such as "
            f"n01440764 into their names, or lines of a name and a wnid into {folder / LABELS}"
        )
    numbers = {wnid: number for number, wnid in enumerate(ImageNetInfo().label_names())}
    if strange := sorted(set(found.values()) - set(numbers)):
        raise CCCError(f"{folder}: none of ImageNet's 1,000 classes: {few(strange)}")
    return [numbers[found[match.name]] for match in matches]


def _labels(path: Path) -> Mapping[str, str]:
    """What follows the name in each line of a file, by the name without a picture's suffix; empty without the file."""
    if not path.is_file():
        return {}
    lines = regular(path).read_text(encoding="utf-8-sig", errors="replace").splitlines()
    parts = (line.strip().split("," if "," in line else None, maxsplit=1) for line in lines)
    return {_without_suffix(name.strip()): rest[0] for name, *rest in parts if rest}


def _without_suffix(name: str) -> str:
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in SUFFIXES else name
