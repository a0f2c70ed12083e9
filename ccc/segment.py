"""Segments of gray pictures: Segment Anything, and named stand-ins for machines without its checkpoint."""

import difflib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ccc import weights
from ccc.errors import CCCError, ImageError
from ccc.files import write_json
from ccc.images import SUFFIXES, read_gray

SAM = {"sam_vit_b": "vit_b", "sam_vit_l": "vit_l", "sam_vit_h": "vit_h"}
STAND_INS = ("felzenszwalb", "slic")


def names() -> list[str]:
    """Names of all segmenters."""
    return [*SAM, *STAND_INS]


def encode_mask(mask: np.ndarray, score: float | None = None) -> dict:
    """Boolean `(H, W)` as a COCO record: run-length `segmentation`, `area`, `bbox` as x, y, width, height, `score`."""
    from pycocotools import mask as coco

    packed = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {
        "segmentation": {"size": list(map(int, packed["size"])), "counts": packed["counts"].decode()},
        "area": int(mask.sum()),
        "bbox": [int(value) for value in coco.toBbox(packed)],
        "score": None if score is None else float(score),
    }


def decode_mask(record: dict) -> np.ndarray:
    """The boolean `(H, W)` mask of a COCO record."""
    from pycocotools import mask as coco

    return coco.decode(record["segmentation"]).astype(bool)


class Segmenter:
    """Finds segments. `name`, `parameters` and `checkpoint` (its SHA-256 or None) say how; they are stored with the masks."""

    checkpoint: str | None = None

    def __init__(self, name: str, parameters: dict):
        self.name, self.parameters = name, parameters

    @property
    def stand_in(self) -> bool:
        """Whether it stands in for Segment Anything."""
        return self.name in STAND_INS

    def segment(self, gray: np.ndarray) -> list[dict]:
        """Masks of a gray picture, uint8 `(H, W)`: COCO records (see `encode_mask`), largest first."""
        records = self._segment(gray)
        return sorted(records, key=lambda record: (-record["area"], record["bbox"][1], record["bbox"][0]))

    def _segment(self, gray: np.ndarray) -> list[dict]:
        raise NotImplementedError


class _Labels(Segmenter):
    """A scikit-image segmentation into labelled regions that do not overlap."""

    def _segment(self, gray: np.ndarray) -> list[dict]:
        from skimage import segmentation

        labels = getattr(segmentation, self.name)(gray / 255.0, channel_axis=None, **self.parameters)
        return [encode_mask(labels == label) for label in np.unique(labels)]


class _Sam(Segmenter):
    """Segment Anything's automatic mask generator over the gray picture in three channels."""

    def __init__(self, name: str, parameters: dict, model, checkpoint: str | None):
        from segment_anything import SamAutomaticMaskGenerator

        super().__init__(name, parameters)
        self.checkpoint = checkpoint
        try:
            self.generator = SamAutomaticMaskGenerator(model, **parameters)
        except TypeError as error:
            raise CCCError(f"segmenter {name}: {error}; its parameters are those of SamAutomaticMaskGenerator") from None

    def _segment(self, gray: np.ndarray) -> list[dict]:
        found = self.generator.generate(np.repeat(gray[..., None], 3, axis=-1))
        return [encode_mask(mask["segmentation"], mask["predicted_iou"]) for mask in found]


def load(name: str, checkpoint: str | os.PathLike | None = None, device: str | None = None, **parameters) -> Segmenter:
    """Make a segmenter ready.

    `name`: see `names()`; `checkpoint`: weight file of a SAM, or None to look where weights are kept; `device`: None
    for the best there is; `parameters`: keyword arguments of SamAutomaticMaskGenerator or of the function of
    scikit-image (felzenszwalb's defaults here: scale=200, sigma=0.8, min_size=200). Raises CCCError for an unknown
    name or parameter or a file of another model, MissingWeights where the checkpoint is not at hand.
    """
    if name in STAND_INS:
        if checkpoint:
            raise CCCError(f"segmenter {name} takes no checkpoint: choose one of {', '.join(SAM)}, or leave it out")
        defaults = {"felzenszwalb": {"scale": 200, "sigma": 0.8, "min_size": 200}, "slic": {"n_segments": 60, "compactness": 0.1}}
        segmenter = _Labels(name, defaults[name] | parameters)
        try:
            segmenter.segment(np.zeros((8, 8), np.uint8))
        except TypeError as error:
            raise CCCError(f"segmenter {name}: {error}; its parameters are those of skimage.segmentation.{name}") from None
        return segmenter
    if name not in SAM:
        near = difflib.get_close_matches(name, names(), 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise CCCError(f"no segmenter {name!r}: {hint}there are {', '.join(names())}")
    path = weights.locate(name, checkpoint)
    import ccc._torchvision  # noqa: F401  before segment_anything, which imports torchvision
    from segment_anything import sam_model_registry

    from ccc import devices
    from ccc.files import sha256

    model = sam_model_registry[SAM[name]](checkpoint=None)
    weights.load_strictly(model, weights.read_state_dict(path), path)
    return _Sam(name, parameters, model.eval().to(devices.choose(device)), sha256(path))


def write_masks(path: str | os.PathLike, size: Sequence[int], segmenter: Segmenter, masks: list[dict]) -> None:
    """Write one picture's masks as JSON: COCO records, and what made them; whole or not at all."""
    write_json(
        path,
        {
            "format": "ccc-masks-1",
            "size": list(map(int, size)),
            "segmenter": segmenter.name,
            "parameters": segmenter.parameters,
            "checkpoint": segmenter.checkpoint,
            "masks": masks,
        },
    )


def read_masks(path: str | os.PathLike) -> dict:
    """Read what `write_masks` wrote. Raises CCCError naming the file where it is missing or something else."""
    try:
        value = json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise CCCError(f"{path}: no masks for this picture; make them with `ccc segment`") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CCCError(f"{path}: not a file of masks ({error}); make it again with `ccc segment`") from None
    if not isinstance(value, dict) or value.get("format") != "ccc-masks-1":
        raise CCCError(f"{path}: not a file of masks (format ccc-masks-1); make it with `ccc segment`")
    return value


def segment_folder(
    gray_folder: str | os.PathLike, output: str | os.PathLike, segmenter: Segmenter, progress=iter
) -> tuple[dict[str, int], list[ImageError]]:
    """Write the masks of every picture of a folder as `NAME.json`.

    Masks that are there already, by the same segmenter, parameters and checkpoint, are kept. Returns counts of
    pictures `segmented` and `kept`, and the errors of pictures skipped. Raises CCCError where there are no pictures.
    """
    paths = sorted(path for path in Path(gray_folder).iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise CCCError(f"{gray_folder}: no pictures in it")
    counts, skipped = {"segmented": 0, "kept": 0}, []
    for path in progress(paths):
        target = Path(output) / f"{path.stem}.json"
        if target.exists() and _same(target, segmenter):
            counts["kept"] += 1
            continue
        try:
            gray = read_gray(path)
        except ImageError as error:
            skipped.append(error)
            continue
        write_masks(target, gray.shape, segmenter, segmenter.segment(gray))
        counts["segmented"] += 1
    return counts, skipped


def _same(path: Path, segmenter: Segmenter) -> bool:
    try:
        stored = read_masks(path)
    except CCCError:
        return False
    made_by = (segmenter.name, segmenter.parameters, segmenter.checkpoint)
    return (stored["segmenter"], stored["parameters"], stored["checkpoint"]) == made_by
