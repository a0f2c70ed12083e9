"""CCC: Color Classified Colorization (Gain, Raha and Debnath 2024, arXiv 2403.01476)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ccc.assets import PUBLISHED
from ccc.colorizers.base import Colorizer, Device, MethodInfo, Weights, checked, memory_reported
from ccc.core.errors import CCCError, MissingWeights
from ccc.settings.decoding import PAPERS_DECODING
from ccc.settings.training import model_settings

if TYPE_CHECKING:
    import numpy as np

INFO = MethodInfo(
    name="ccc",
    title="CCC",
    paper="Gain, Raha, Debnath: CCC: Color Classified Colorization, 2024",
    licence="MIT (this code); the authors published no weights",
    parameters=None,
    weights=(),
    note="not the authors' network: the model that comes with ccc is described in docs/trained-model.md",
)

MOST = 1 << 20  # pixels of the network's input: 1:20 at a short side of 224; a million need some 800 MB
ROWS = 32  # of the class map decoded at a time


class ColorClassified(Colorizer):
    def __init__(self, path: Path, device: Device, **options):
        from ccc.core import devices
        from ccc.decoding import check_complete, decoding
        from ccc.model import ClassColors, load_model

        self.path, self.device = path, devices.choose(device)
        self.network, self.codebook, self.settings = load_model(path, self.device)
        chosen = decoding(self.settings, **options)
        check_complete(chosen, path, "input_size")
        self.upsample = chosen["upsample"]
        self.decode, self.temperature, self.chroma = chosen["decode"], chosen["temperature"], chosen["chroma"]
        self.logit_adjustment, self.input_size = chosen["logit_adjustment"], chosen["input_size"]
        self.colors = ClassColors(self.codebook, self.decode, self.temperature, self.chroma).to(self.device)
        trained_on = self.settings.get("trained_on")
        self.title = f"{INFO.title} ({trained_on})" if trained_on else INFO.title

    def input_shape(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the network's input, multiples of 32, in the picture's aspect ratio if trained so.

        Pictures that would exceed `MOST` pixels are scaled down further and, if necessary, shortened.
        """
        if self.input_size == "full":
            return _whole(height), _whole(width)
        if self.settings.get("fit") == "stretch":
            height = width = self.input_size
        most = max(MOST, 4 * self.input_size**2)
        scale = min(self.input_size / min(height, width), (most / (height * width)) ** 0.5)
        rows, columns = _whole(height * scale), _whole(width * scale)
        longest = most // min(rows, columns) // 32 * 32
        return min(rows, longest), min(columns, longest)

    def predict_ab(self, gray_lightness: np.ndarray) -> np.ndarray:
        """L, float32 `(H, W)` in [0, 100], to ab, float32 `(h, w, 2)`, at a quarter of the network's input size."""
        import numpy as np
        import torch
        from PIL import Image

        from ccc.model import adjusted

        rows, columns = self.input_shape(*gray_lightness.shape)
        plane = Image.fromarray(gray_lightness).resize((columns, rows), Image.Resampling.BICUBIC)
        with torch.inference_mode():
            gray = torch.from_numpy(np.asarray(plane) / 100).clamp_(0, 1)[None, None].to(self.device)
            logits = self.network(gray).float()
            if not logits.isfinite().all():  # finite weights may still overflow
                raise CCCError(f"{self.path}: its network gives numbers that are not finite; train the model again")
            logits = adjusted(logits, self.codebook, self.settings, self.logit_adjustment)
            # A few rows at a time: the candidate colours of a whole large picture would not fit in memory.
            ab = torch.cat([self.colors(part) for part in logits.split(ROWS, dim=2)], dim=2)
        return ab[0].permute(1, 2, 0).cpu().numpy()

    def own_ab(self, image: np.ndarray) -> np.ndarray:
        from ccc.color import guided_ab, lightness, resize_ab

        rgb = checked(image)
        with memory_reported(rgb):
            luminance = lightness(rgb)
            ab = self.predict_ab(luminance)
            if self.upsample == "guided":
                return guided_ab(ab, luminance)
            return resize_ab(ab, *luminance.shape, self.upsample)

    def _colorize(self, rgb: np.ndarray) -> np.ndarray:
        from ccc.color import with_ab

        return with_ab(rgb, self.own_ab(rgb))


def _whole(side: float) -> int:
    """The nearest multiple of 32, at least 32."""
    return max(round(side / 32), 1) * 32


def files(weights: Weights = None, **options) -> list[Path]:
    """The model file that `load` reads: see `ccc.colorizers.files`."""
    return [_model(weights)]


def own_defaults() -> dict:
    """The packaged model's default decoding; other models may have other defaults."""
    with open(PUBLISHED, "rb") as file:  # not with safetensors: importing NumPy takes a fifth of `ccc methods`
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    settings = PAPERS_DECODING | model_settings(header["__metadata__"])
    return {name: settings[name] for name in (*PAPERS_DECODING, "input_size")}


def _model(weights: Weights) -> Path:
    path = Path(PUBLISHED if weights is None else weights)
    if not path.is_file():
        raise MissingWeights(f"no weights: {path} is not there; train a model with `ccc train`")
    return path


def load(
    weights: Weights = None,
    device: Device = None,
    decode: str | None = None,
    temperature: float | None = None,
    logit_adjustment: float | None = None,
    chroma: float | None = None,
    upsample: str | None = None,
    vividness: float | None = None,
    input_size: int | str | None = None,
) -> ColorClassified:
    """Returns the colorizer of a trained model.

    `weights`: path of a `ccc.safetensors`, None for the packaged model, which is not the paper's; `decode`: "argmax"
    (the paper's), "annealed" mean at `temperature`, or "ciede2000", the colour of least expected error at
    `temperature`; `logit_adjustment`: share of the class balancing removed before it, 0 to 1; `chroma`: factor on a and
    b after it; `upsample`: "bilinear", "nearest" or "guided" (`ccc.color.guided_ab`) from the class map to the
    picture's size; `vividness`: 0 to 1, replaces these five (`ccc.decoding.vivid`); `input_size`: short side of the
    network's input in pixels, or "full" for the picture's size, rounded to multiples of 32. Defaults are the model's
    own; without them, or for another `decode` than the model's, the paper's: argmax of the classes as trained. The
    picture keeps its L. Raises MissingWeights for missing `weights`, CCCError for values out of range.
    """
    options = {"decode": decode, "temperature": temperature, "logit_adjustment": logit_adjustment, "chroma": chroma}
    options |= {"upsample": upsample, "vividness": vividness, "input_size": input_size}
    return ColorClassified(_model(weights), device, **options)
