"""Instance-aware Image Colorization (Su, Chu, Huang 2020): a whole-picture and an instance network, fused.

Boxes are a contract, not a part of the method here: the published detector (Mask R-CNN X101 of Detectron2) needs an
environment of its own, so boxes are read from files that it, or any other detector, has written.
"""

import io
import json
import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from ccc.assets import weights as weight_files
from ccc.color import resize_ab, rgb_to_lab, with_ab
from ccc.colorizers import _detect
from ccc.colorizers.base import Colorizer, MethodInfo, checked, kept_names, memory_reported
from ccc.colorizers.zhang import Siggraph17
from ccc.core import devices
from ccc.core.errors import CCCError, MissingWeights

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

# Layers that MMagic holds bare where the published networks hold them as the first of a sequence.
_SINGLE = re.compile(r"^(model\d+up|model\dshort\d+|model_class)\.(weight|bias)$")
PARTS = ("G", "GF", "GComp")  # instance, fusion, whole picture: as the published files are called
SIZE = 256
MOST_BOXES = 8  # the best-scored, as in the published test script
# Features in the order of the network: what the weight generator's name ends in, channels.
FUSED = {
    "conv1_2": ("", 64),
    "conv2_2": ("2", 128),
    "conv3_3": ("3", 256),
    "conv4_3": ("4", 512),
    "conv5_3": ("5", 512),
    "conv6_3": ("6", 512),
    "conv7_3": ("7", 512),
    "conv8_up": ("8_1", 256),
    "conv8_3": ("8_2", 256),
    "conv9_up": ("9_1", 128),
    "conv9_3": ("9_2", 128),
    "conv10_up": ("10_1", 128),
    "conv10_2": ("10_2", 128),
}


class Whole(Siggraph17):
    """GComp, for pictures without boxes: `(N, 4, 256, 256)`, see `Siggraph17.trunk`, to ab/110 `(N, 2, 256, 256)`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.trunk(x)[0]


class Instance(Siggraph17):
    """G, for the crops: `(N, 4, 256, 256)` to its 13 features by name, N first."""

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        features = {}

        def keep(name: str, feature: torch.Tensor) -> torch.Tensor:
            # The published network opens model8, 9 and 10 with ReLUs in place: what it hands on of these sums is
            # after the ReLU, although the whole picture's are fused before it.
            features[name] = functional.relu(feature) if name.endswith("_up") else feature
            return feature

        self.trunk(x, keep)
        return features


class WeightGenerator(nn.Module):
    """How much each instance and the background count at each place."""

    def __init__(self, channels: int):
        super().__init__()
        self.simple_instance_conv = self._stack(channels)
        self.simple_bg_conv = self._stack(channels)

    @staticmethod
    def _stack(channels: int) -> nn.Sequential:
        layers = []
        for inputs, outputs in ((channels, 16), (16, 16), (16, 1)):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
        return nn.Sequential(*layers)

    def forward(self, instances: torch.Tensor, background: torch.Tensor, boxes: np.ndarray) -> torch.Tensor:
        """Fuse features of N crops, `(N, C, s, s)`, into the picture's, `(1, C, s, s)`; `boxes`: see `placed`."""
        side = background.shape[-1]
        scores, placed_features = [], [background]
        outside = background.new_ones(1, 1, side, side)
        for feature, (x0, y0, x1, y1) in zip(instances, boxes, strict=True):
            size, padding = (y1 - y0, x1 - x0), (x0, side - x1, y0, side - y1)

            def place(planes, size=size, padding=padding):
                small = functional.interpolate(planes, size, mode="bilinear", align_corners=False)
                return functional.pad(small, padding)

            scores.append(place(self.simple_instance_conv(feature[None])))
            placed_features.append(place(feature[None]))
            outside[..., y0:y1, x0:x1] = 0
        scores.insert(0, self.simple_bg_conv(background) + 1e5 * outside)
        share = torch.cat(scores, dim=1).softmax(dim=1)
        return sum(share[:, i : i + 1] * feature for i, feature in enumerate(placed_features))


class Fusion(Siggraph17):
    """GF, for pictures with boxes: whole picture `(1, 4, 256, 256)`, features of its crops from `Instance`, and the
    crops' boxes in pixels, float `(N, 4)`, with the picture's width and height, to ab/110 `(1, 2, 256, 256)`."""

    def __init__(self):
        super().__init__()
        for ending, channels in FUSED.values():
            setattr(self, f"weight_layer{ending}", WeightGenerator(channels))
        self.weight_layerout = WeightGenerator(2)  # in the published file, never used

    def forward(self, x: torch.Tensor, features: dict[str, torch.Tensor], boxes: np.ndarray, width: int, height: int):
        def fuse(name: str, feature: torch.Tensor) -> torch.Tensor:
            generator = getattr(self, f"weight_layer{FUSED[name][0]}")
            return generator(features[name], feature, placed(boxes, width, height, feature.shape[-1]))

        return self.trunk(x, fuse)[0]


