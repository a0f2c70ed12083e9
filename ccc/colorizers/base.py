"""What every colorizer is: facts about the method, and an object that colours one picture."""

import dataclasses

import numpy as np

from ccc.errors import CCCError


@dataclasses.dataclass(frozen=True)
class MethodInfo:
    """Facts about a method, shown by `ccc methods` and in reports. Each method's module holds one, named `INFO`."""

    name: str  # as on the command line: "cic"
    title: str  # as in the paper's tables: "CIC"
    paper: str  # authors, title, venue and year
    licence: str  # of code and weights
    parameters: int | None  # learnable numbers; None where the method has no network
    weights: tuple[str, ...] = ()  # names in `ccc weights list`; empty where the method needs none
    note: str = ""  # what a reader of a table must know, such as "not verified against Caffe"


class Colorizer:
    """Colours pictures. Subclasses set `network` (a torch module, or None) and implement `_colorize`."""

    network = None

    def colorize(self, image: np.ndarray) -> np.ndarray:
        """Colour one picture.

        `image`: uint8 RGB `(H, W, 3)`, or gray `(H, W)`, at least 1x1; the colours of an RGB picture are not looked
        at, only its lightness or luma, as the method's published pipeline does. Returns uint8 RGB `(H, W, 3)`.
        Raises CCCError where `image` is something else.
        """
        image = np.asarray(image)
        if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or 0 in image.shape:
            raise CCCError(f"a picture must be uint8 (H, W) or (H, W, 3), got {image.dtype} {image.shape}")
        if image.ndim == 2:
            image = np.repeat(image[..., None], 3, axis=-1)
        return self._colorize(image)

    def _colorize(self, rgb: np.ndarray) -> np.ndarray:
        raise NotImplementedError


def resize_ab(ab: np.ndarray, height: int, width: int, mode: str = "bilinear") -> np.ndarray:
    """Bring float ab planes `(h, w, 2)` to `(height, width, 2)` float32.

    `mode`: "bilinear" (half-pixel centres, no antialiasing, as torch's align_corners=False) or "nearest".
    """
    import torch

    planes = torch.from_numpy(np.ascontiguousarray(ab, dtype=np.float32)).permute(2, 0, 1)[None]
    extra = {"align_corners": False} if mode == "bilinear" else {}
    resized = torch.nn.functional.interpolate(planes, (height, width), mode=mode, **extra)
    return resized[0].permute(1, 2, 0).numpy()
