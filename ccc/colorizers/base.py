"""What every colorizer is: facts about the method, and an object that colours one picture."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ccc.core.errors import CCCError

if TYPE_CHECKING:  # listing the methods imports neither
    import numpy as np
    import torch

Weights: TypeAlias = str | os.PathLike | None  # path of a weight file; None for the place where `ccc weights` keeps it
Device: TypeAlias = "str | torch.device | None"  # None for the GPU where there is one


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
    """Where the weight file of a method lies, or that of one of its models: `weights` where it is given.

    Raises CCCError for a model that it does not have, MissingWeights where the file is not at hand.
    """
    from ccc.assets import weights as weight_files

    if model is not None and model not in info.models:
        raise CCCError(f"{info.name} has no model {model!r}: there are {', '.join(info.models)}")
    return weight_files.locate(info.weights[info.models.index(model) if model else 0], weights)


class Colorizer:
    """Colours pictures. Subclasses implement `_colorize`; `network`: a torch module, or None."""

    network: Any = None
    by_name = False  # whether it reads something kept for each picture, so that `colorize_named` is the way

    def __init__(self, network: torch.nn.Module | None = None, device: Device = None):
        if network is not None:
            from ccc.core import devices

            self.device = devices.choose(device)
            self.network = network.eval().requires_grad_(False).to(self.device)

    def colorize(self, image: np.ndarray) -> np.ndarray:
        """Colour one picture.

        `image`: uint8 RGB `(H, W, 3)`, or gray `(H, W)`, at least 1x1; the colours of an RGB picture are not looked
        at, only its lightness or luma, as the method's published pipeline does. Returns uint8 RGB `(H, W, 3)`.
        Raises CCCError where `image` is something else, or the device's memory does not suffice.
        """
        return self.colorize_batch([image])[0]

    def colorize_named(self, name: str, image: np.ndarray) -> np.ndarray:
        """Colour one picture whose file name is known: `name` with its suffix and without folders, `image` as above.

        Most methods do not care; one that reads something kept for each picture (boxes, a precomputed result) finds
        it by `name`. Raises as `colorize` does, and CCCError where what is kept is missing or does not fit.
        """
        return self.colorize(image)

    def colorize_batch(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Colour several pictures, of any sizes, in one pass of the network where the method allows.

        `images`: as in `colorize`. Where the device's memory does not suffice, the batch is halved, down to one
        picture; then CCCError is raised: a picture is never returned without its colours instead.
        """
        return self._halving([checked(image) for image in images])

    def own_ab(self, image: np.ndarray) -> np.ndarray | None:
        """The a and b that the method gives a picture, before 8 bits and sRGB cut them: float32 `(H, W, 2)`.

        `image`: as in `colorize`, which returns these with the picture's own L. None where the method has none to give.
        """
        return None

    def _halving(self, images: list[np.ndarray]) -> list[np.ndarray]:
        if len(images) == 1:
            with memory_reported(images[0]):
                return self._colorize_batch(images)
        with contextlib.suppress(CCCOutOfMemory):
            with memory_reported(images[0]):
                return self._colorize_batch(images)
        middle = len(images) // 2  # here, out of the block that failed, its tensors are gone
        return self._halving(images[:middle]) + self._halving(images[middle:])

    def _colorize_batch(self, images: list[np.ndarray]) -> list[np.ndarray]:
        return [self._colorize(image) for image in images]

    def _colorize(self, rgb: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class CCCOutOfMemory(CCCError):
    """The device's memory does not suffice."""


@contextlib.contextmanager
def memory_reported(image: np.ndarray) -> Generator[None]:
    """Raise CCCOutOfMemory, in one line, where torch runs out of memory in the block while it colours `image`."""
    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError is one; MPS and the CPU raise it bare
        if not any(words in str(error).lower() for words in ("out of memory", "can't allocate memory")):
            raise
        height, width = image.shape[:2]
        reason = str(error).splitlines()[0]
        raise CCCOutOfMemory(
            f"out of memory for a picture of {width}x{height}: take a smaller one, or --device cpu ({reason})"
        ) from None


def checked(image: np.ndarray) -> np.ndarray:
    """What `Colorizer.colorize` takes, as uint8 RGB `(H, W, 3)`. Raises CCCError where it is something else."""
    import numpy as np

    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or 0 in image.shape:
        raise CCCError(f"a picture must be uint8 (H, W) or (H, W, 3), got {image.dtype} {image.shape}")
    return np.repeat(image[..., None], 3, axis=-1) if image.ndim == 2 else image


def kept_names(name: str) -> tuple[str, ...]:
    """Under which names something kept for a picture is looked for: its own; `DATASET/NAME` for the showcase's."""
    dataset, between, rest = name.partition("__")
    return (name, f"{dataset}/{rest}") if between else (name,)


class SquareColorizer(Colorizer):
    """A method whose network sees every picture scaled to one square, so that all sizes go through together.

    Subclasses implement `_input`, a picture to the network's input, float `(C, S, S)`, and `_output`, the picture
    and what the network gave for it, float `(c, s, s)`, to uint8 RGB of the picture's size.
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
