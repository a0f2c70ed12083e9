"""Instance-aware Image Colorization (Su, Chu, Huang 2020): fused whole-picture and instance networks.

Boxes are read from files of any detector: the published one (Mask R-CNN X101 of Detectron2) needs its own environment.
"""

import io
import os
import re
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from ccc.assets import weights as weight_files
from ccc.color import resize_ab, rgb_to_lab, with_ab
from ccc.colorizers import _detect
from ccc.colorizers._boxes import crop, fitting, read_boxes
from ccc.colorizers._fusion import Fusion, Instance, Whole
from ccc.colorizers.base import Colorizer, Device, MethodInfo, Weights, checked, memory_reported
from ccc.core.errors import CCCError, MissingWeights
from ccc.core.stored import reading
from ccc.settings import baselines

DEFAULTS = baselines.Su()

INFO = MethodInfo(
    name="su",
    title="Su et al.",
    paper="Su, Chu, Huang: Instance-aware Image Colorization, CVPR 2020",
    licence="MIT (weights too)",
    parameters=103_644_885,
    weights=("su",),
    note="without a file of boxes every picture takes the published path for pictures without instances; "
    "ab comes at 256x256 and is brought to the picture's size, where the published code stops at 256x256",
)

# Layers that MMagic stores directly, the published networks as the first of a Sequential.
_SINGLE = re.compile(r"^(model\d+up|model\dshort\d+|model_class)\.(weight|bias)$")
PARTS = ("G", "GF", "GComp")  # instance, fusion, whole picture: names of the published files
SIZE = 256


