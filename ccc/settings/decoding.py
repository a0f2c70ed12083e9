"""How a trained CCC turns class maps into pictures."""

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

_ELSE = "null for what the model's file names if `decode` is its own, else {}"


class Decoding(Section):
    """How CCC turns class maps into pictures."""

    old_names = {"unbalance": "logit_adjustment"}

    decode: Decode | None = setting(
        None,
        "`argmax`, the paper's, the `annealed` mean, or the colour of least expected `ciede2000`; null for what the "
        "model's file names, argmax where it names none",
    )
    temperature: float | None = setting(
        None,
        f"of the classes' shares, but for argmax; {_ELSE.format(PAPERS_DECODING['temperature'])}",
        ge=1e-3,
        le=1e3,
    )
    logit_adjustment: float | None = setting(
        None,
        f"share of the class balancing that is taken back before decoding; {_ELSE.format('0')}",
        ge=0,
        le=1,
    )
    chroma: float | None = setting(None, f"factor on a and b; {_ELSE.format('1')}", ge=0, le=10)
    input_size: Annotated[int, pydantic.Field(ge=32, le=8192)] | Literal["full"] | None = setting(
        None,
        "short side at which the network sees a picture, or `full`; null for the size that the model was trained on",
    )
    upsample: Upsample | None = setting(
        None,
        "from the class map to the picture: `bilinear`, `nearest`, or `guided`, along the edges of the lightness; "
        + _ELSE.format("bilinear"),
    )
    vividness: float | None = setting(
        None,
        "one number for all of these but `input_size`, from 0, the safest colours, to 1, the most colourful, which err "
        "most; one of them that is given too goes before it",
        ge=0,
        le=1,
    )