def placed(boxes: np.ndarray, width: int, height: int, side: int) -> np.ndarray:
    """Where boxes of a `width` x `height` picture lie on a feature map of `side` x `side`.

    `boxes`: float `(N, 4)` as x0, y0, x1, y1 in pixels. Returns int64 `(N, 4)`, truncated, each at least one cell.
    """

    def along(low: float, high: float, extent: int) -> tuple[int, int]:
        low, high = int(low / extent * side), int(high / extent * side)
        if high - low < 1:
            if side - high > 1:
                high = low + 1
            else:
                low = high - 1
        return low, high

    cells = []
    for x0, y0, x1, y1 in boxes:
        (left, right), (top, bottom) = along(x0, x1, width), along(y0, y1, height)
        cells.append((left, top, right, bottom))
    return np.array(cells, dtype=np.int64).reshape(-1, 4)


# --- boxes ---


def read_boxes(path: str | os.PathLike, name: str | None = None) -> np.ndarray:
    """Boxes of one picture, float64 `(N, 4)` as x0, y0, x1, y1 in pixels, the best-scored last.

    `path`: an `.npz` with arrays `bbox` `(N, 4)` and `scores` `(N,)`, as InstColorization's own script writes it, or a
    `.json` with the same two; or a `.json` of many pictures, each under its `name`; or a folder that holds
    `NAME.npz` or `NAME.json`, with or without the picture's own suffix in NAME. A picture in which nothing was
    detected has an empty list. Raises CCCError where there is none for this picture, or it is something else.
    """
    path = Path(path)
    if path.is_dir():
        if name is None:
            raise CCCError(f"{path}: a folder of boxes needs the pictures' names: give one file for a single picture")
        stems = [stem for kept in kept_names(name) for stem in dict.fromkeys((kept, str(Path(kept).with_suffix(""))))]
        found = [path / f"{stem}{suffix}" for stem in stems for suffix in (".npz", ".json")]
        for candidate in found:
            if candidate.is_file():
                return read_boxes(candidate, name)
        raise CCCError(f"{path}: no boxes for {name} (looked for {', '.join(file.name for file in found)})")
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                record = {key: archive[key] for key in archive.files}
        else:
            record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CCCError(f"{path}: no such file of boxes") from None
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise CCCError(f"{path}: not a file of boxes, .npz or .json ({str(error).splitlines()[0]})") from None
    if isinstance(record, Mapping) and "bbox" not in record:
        keys = [key for key in (name, Path(name).stem) if key in record] if name is not None else []
        if not keys:
            raise CCCError(f"{path}: no boxes for {name or 'this picture'} in it")
        record = record[keys[0]]
    try:
        boxes = np.asarray(record["bbox"], dtype=np.float64).reshape(-1, 4)
        scores = np.asarray(record.get("scores", np.ones(len(boxes))), dtype=np.float64).reshape(-1)
    except (TypeError, ValueError, KeyError, AttributeError):
        raise CCCError(f"{path}: boxes must be `bbox`, N x 4, and `scores`, N") from None
    if len(scores) != len(boxes) or not np.isfinite(boxes).all():
        raise CCCError(f"{path}: {len(boxes)} boxes, {len(scores)} scores, or a number that is not finite")
    return boxes[np.argsort(scores, kind="stable")]


