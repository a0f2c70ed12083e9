"""What every segmenter is: a name, its parameters, and masks of one gray picture at a time."""

from collections.abc import Iterable, Mapping

import numpy as np

from ccc.core.errors import CCCError


class Segmenter:
    """Finds the segments of gray pictures. Subclasses implement `_segment`."""

    stand_in = False  # whether it replaces Segment Anything where there is no checkpoint: to be said in every table
    resumable = True  # whether masks written before may be kept; False where making them again costs nothing
    version = 1  # bumped where a change of its code changes its masks: those made before are then made anew
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
        self._check(gray)
        return self._sorted(self._segment(gray, name))

    def attributed(self, gray: np.ndarray, name: str | None = None) -> tuple[list[dict], str]:
        """What `segment` returns, and the name of the segmenter that made it."""
        return self.segment(gray, name), self.name

    def require(self, names: Iterable[str]) -> None:
        """Raise CCCError, before any work, where masks of one of these pictures cannot be had."""

    @property
    def device(self) -> str:
        """Where it computes."""
        return "cpu"

    @staticmethod
    def _check(gray: np.ndarray) -> None:
        if gray.dtype != np.uint8 or gray.ndim != 2 or not gray.size:
            raise CCCError(f"a gray picture must be uint8 (H, W), got {gray.dtype} {gray.shape}")

    @staticmethod
    def _sorted(records: list[dict]) -> list[dict]:
        """Those that are not empty by falling area; equal areas by their box, then in the order given."""
        kept = [record for record in records if record["area"]]
        return sorted(kept, key=lambda record: (-record["area"], record["bbox"]))

    def _segment(self, gray: np.ndarray, name: str | None) -> list[dict]:
        raise NotImplementedError

    @property
    def identity(self) -> dict:
        """What decides the masks: name, version and parameters, but for those of speed alone."""
        kept = {key: value for key, value in self.parameters.items() if key not in self.speed_only}
        return {"segmenter": self.name, "version": self.version, "parameters": kept}
