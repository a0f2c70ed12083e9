"""Boxes from torchvision's Mask R-CNN R50, a stand-in for InstColorization's detector that titles name as such.

The published method uses Detectron2's Mask R-CNN X101, whose boxes differ; `ccc.colorizers.su` reads those from files.
"""

import cv2
import numpy as np
import torch

import ccc.core.torchvision_ops  # noqa: F401  before torchvision
from ccc.assets import weights as weight_files
from ccc.colorizers.base import Device, Weights
from ccc.core import devices
from ccc.core.errors import CCCError

NAME = "maskrcnn_r50"
TITLE = "boxes by torchvision's Mask R-CNN R50, not the published X101"
LEAST_SCORE = 0.7  # as InstColorization has it


def network(least_score: float = LEAST_SCORE) -> torch.nn.Module:
    """The detector, not trained."""
    from torchvision.models.detection import maskrcnn_resnet50_fpn

    return maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, box_score_thresh=least_score)


class Detector:
    """Finds boxes in gray pictures."""

    def __init__(self, network: torch.nn.Module, device: Device = None):
        self.device = devices.choose(device)
        self.network = network.eval().requires_grad_(False).to(self.device)

    @torch.inference_mode()
    def boxes(self, rgb: np.ndarray) -> np.ndarray:
        """Boxes of one picture, uint8 RGB `(H, W, 3)`: float64 `(N, 4)` as x0, y0, x1, y1, the best-scored last.

        What the detector sees is the 8-bit L of the picture in three channels, as InstColorization feeds its own.
        """
        gray = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2LAB)[..., :1].repeat(3, axis=-1)
        planes = torch.from_numpy(gray).permute(2, 0, 1).float() / 255
        found = self.network([planes.to(self.device)])[0]
        order = found["scores"].cpu().argsort(stable=True)
        return found["boxes"].cpu()[order].double().numpy()


def load(weights: Weights = None, device: Device = None) -> Detector:
    """The detector with torchvision's weights for COCO. Raises MissingWeights where they are not at hand."""
    path = weight_files.locate(NAME, weights)
    untrained, state = network(), weight_files.read_state_dict(path)
    state = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    try:
        # Strict; by torchvision's own loader, since it renames the keys of files older than its version 0.14.
        untrained.load_state_dict(state, strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise CCCError(f"{path}: not the weights of torchvision's Mask R-CNN R50 ({reason})") from None
    return Detector(untrained, device)