def _fitting(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """Boxes cut to the picture. Raises CCCError where one is not of a picture of this size."""
    outside = (boxes[:, :2] < -1).any() or (boxes[:, 2] > width + 1).any() or (boxes[:, 3] > height + 1).any()
    if outside or (boxes[:, 2:] < boxes[:, :2]).any():
        raise CCCError(f"boxes do not fit a picture of {width}x{height}: they must be x0, y0, x1, y1 in its own pixels")
    return np.clip(boxes, 0, [width, height, width, height])


# --- the method ---


class Su(Colorizer):
    """`network`: a ModuleDict of G, GF and GComp, as the published files are called."""

    def __init__(self, network: nn.ModuleDict, device=None, boxes=None, most: int = MOST_BOXES, detector=None):
        self.device = devices.choose(device)
        self.network = network.eval().requires_grad_(False).to(self.device)
        self.boxes, self.most, self.detector = boxes, most, detector
        self.by_name = boxes is not None
        self.title = f"{INFO.title} ({_detect.TITLE})" if detector else INFO.title

    def colorize_named(self, name: str, image: np.ndarray) -> np.ndarray:
        return self.colorize(image) if self.boxes is None else self.colorize_with(image, read_boxes(self.boxes, name))

    def colorize_with(self, image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Colour a picture whose boxes are at hand, `(N, 4)` as `read_boxes` gives them; see `colorize`."""
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
        boxes = _fitting(boxes, width, height)
        boxes = boxes[len(boxes) - min(self.most, len(boxes)) :] if self.most >= 0 else boxes
        whole = self._input(rgb)
        if len(boxes) == 0:
            ab = self.network["GComp"](whole)
        else:
            crops = torch.cat([self._input(_crop(rgb, box)) for box in boxes])
            ab = self.network["GF"](whole, self.network["G"](crops), boxes, width, height)
        return _output(rgb, ab[0].float().cpu())

    def _input(self, rgb: np.ndarray) -> torch.Tensor:
        square = np.asarray(Image.fromarray(rgb).resize((SIZE, SIZE), Image.Resampling.BILINEAR))
        gray = (torch.from_numpy(rgb_to_lab(square)[..., 0]) - 50) / 100
        hints, mask = torch.zeros(2, SIZE, SIZE), torch.full((1, SIZE, SIZE), -0.5)  # trained with the mask centred
        return torch.cat([gray[None], hints, mask])[None].to(self.device)


def _output(rgb: np.ndarray, ab: torch.Tensor) -> np.ndarray:
    return with_ab(rgb, resize_ab(110 * ab.permute(1, 2, 0).numpy(), *rgb.shape[:2]))


def _crop(rgb: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The part of a picture in a box, truncated to whole pixels, at least one."""
    height, width = rgb.shape[:2]
    x0, y0, x1, y1 = box.astype(np.int32)
    x0, y0 = min(x0, width - 1), min(y0, height - 1)
    return np.ascontiguousarray(rgb[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)])


def network() -> nn.ModuleDict:
    """The three networks, not trained."""
    return nn.ModuleDict({"G": Instance(), "GF": Fusion(), "GComp": Whole()})


def files(weights=None, boxes=None, detector: str | None = None, **options) -> list[Path]:
    """The files that `load` would read: one, or three in the order of PARTS, then that of a detector asked for."""
    if boxes is not None and not Path(boxes).exists():
        raise CCCError(f"{boxes}: no such file or folder of boxes")
    if detector is not None:
        if detector != _detect.NAME or boxes is not None:
            raise CCCError(f"su takes boxes, or the detector {_detect.NAME}, got boxes={boxes}, detector={detector}")
        return [*files(weights), weight_files.locate(_detect.NAME)]
    if isinstance(weights, Mapping):
        if set(weights) != set(PARTS):
            raise CCCError(f"su takes weight files for {', '.join(PARTS)}, got {', '.join(map(str, weights))}")
        return [weight_files.locate("su", weights[key]) for key in PARTS]
    try:
        path = weight_files.locate("su", weights)
    except MissingWeights:
        if weights is not None:
            raise
        try:
            path = weight_files.locate("su_mmagic")
        except MissingWeights:
            path = weight_files.locate("su")  # for its message
    return [_latest(path, key) for key in PARTS] if path.is_dir() else [path]


def _read(weights) -> dict[str, tuple[str, dict]]:
    """State dicts of G, GF and GComp, each with the name of its file."""
    found = files(weights)
    if len(found) == len(PARTS):
        return {key: (str(path), weight_files.read_state_dict(path)) for key, path in zip(PARTS, found, strict=True)}
    (path,) = found
    if path.suffix == ".zip":
        return _read_archive(path)
    # MMagic's single file: the three networks under prefixes.
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


def _latest(folder: Path, key: str) -> Path:
    found = sorted(folder.rglob(f"latest_net_{key}.pth"))
    if not found:
        raise MissingWeights(f"no weights: latest_net_{key}.pth is not in {folder}; see `ccc weights fetch su`")
    wanted = [path for path in found if path.parent.name == "coco_finetuned_mask_256_ffs"]
    return (wanted or found)[0]


def _read_archive(path: Path) -> dict[str, tuple[str, dict]]:
    states = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for key in PARTS:
                members = sorted(name for name in archive.namelist() if name.endswith(f"latest_net_{key}.pth"))
                wanted = [name for name in members if "coco_finetuned_mask_256_ffs/" in name]
                if not members:
                    raise CCCError(f"{path}: latest_net_{key}.pth is not in it; see `ccc weights fetch su`")
                named = f"{path}/{(wanted or members)[0]}"
                content = io.BytesIO(archive.read((wanted or members)[0]))
                states[key] = (named, weight_files.read_state_dict(named, file=content))
    except (zipfile.BadZipFile, OSError) as error:
        raise CCCError(f"{path}: truncated or not an archive ({error}); `ccc weights fetch su` gets it again") from None
    return states


def load(weights=None, device=None, boxes=None, most_boxes: int = MOST_BOXES, detector: str | None = None) -> Su:
    """Su 2020 with its published weights.

    `weights`: the published archive, its folder, MMagic's single file, or a dict of three paths under G, GF and
    GComp; `boxes`: file or folder of boxes, see `read_boxes`, or None to colour every picture as one without
    instances; `most_boxes`: the best-scored that are used, -1 for all; `detector`: "maskrcnn_r50" to find boxes with
    torchvision's Mask R-CNN, which is not the published detector, and is named in the title. Raises as
    `ccc.colorizers.load` says.
    """
    files(weights, boxes, detector)
    model = network()
    for key, (path, state) in _read(weights).items():
        # The published GF was saved from within DataParallel, G and GComp were not; its loader let that pass.
        state = {name.removeprefix("module."): value for name, value in state.items()}
        weight_files.load_strictly(model[key], state, path)
    return Su(model, device, boxes, int(most_boxes), None if detector is None else _detect.load(device=device))
