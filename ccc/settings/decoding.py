"""Decoding of CCC's logits into pictures."""

from typing import Annotated, Any, Literal, get_args

import pydantic

from ccc.settings.base import Section, setting

Decode = Literal["argmax", "annealed", "ciede2000"]
Upsample = Literal["bilinear", "nearest", "guided"]
DECODES = get_args(Decode)

PAPERS_DECODING: dict[str, Any] = {
    "decode": "argmax",
    "temperature": 0.38,
    "logit_adjustment": 0.0,
    "chroma": 1.0,
    "upsample": "bilinear",
}

_ELSE = "null: the value in the model's file if `decode` is the file's too, else {}"


class Decoding(Section):
    """Decoding of CCC's class maps into pictures."""

    old_names = {"unbalance": "logit_adjustment"}

    decode: Decode | None = setting(
        None,
        "`argmax` as in the paper, `annealed` mean, or the colour of least expected `ciede2000` error; null: as the "
        "model's file says, else argmax",
    )
    temperature: float | None = setting(
        None,
        f"softmax temperature, not used by argmax; {_ELSE.format(PAPERS_DECODING['temperature'])}",
        ge=1e-3,
        le=1e3,
    )
    logit_adjustment: float | None = setting(
        None, f"fraction of the class balancing that is undone before decoding; {_ELSE.format('0')}", ge=0, le=1
    )
    chroma: float | None = setting(None, f"factor on a and b; {_ELSE.format('1')}", ge=0, le=10)
    input_size: Annotated[int, pydantic.Field(ge=32, le=8192)] | Literal["full"] | None = setting(
        None, "short side of the network's input in pixels, or `full`; null: the size that the model was trained on"
    )
    upsample: Upsample | None = setting(
        None,
        "upsampling of the class map: `bilinear`, `nearest`, or `guided` by the edges of the lightness; "
        + _ELSE.format("bilinear"),
    )
    vividness: float | None = setting(
        None,
        "sets all of these but `input_size`, from 0 (safest colours) to 1 (most colourful, largest errors); a setting "
        "that is given too takes precedence",
        ge=0,
        le=1,
    )
