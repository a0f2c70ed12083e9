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

    min_pixels: int = setting(500, "Psi: a segment is used if it has more pixels than this", ge=0)
    delta_a: Deviation = setting(8, "a pixel whose a lies further than this from the mode of a takes the mode")
    delta_b: Deviation = setting(8, "the same for b")
    mode_bin: Step = setting(1, "modes are taken of values rounded to multiples of this")
    order: Literal["area", "given"] = setting("area", "masks by falling `area`, or as `given`")
    mode: Literal["marginal", "joint"] = setting(
        "marginal", "`marginal`, modes of a and b apart as printed, or `joint`, the commonest pair"
    )


class Ablation(Section):
    """The table of CCC's pictures harmonized with other parameters, after nearest and after bilinear upsampling."""

    pictures: int = setting(10, "how many pictures of each benchmark", ge=1)
    deltas: list[Deviation] = setting([4, 8, 16], "for a and b alike", min_length=1)
    min_pixels: list[Pixels] = setting([100, 500, 2000], "Psi", min_length=1)


class Harmonization(Algorithm):
    """Algorithm 1; the defaults are the paper's (Table II)."""

    enabled: bool = setting(True, "whether to make the harmonized variant of every method")
    upsample: Literal["nearest", "bilinear"] | None = setting(
        None,
        "how the class maps of `ccc` come to full size before Algorithm 1; null for bilinear",
    )
    ablation: Ablation = pydantic.Field(default_factory=Ablation)
