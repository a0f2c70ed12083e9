"""The interface of a segmenter: a name, its parameters, and the masks of one gray picture."""

from collections.abc import Iterable, Mapping

import numpy as np

from ccc.core.errors import CCCError


class Segmenter:
    """Finds the segments of gray pictures. Subclasses implement `_segment`."""

    stand_in = False  # whether it replaces Segment Anything without its checkpoint; every table names it
    single = False  # whether it has the masks of one picture only
    resumable = True  # whether existing masks may be kept; False where recomputing them is free
    version = 1  # raised when its code changes its masks, so that existing ones are recomputed
    speed_only: frozenset[str] = frozenset()  # parameters that do not change the masks

    def __init__(self, name: str, parameters: Mapping):
        self.name, self.parameters = name, dict(parameters)

    def segment(self, gray: np.ndarray, name: str | None = None) -> list[dict]:
        """Masks of one picture.

        `gray`: uint8 `(H, W)`, at least 1x1; `name`: its file name without suffix, which only the segmenter `masks`
        needs. Returns COCO records `{"segmentation": {"size": [H, W], "counts": str}, "area": pixels, "bbox":
        [x, y, width, height], "score": in [0, 1] or None}` by falling area, equal ones by bbox. They may overlap and
        need not cover the picture. Raises CCCError where `gray` is something else or the segmenter fails.
        """
        return self.attributed(gray, name)[0]

    def attributed(self, gray: np.ndarray, name: str | None = None) -> tuple[list[dict], str]:
        """The masks of `segment`, and the name of the segmenter that computed them."""
        self._check(gray)
        return self._sorted(self._segment(gray, name)), self.name

    def lacking(self, names: Iterable[str]) -> list[str]:
        """Those of these pictures whose masks are not available."""
        return []

    def require(self, names: Iterable[str]) -> None:
        """Raise CCCError, before any work, where masks of one of these pictures are not available."""

    @property
    def device(self) -> str:
        """Name of the device that it computes on."""
        return "cpu"

    @staticmethod
    def _check(gray: np.ndarray) -> None:
        if gray.dtype != np.uint8 or gray.ndim != 2 or not gray.size:
            raise CCCError(f"a gray picture must be uint8 (H, W), got {gray.dtype} {gray.shape}")

    @staticmethod
    def _sorted(records: list[dict]) -> list[dict]:
        """The non-empty records by falling area, equal areas by box, then in the order given."""
        kept = [record for record in records if record["area"]]
        return sorted(kept, key=lambda record: (-record["area"], record["bbox"]))

    def _segment(self, gray: np.ndarray, name: str | None) -> list[dict]:
        raise NotImplementedError

    @property
    def identity(self) -> dict:
        """What determines the masks: name, version and parameters, except those that only affect speed."""
        kept = {key: value for key, value in self.parameters.items() if key not in self.speed_only}
        return {"segmenter": self.name, "version": self.version, "parameters": kept}