class Su(Colorizer):
    """`network`: a ModuleDict of `PARTS`; `boxes`: see `load`; `most`: the best-scored boxes used, -1 for all."""

    def __init__(
        self,
        network: nn.ModuleDict,
        device: Device = None,
        boxes: str | os.PathLike | None = None,
        most: int = DEFAULTS.most_boxes,
        detector: _detect.Detector | None = None,
    ):
        super().__init__(network, device)
        self.boxes, self.most, self.detector = boxes, most, detector
        self.by_name = boxes is not None
        self.title = f"{INFO.title} ({_detect.TITLE})" if detector else INFO.title

    def colorize_named(self, name: str, image: np.ndarray) -> np.ndarray:
        return self.colorize(image) if self.boxes is None else self.colorize_with(image, read_boxes(self.boxes, name))

    def colorize_with(self, image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Colour a picture with given boxes, `(N, 4)` as of `read_boxes`; see `colorize`."""
        rgb = checked(image)
        with memory_reported(rgb):
            return self._fused(rgb, boxes)

    def _colorize(self, rgb: np.ndarray) -> np.ndarray:
        if self.detector is not None:
            return self._fused(rgb, self.detector.boxes(rgb))
        return self._fused(rgb, np.zeros((0, 4)) if self.boxes is None else read_boxes(self.boxes))

    def _colorize_batch(self, images: list[np.ndarray]) -> list[np.ndarray]:
        if self.detector is not None or self.boxes is not None:
            return super()._colorize_batch(images)
        with torch.inference_mode():
            predicted = self.network["GComp"](torch.cat([self._input(image) for image in images])).float().cpu()
        return [_output(image, ab) for image, ab in zip(images, predicted, strict=True)]

    @torch.inference_mode()
    def _fused(self, rgb: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        height, width = rgb.shape[:2]
        boxes = fitting(boxes, width, height)
        boxes = boxes[len(boxes) - min(self.most, len(boxes)) :] if self.most >= 0 else boxes
        whole = self._input(rgb)
        if len(boxes) == 0:
            ab = self.network["GComp"](whole)
        else:
            crops = torch.cat([self._input(crop(rgb, box)) for box in boxes])
            ab = self.network["GF"](whole, self.network["G"](crops), boxes, width, height)
        return _output(rgb, ab[0].float().cpu())

    def _input(self, rgb: np.ndarray) -> torch.Tensor:
        square = np.asarray(Image.fromarray(rgb).resize((SIZE, SIZE), Image.Resampling.BILINEAR))
        gray = (torch.from_numpy(rgb_to_lab(square)[..., 0]) - 50) / 100
        hints, mask = torch.zeros(2, SIZE, SIZE), torch.full((1, SIZE, SIZE), -0.5)  # trained with a centred mask
        return torch.cat([gray[None], hints, mask])[None].to(self.device)


def _output(rgb: np.ndarray, ab: torch.Tensor) -> np.ndarray:
    return with_ab(rgb, resize_ab(110 * ab.permute(1, 2, 0).numpy(), *rgb.shape[:2]))


def network() -> nn.ModuleDict:
    """The three untrained networks."""
    return nn.ModuleDict({"G": Instance(), "GF": Fusion(), "GComp": Whole()})


def files(
    weights: Weights = None, boxes: str | os.PathLike | None = None, detector: str | None = None, **options
) -> list[Path]:
    """The files that `load` reads: one, or three in the order of PARTS, then the detector's."""
    if boxes is not None and not Path(boxes).exists():
        raise CCCError(f"{boxes}: no such file or folder of boxes")
    if detector is not None:
        if boxes is not None:
            raise CCCError(f"su takes boxes, or the detector {_detect.NAME}, got boxes={boxes}, detector={detector}")
        return [*files(weights), weight_files.locate(_detect.NAME)]
    at_hand = [name for name in ("su", "su_mmagic") if weight_files.find(name)]
    path = weight_files.locate(at_hand[0] if at_hand else "su", weights)
    if path.is_dir():
        members = [str(file) for file in path.rglob("*.pth")]
        return [Path(_published(members, key, path)) for key in PARTS]
    return [path]


def _read(weights: Weights) -> dict[str, tuple[str, dict]]:
    """State dicts of G, GF and GComp, each with its file's name."""
    found = files(weights)
    if len(found) == len(PARTS):
        return {key: (str(path), weight_files.read_state_dict(path)) for key, path in zip(PARTS, found, strict=True)}
    (path,) = found
    if path.suffix == ".zip":
        return _read_archive(path)
    # MMagic's single file holds the three networks under prefixes.
    state = weight_files.read_state_dict(path, unwrap=("state_dict",))
    prefixes = {"G": "instance_model.", "GF": "fusion_model.", "GComp": "image_model."}
    if not any(key.startswith(tuple(prefixes.values())) for key in state):
        raise CCCError(f"{path}: holds no {', '.join(prefixes.values())}: give the published archive or its folder")
    return {
        key: (
            f"{path} ({prefix})",
            {_SINGLE.sub(r"\1.0.\2", k.removeprefix(prefix)): v for k, v in state.items() if k.startswith(prefix)},
        )
        for key, prefix in prefixes.items()
    }


def _published(members: list[str], key: str, where: Path) -> str:
    """The file of a network in the published archive or its folder."""
    found = sorted(name for name in members if name.endswith(f"latest_net_{key}.pth"))
    if not found:
        raise MissingWeights(f"no weights: latest_net_{key}.pth is not in {where}; see `ccc weights fetch su`")
    return next((name for name in found if "coco_finetuned_mask_256_ffs" in name), found[0])


def _read_archive(path: Path) -> dict[str, tuple[str, dict]]:
    states = {}
    errors = zipfile.BadZipFile, OSError
    with reading(path, "truncated or not an archive", "fetch it again", *errors), zipfile.ZipFile(path) as archive:
        members = list(weight_files.bounded_members(archive))
        for key in PARTS:
            member = _published(members, key, path)
            content = io.BytesIO(archive.read(member))
            states[key] = (f"{path}/{member}", weight_files.read_state_dict(f"{path}/{member}", file=content))
    return states


def load(
    weights: Weights = None,
    device: Device = None,
    boxes: str | os.PathLike | None = DEFAULTS.boxes,
    most_boxes: int = DEFAULTS.most_boxes,
    detector: str | None = DEFAULTS.detector,
) -> Su:
    """Su 2020 with its published weights.

    `weights`: the published archive, its folder, or MMagic's single file; `boxes`: file or folder of boxes, see
    `read_boxes`, or None to colour every picture without instances; `most_boxes`: number of best-scored boxes used, -1
    for all; `detector`: "maskrcnn_r50" to find boxes with torchvision's Mask R-CNN, which is not the published detector
    and is named in the title. Raises as `ccc.colorizers.load` says.
    """
    files(weights, boxes, detector)
    model = network()
    for key, (path, state) in _read(weights).items():
        # The published GF, unlike G and GComp, was saved from DataParallel.
        state = {name.removeprefix("module."): value for name, value in state.items()}
        weight_files.load_strictly(model[key], state, path)
    return Su(model, device, boxes, most_boxes, None if detector is None else _detect.load(device=device))
