"""The decoding of a trained CCC: options given, then those in its file, then the paper's."""

import os
from collections.abc import Mapping

from ccc.core.errors import CCCError, few
from ccc.settings.decoding import PAPERS_DECODING, Decoding


def decoding(settings: Mapping, **given) -> dict:
    """A model's settings with what is given here, and with the paper's decoding where neither names any.

    `given`: of `Decoding`. A model's temperature, logit adjustment and chroma belong to the decode that it names: where
    another is asked for, what else is not given is the paper's. Raises CCCError for a value that is out of its range.
    """
    asked = Decoding.checked(given).model_dump(exclude_unset=True, exclude_none=True)
    if "vividness" in asked:
        asked = vivid(asked.pop("vividness")) | asked
    own = PAPERS_DECODING | dict(settings)
    if asked.get("decode", own["decode"]) != own["decode"]:
        own |= PAPERS_DECODING
    chosen = own | asked
    Decoding.checked({name: chosen[name] for name in Decoding.model_fields if name in chosen})
    return chosen


def check_complete(chosen: Mapping, path: str | os.PathLike, *names: str) -> None:
    """Raise CCCError if the settings of the model `path` lack `names`, or the balancing that its decoding undoes."""
    needed = (*names, *(("balance", "upsilon") if chosen["logit_adjustment"] else ()))
    if missing := [name for name in needed if chosen.get(name) is None]:
        remedy = "give input_size and a logit_adjustment of 0, or train the model again"
        raise CCCError(f"{path}: its settings lack {few(missing)}, which this decoding needs; {remedy}")


def vivid(vividness: float) -> dict:
    """The decoding of a vividness in [0, 1]: from the annealed mean of the likely colours to nearly argmax.

    On the way the class balancing of training is taken back less and less, and the mean sharpens. Colourfulness, LPIPS
    and CIEDE2000 along it: docs/trained-model.md.
    """
    return {
        "decode": "annealed",
        "temperature": round(0.5 - 0.3 * vividness, 6),
        "logit_adjustment": round(1 - vividness, 6),
        "chroma": 1.0,
        "upsample": "guided",
    }


def not_the_papers(chosen: dict) -> list[str]:
    """What of a decoding, as `decoding` gives it, is not the paper's: "vividness 0.3", or "annealed", "chroma 0.8"."""
    vividness = round(1 - chosen["logit_adjustment"], 6)
    if chosen == chosen | vivid(vividness):
        return [f"vividness {vividness:g}"]
    names = [name for name, papers in PAPERS_DECODING.items() if chosen.get(name, papers) != papers]
    words = {name: f"{name.replace('_', ' ')} {chosen[name]}".removesuffix(".0") for name in names}
    words |= {"decode": chosen["decode"]} if "decode" in words else {"temperature": ""}  # argmax has no temperature
    return list(filter(None, words.values()))
