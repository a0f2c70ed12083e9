"""CCC: Color Classified Colorization (Gain, Raha and Debnath 2024, arXiv 2403.01476)."""

import numpy as np
import torch
from PIL import Image

from ccc import devices
from ccc.color import lightness, with_ab
from ccc.colorizers.base import Colorizer, MethodInfo, resize_ab
from ccc.errors import CCCError, MissingWeights
from ccc.model import class_colors, load_model

INFO = MethodInfo(
    name="ccc",
    title="CCC",
    paper="Gain, Raha, Debnath: CCC: Color Classified Colorization, 2024",
    licence="MIT (this code); the authors published no weights",
    parameters=None,
    weights=("ccc",),
    note="trained here: see the model's settings for what on",
)


class ColorClassified(Colorizer):
    def __init__(self, path, device, decode: str, temperature: float, upsample: str):
        if decode not in ("argmax", "annealed"):
            raise CCCError(f'decode must be "argmax" or "annealed", got {decode!r}')
        if upsample not in ("bilinear", "nearest"):
            raise CCCError(f'upsample must be "bilinear" or "nearest", got {upsample!r}')
        self.device = devices.choose(device)
        self.network, self.codebook, self.settings = load_model(path, self.device)
        self.decode, self.temperature, self.upsample = decode, temperature, upsample
        trained_on = self.settings.get("trained_on")
        self.title = f"{INFO.title} ({trained_on})" if trained_on else INFO.title

    @torch.inference_mode()
    def predict_ab(self, gray_lightness: np.ndarray) -> np.ndarray:
        """L, float32 `(H, W)` in [0, 100], to ab, float32 `(56, 56, 2)` where the network's input is 224x224."""
        size = self.settings["input_size"]
        plane = Image.fromarray(gray_lightness).resize((size, size), Image.Resampling.BICUBIC)
        gray = torch.from_numpy(np.asarray(plane) / 100).clamp_(0, 1)[None, None].to(self.device)
        ab = class_colors(self.network(gray).float(), self.codebook, self.decode, self.temperature)
        return ab[0].permute(1, 2, 0).cpu().numpy()

    def _colorize(self, rgb: np.ndarray) -> np.ndarray:
        return with_ab(rgb, resize_ab(self.predict_ab(lightness(rgb)), *rgb.shape[:2], self.upsample))


def load(weights=None, device=None, decode="argmax", temperature=0.38, upsample="bilinear") -> ColorClassified:
    """A trained model, ready to colour.

    `weights`: path of a `ccc.safetensors`; `decode`: "argmax" (the paper's) or "annealed" mean at `temperature`;
    `upsample`: "bilinear" or "nearest" from the class map to the picture's size. The picture is scaled to the
    network's square input and its own L kept. Raises MissingWeights where `weights` is not given.
    """
    if weights is None:
        raise MissingWeights("no weights: the method ccc needs a trained model: ccc colorize --weights ccc.safetensors")
    return ColorClassified(weights, device, decode, temperature, upsample)
