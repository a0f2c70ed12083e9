"""Which photographs are trained on, how they become shards, and which colour classes are kept."""

from typing import Literal, Self

import pydantic

from ccc.settings.base import Section, UserPath, setting

SOURCE = "folder, tar, tar.gz, zip or .txt list of photographs, `embedded`, or a set of `ccc data list`"


PAPERS_THRESHOLD = 500


class Data(Section):
    """Photographs to train on."""

    name: str = setting("", "what the photographs are called in tables")
    source: UserPath | None = setting(None, f"{SOURCE} such as places365-train; needed unless `model` is given")
    validation: UserPath | None = setting(None, "the same for validation; needed unless `model` is given")
    shards: int = setting(1, "training shards, of about 10,000 photographs each", ge=1)
    validation_shards: int = setting(1, "validation shards", ge=1)
    classes: list[str] = setting(
        [],
        "use only training photographs of these classes (the folders below Places365's single letters); empty for all",
    )
    per_class: int | None = setting(None, "use at most this many training photographs of each class", ge=1)
    limit: int | None = setting(None, "use at most this many training photographs", ge=1)
    validation_limit: int | None = setting(
        None, "use this many validation photographs, picked at random by `seed`; null for all in their order", ge=1
    )
    seed: int | None = setting(
        0, "shuffle the training photographs before they are chosen and sharded, or null to keep their order"
    )
    size: int = setting(
        224,
        "side in pixels of the training pictures; their class maps have a quarter of it",
        ge=32,
        le=4096,
        multiple_of=32,
    )
    fit: Literal["crop", "stretch"] = setting(
        "crop",
        "how a photograph becomes square, `crop` or `stretch`; trained on the latter, the network also colours squares",
        paper="stretch",
    )
    min_chroma: float | None = setting(
        None, "leave out photographs whose mean chroma in CIELAB is less, as nearly gray; null to keep all", gt=0
    )


class CodebookChoice(Section):
    """Which colour classes are kept."""

    split: Literal["train", "validation"] = setting("train", "which photographs are counted", paper="validation")
    threshold: int | None = setting(
        None,
        f"fewest cells of a class that is kept; null for the paper's {PAPERS_THRESHOLD}, or give relative_threshold",
        ge=1,
    )
    relative_threshold: float | None = setting(
        None, "the same as a share of all cells; the paper's 500 of 109,885,440 are 4.55e-6", gt=0, le=1
    )
    mapping: Literal["ab", "index"] = setting(
        "ab", "how near a class is to another: `ab` by bin centres, `index` by class number as Eq. 12 is printed"
    )

    @pydantic.model_validator(mode="after")
    def _one_threshold(self) -> Self:
        if self.threshold is not None and self.relative_threshold is not None:
            raise ValueError("give threshold or relative_threshold, not both")
        return self
