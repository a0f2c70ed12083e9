"""The interface of a colorizer: facts about the method, and a class that colours pictures."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ccc.core.errors import CCCError, first_line

if TYPE_CHECKING:  # listing the methods imports neither
    import numpy as np
    import torch

Weights: TypeAlias = str | os.PathLike | None  # path of a weight file; None for the place where `ccc weights` keeps it
Device: TypeAlias = "str | torch.device | None"  # None for the GPU where there is one
JPEG_QUALITY = 95  # of coloured pictures, unless another is given


@dataclasses.dataclass(frozen=True)
class MethodInfo:
    """Facts about a method, shown by `ccc methods` and in reports. Each method's module holds one, named `INFO`."""

    name: str  # as on the command line: "cic"
    title: str  # as in the paper's tables: "CIC"
    paper: str  # authors, title, venue and year
    licence: str  # of code and weights
    parameters: int | None  # learnable numbers; None where the method has no network
    weights: tuple[str, ...] = ()  # names in `ccc weights list`; empty where the method needs none
    models: tuple[str, ...] = ()  # values of its option `model`, in the order of `weights`; the first is the default
    note: str = ""  # what a reader of a table must know, such as "not verified against Caffe"


def located(info: MethodInfo, weights: Weights = None, model: str | None = None) -> Path:
    """Path of the weight file of a method, or of one of its models; `weights` overrides it.

    Raises CCCError for an unknown model, MissingWeights where the file is missing.
    """
    from ccc.assets import weights as weight_files

    if model is not None and model not in info.models:
        raise CCCError(f"{info.name} has no model {model!r}: there are {', '.join(info.models)}")
    return weight_files.locate(info.weights[info.models.index(model) if model else 0], weights)


class Colorizer:
    """Colours pictures. Subclasses implement `_colorize`; `network`: a torch module, or None."""

    network: Any = None
    by_name = False  # whether it reads data stored by picture name, so that callers must use `colorize_named`
    needs_color = False  # whether it paints from the true colours, so that gray pictures alone give nothing

    def __init__(self, network: torch.nn.Module | None = None, device: Device = None):
        if network is not None:
            from ccc.core import devices

            self.device = devices.choose(device)
            self.network = network.eval().requires_grad_(False).to(self.device)

    def colorize(self, image: np.ndarray) -> np.ndarray:
        """Colour one picture.

        `image`: uint8 RGB `(H, W, 3)`, or gray `(H, W)`, at least 1x1. Of an RGB picture the method reads only the
        lightness or luma, as its published pipeline does. Returns uint8 RGB `(H, W, 3)`. Raises CCCError for any
        other `image`, and where the device runs out of memory.
        """
        return self.colorize_batch([image])[0]

    def colorize_named(self, name: str, image: np.ndarray) -> np.ndarray:
        """Colour one picture whose file name is known: `name` with its suffix and without folders, `image` as above.

        Most methods ignore the name; those that read data of each picture (boxes, a precomputed result) find it by
        `name`. Raises as `colorize` does, and CCCError where that data is missing or does not fit the picture.
        """
        return self.colorize(image)

    def colorize_batch(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Colour several pictures, of any sizes, in one pass of the network where the method allows.

        `images`: as in `colorize`. Out of memory, the batch is halved, down to one picture; then CCCError is raised.
        """
        return self._halving([checked(image) for image in images])

    def own_ab(self, image: np.ndarray) -> np.ndarray:
        """The method's a and b of a picture, before rounding to 8 bits and clipping to sRGB: float32 `(H, W, 2)`.

        `image`: as in `colorize`, which combines them with the picture's own L. Raises CCCError where the method has no
        ab, or the device runs out of memory.
        """
        raise CCCError("--keep-ab: the method gives no a and b of its own, only pictures; leave it out")

    def _halving(self, images: list[np.ndarray]) -> list[np.ndarray]:
        try:
            with memory_reported(images[0]):
                return self._colorize_batch(images)
        except CCCOutOfMemory:
            if len(images) == 1:
                raise
        middle = len(images) // 2  # outside the failed block, whose tensors are freed
        return self._halving(images[:middle]) + self._halving(images[middle:])

    def _colorize_batch(self, images: list[np.ndarray]) -> list[np.ndarray]:
        return [self._colorize(image) for image in images]

    def _colorize(self, rgb: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class CCCOutOfMemory(CCCError):
    """The device is out of memory."""


@contextlib.contextmanager
def memory_reported(image: np.ndarray) -> Generator[None]:
    """Turn torch's out-of-memory errors in the block, which colours `image`, into CCCOutOfMemory."""
    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError is one; MPS and the CPU raise it bare
        if not any(words in str(error).lower() for words in ("out of memory", "can't allocate memory")):
            raise
        height, width = image.shape[:2]
        reason = first_line(error)
        raise CCCOutOfMemory(
            f"out of memory for a picture of {width}x{height}: take a smaller one, or --device cpu ({reason})"
        ) from None


def checked(image: np.ndarray) -> np.ndarray:
    """A picture that `Colorizer.colorize` accepts, as uint8 RGB `(H, W, 3)`. Raises CCCError for any other array."""
    import numpy as np

    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or 0 in image.shape:
        raise CCCError(f"a picture must be uint8 (H, W) or (H, W, 3), got {image.dtype} {image.shape}")
    return np.repeat(image[..., None], 3, axis=-1) if image.ndim == 2 else image


def kept_names(name: str) -> tuple[str, ...]:
    """Names under which data of a picture is searched: its own, and `DATASET/NAME` for pictures of the showcase."""
    dataset, between, rest = name.partition("__")
    return (name, f"{dataset}/{rest}") if between else (name,)


class SquareColorizer(Colorizer):
    """A method that scales every picture to one square, so that pictures of all sizes share a batch.

    Subclasses implement `_input`, a picture to the network's input, float `(C, S, S)`, and `_output`, the picture
    and the network's output, float `(c, s, s)`, to uint8 RGB of the picture's size.
    """

    def _input(self, rgb: np.ndarray) -> torch.Tensor:
        raise NotImplementedError

    def _output(self, rgb: np.ndarray, predicted: torch.Tensor) -> np.ndarray:
        raise NotImplementedError

    def _colorize_batch(self, images: list[np.ndarray]) -> list[np.ndarray]:
        import torch

        with torch.inference_mode():
            batch = torch.stack([self._input(image) for image in images])
            predicted = self.network(batch.to(self.device)).float().cpu()
        return [self._output(image, one) for image, one in zip(images, predicted, strict=True)]
