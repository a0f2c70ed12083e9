"""Segment Anything: the automatic mask generator of `segment-anything`, on gray pictures as three channels."""

import os

import numpy as np
import torch

import ccc.core.torchvision_ops  # noqa: F401  before torchvision, which segment_anything imports
from ccc.assets.weights import load_strictly, locate, read_state_dict
from ccc.core.devices import choose
from ccc.core.errors import CCCError, ImageError
from ccc.core.files import sha256
from ccc.segment.base import Segmenter
from ccc.segment.rle import record
from ccc.segment.tiny_vit import TinyViT
from ccc.settings.segmenter import parameters_of

from segment_anything import SamAutomaticMaskGenerator, sam_model_registry  # isort: skip
from segment_anything.modeling import Sam as Network  # isort: skip

PIXEL_MEAN, PIXEL_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # of ImageNet, in gray levels


class Sam(Segmenter):
    """Segment Anything with a grid of point prompts. Parameters: `ccc.settings.segmenter.SamParameters`.

    A mask's score is the IoU with the truth that the network predicts.
    Source: Kirillov et al., Segment Anything, ICCV 2023; Zhang et al., Faster Segment Anything, 2023 (mobile_sam).
    """

    speed_only = frozenset({"points_per_batch"})

    def __init__(self, name: str, checkpoint: str | os.PathLike | None, device: str | None = None, **parameters):
        parameters = parameters_of(name, parameters).model_dump()
        checkpoint = locate(name, checkpoint)
        self.network = load_network(name, checkpoint).to(_device(device))
        super().__init__(name, parameters | {"checkpoint": sha256(checkpoint)})
        self._generator = SamAutomaticMaskGenerator(self.network, **parameters, output_mode="coco_rle")

    @property
    def device(self) -> str:
        return str(self.network.device)

    def _segment(self, gray: np.ndarray, name: str | None) -> list[dict]:
        side = self.network.image_encoder.img_size  # of the square input; the long side is scaled to it
        if 2 * side * min(gray.shape) < max(gray.shape):
            detail = f"{gray.shape[1]}x{gray.shape[0]}: nothing is left of its short side at {side} pixels"
            raise ImageError(name or "picture", "too large", detail)
        records = self._generate(np.repeat(gray[..., None], 3, axis=-1))
        return [record(found["segmentation"], float(found["predicted_iou"])) for found in records]

    def _generate(self, rgb: np.ndarray) -> list[dict]:
        """Returns the generator's records; out of GPU memory, halves the points per batch and retries."""
        while True:
            try:
                return self._generator.generate(rgb)
            except torch.cuda.OutOfMemoryError:
                points = self._generator.points_per_batch  # memory is freed below: the traceback holds the tensors
            if points == 1:
                raise CCCError(
                    f"{self.name}: out of GPU memory at {rgb.shape[1]}x{rgb.shape[0]} even with one point at a time; "
                    "use a smaller model or --device cpu"
                )
            self._generator.points_per_batch = points // 2
            torch.cuda.empty_cache()


def _device(device: str | None) -> torch.device:
    chosen = choose(device)
    if chosen.type != "mps":
        return chosen
    if device in (None, "auto"):
        return choose("cpu")
    raise CCCError("SAM's mask generator works in float64, which MPS lacks; use --device cpu")


def build(name: str) -> Network:
    """Returns the network of a segmenter with random weights; under `torch.device("meta")` without any."""
    if name != "mobile_sam":
        return sam_model_registry[name.removeprefix("sam_")]()
    network = sam_model_registry["vit_b"]()  # prompt encoder and mask decoder are the same in all
    network.image_encoder = TinyViT()
    return network


def load_network(name: str, checkpoint: str | os.PathLike) -> Network:
    """Returns a segmenter's network with the weights of a `.pth` or `.safetensors` file, in eval mode, on the CPU.

    Unpickles tensors only. Raises CCCError if the file is not a weight file or its keys or shapes differ from the
    network's, naming the first wrong ones and the model that the file fits, if any.
    """
    weights = read_state_dict(checkpoint)
    with torch.device("meta"):  # skips the random initialization
        network = build(name)
    try:
        load_strictly(network, weights, checkpoint)
    except CCCError as error:
        raise CCCError(f"{error}{_fitting(weights)}") from None
    for buffer, values in (("pixel_mean", PIXEL_MEAN), ("pixel_std", PIXEL_STD)):  # not in the file
        setattr(network, buffer, torch.tensor(values).view(-1, 1, 1))
    return network.float().eval()


def _fitting(weights: dict) -> str:
    width = getattr(weights.get("image_encoder.pos_embed"), "shape", (0,))[-1]
    fits = {1280: "sam_vit_h", 1024: "sam_vit_l", 768: "sam_vit_b"}.get(width)
    if "image_encoder.patch_embed.seq.0.c.weight" in weights:
        fits = "mobile_sam"
    return f"; by its encoder it is of {fits}" if fits else ""
