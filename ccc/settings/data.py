"""Selection of training photographs, their conversion to shards, and the choice of colour classes."""

from typing import Literal, Self

import pydantic

from ccc.settings.base import Section, UserPath, setting

SOURCE = "folder, tar, tar.gz, zip or .txt list of photographs, `embedded`, or a set of `ccc data list`"


PAPERS_THRESHOLD = 500


class Data(Section):
    """Photographs to train on."""

    name: str = setting("", "what the photographs are called in tables")
    source: UserPath | None = setting(None, f"{SOURCE} such as places365-train; required without `model`")
    validation: UserPath | None = setting(None, "the same for validation; required without `model`")
    shards: int = setting(1, "training shards, of about 10,000 photographs each", ge=1)
    validation_shards: int = setting(1, "validation shards", ge=1)
    classes: list[str] = setting(
        [], "use only training photographs of these classes (folders below Places365's single letters); empty for all"
    )
    per_class: int | None = setting(None, "use at most this many training photographs of each class", ge=1)
    limit: int | None = setting(None, "use at most this many training photographs", ge=1)
    validation_limit: int | None = setting(
        None, "use this many validation photographs, drawn at random with `seed`; null: all, in their order", ge=1
    )
    seed: int | None = setting(
        0,
        "seed for shuffling the training photographs before selection and sharding; null: keep their order",
        ge=0,
        le=2**32 - 1,
    )
    size: int = setting(
        224,
        "side of the training pictures in pixels; class maps have a quarter of this side",
        ge=32,
        le=4096,
        multiple_of=32,
    )
    fit: Literal["crop", "stretch"] = setting(
        "crop",
        "how a photograph becomes square; after training with `stretch` the network also colours squares",
        paper="stretch",
    )
    min_chroma: float | None = setting(
        None, "exclude nearly gray photographs, whose mean CIELAB chroma is less than this; null: keep all", gt=0
    )


class CodebookChoice(Section):
    """Choice of colour classes."""

    split: Literal["train", "validation"] = setting(
        "train", "photographs whose colours are counted", paper="validation"
    )
    threshold: int | None = setting(
        None,
        f"least count of cells of a kept class; null: the paper's {PAPERS_THRESHOLD}, or relative_threshold if given",
        ge=1,
    )
    relative_threshold: float | None = setting(
        None, "threshold as a fraction of all cells; the paper's 500 of 109,885,440 are 4.55e-6", gt=0, le=1
    )
    mapping: Literal["ab", "index"] = setting(
        "ab", "distance between classes: `ab` of bin centres, or `index` of class numbers as Eq. 12 is printed"
    )

    @pydantic.model_validator(mode="after")
    def _one_threshold(self) -> Self:
        if self.threshold is not None and self.relative_threshold is not None:
            raise ValueError("give threshold or relative_threshold, not both")
        return self
