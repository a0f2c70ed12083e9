"""Algorithm 1, and the table of its parameters."""

from typing import Annotated, Literal

import pydantic

from ccc.settings.base import Section, setting


def plain(value: float) -> int | float:
    """8 for 8.0: tables show these numbers."""
    return int(value) if float(value).is_integer() else value


Pixels = Annotated[int, pydantic.Field(ge=0)]
Deviation = Annotated[float, pydantic.Field(ge=0), pydantic.AfterValidator(plain)]
Step = Annotated[float, pydantic.Field(ge=0.001), pydantic.AfterValidator(plain)]

PRINTED = ("min_pixels", "delta_a", "delta_b")  # parameters of Table II, which the table of parameters varies


class Algorithm(Section):
    """Parameters of Algorithm 1; the defaults are the paper's (Table II)."""

    min_pixels: int = setting(500, "Psi: only segments of more pixels than this are harmonized", ge=0)
    delta_a: Deviation = setting(8, "a pixel whose a differs from the segment's mode by more than this gets the mode")
    delta_b: Deviation = setting(8, "the same for b")
    mode_bin: Step = setting(1, "values are rounded to multiples of this before the mode is taken")
    order: Literal["area", "given"] = setting("area", "order of the masks: by descending `area`, or as `given`")
    mode: Literal["marginal", "joint"] = setting(
        "marginal", "`marginal`: modes of a and of b separately, as printed; `joint`: the most frequent pair"
    )


class Ablation(Section):
    """Ablation table: CCC harmonized with other parameters, after nearest and after bilinear upsampling."""

    pictures: int = setting(10, "number of pictures of each benchmark", ge=1)
    deltas: list[Deviation] = setting([4, 8, 16], "values of delta_a and delta_b, varied together", min_length=1)
    min_pixels: list[Pixels] = setting([100, 500, 2000], "values of Psi", min_length=1)


class Harmonization(Algorithm):
    """Algorithm 1; the defaults are the paper's (Table II)."""

    enabled: bool = setting(True, "make the harmonized variant of every method")
    upsample: Literal["nearest", "bilinear"] | None = setting(
        None, "upsampling of `ccc`'s class maps before Algorithm 1; null: bilinear"
    )
    ablation: Ablation = pydantic.Field(default_factory=Ablation)
