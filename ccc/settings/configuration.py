"""The whole configuration: its sections, the names it had before, and how it is read."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Self

import pydantic

from ccc.core.errors import CCCError, write_line
from ccc.settings.base import Name, Section, UserPath, current_names, dotted, setting
from ccc.settings.baselines import Baselines, Titles
from ccc.settings.benchmark import SIDE, Benchmark, Showcase, Side
from ccc.settings.data import CodebookChoice, Data
from ccc.settings.decoding import Decoding
from ccc.settings.evaluation import Report, Weights
from ccc.settings.harmonization import Harmonization
from ccc.settings.segmenter import SegmenterChoice
from ccc.settings.training import Recipe, Training


def part(section: type[Section]) -> Any:
    return pydantic.Field(default_factory=section)


class Configuration(Section):
    """Configuration of the CCC benchmark."""

    run: Name = setting(..., "name of the run; the model lies in results/train/<run>, the report in reports/<run>")
    photographs: UserPath = setting(".", "folder from which relative photograph paths start")
    data: Data = part(Data)
    codebook: CodebookChoice = part(CodebookChoice)
    training: Training = part(Training)
    model: bool | UserPath | None = setting(
        None,
        "a trained ccc.safetensors to use instead of training one, which then needs no `data`: a path, or true for the "
        "one that comes with ccc",
    )
    benchmarks: dict[Name, Benchmark] = setting(..., "benchmark sets by name", min_length=1)
    side: Side = SIDE
    showcase: Showcase = part(Showcase)
    methods: Literal["auto"] | Annotated[list[str], pydantic.Field(min_length=1)] = setting(
        "auto", "`auto` for every file in workflow/methods whose weights are here, or a list of names"
    )
    titles: Titles = part(Titles)
    baselines: Baselines = part(Baselines)
    colorize: Decoding = part(Decoding)
    segmenter: SegmenterChoice = part(SegmenterChoice)
    harmonize: Harmonization = part(Harmonization)
    metrics: list[str] = setting(
        [], "columns to compute, as `ccc metrics` names them or `pyiqa:NAME`; empty for the default ones"
    )
    allow_missing: bool = setting(
        False, "go on without the weights of a metric that `metrics` names: its column is n/a, with the reason"
    )
    weights: Weights = part(Weights)
    report: Report = part(Report)

    @pydantic.model_validator(mode="after")
    def _photographs_to_train_on(self) -> Self:
        lacking = [name for name in ("source", "validation") if not getattr(self.data, name)]
        if lacking and not self.model:
            names = " and ".join(f"data.{name}" for name in lacking)
            raise ValueError(f"photographs to train on are missing: give {names}, or a trained `model`")
        return self

    @pydantic.model_validator(mode="after")
    def _sizes_that_fit(self) -> Self:
        recipe, data = self.training, self.data
        if not self.model and recipe.crop and not recipe.random_resized_crop and recipe.crop > data.size:
            raise ValueError(f"training.crop: {recipe.crop} is more than data.size, {data.size}")
        if not self.model and recipe.workers > data.shards:
            raise ValueError(
                f"training.workers: {recipe.workers} need as many data.shards, and there are {data.shards}"
            )
        for name in self.metrics:
            sized = re.fullmatch(r"cnr_(\d+)(_\w+)?", name)
            if sized and name != "cnr_56" and self.side != "keep" and int(sized[1]) != self.side:
                plain = "cnr" + (sized[2] or "")
                raise ValueError(f"metrics: {name} is of pictures of another side than {self.side}: give {plain}")
        return self

    @pydantic.model_validator(mode="after")
    def _parts_that_are_there(self) -> Self:
        for name in self.showcase.pictures if self.showcase.enabled else ():
            if name.split("/")[0] not in self.benchmarks or "/" not in name:
                raise ValueError(f"showcase.pictures: {name} is no BENCHMARK/PICTURE of {', '.join(self.benchmarks)}")
        if self.harmonize.enabled and self.segmenter.name == "masks" and not self.segmenter.checkpoint:
            raise ValueError("segmenter.checkpoint is missing: the folder or file of the given masks")
        return self

    @pydantic.model_validator(mode="after")
    def _names_of_their_own(self) -> Self:
        if "showcase" in self.benchmarks:
            raise ValueError("benchmarks.showcase: the pictures of Table III are called so; take another name")
        repeated = {name for name in self.methods if self.methods.count(name) > 1} if self.methods != "auto" else {}
        if repeated:
            raise ValueError(f"methods: {', '.join(sorted(repeated))} stands there more than once")
        return self


def read_configuration(given: Mapping, warn: Callable[[str], Any] = write_line) -> Configuration:
    """The configuration that a YAML file gives, with all defaults.

    Names of the release before are taken, and `warn` is called with one line that says what they are now. Raises
    CCCError with a line for each thing that is wrong.
    """
    wrong = list(_keys_of_other_kinds(given))
    if wrong:
        raise CCCError("\n".join(wrong))
    values, found = _today(given)
    if found:
        renamed = ", ".join(f"`{old}` is `{new}`" for old, new in found.items())
        warn(f"old names in the configuration, of which the next release takes only the new: {renamed}")
    return Configuration.checked(values)


def _keys_of_other_kinds(values: Any, place: tuple = ()):
    if isinstance(values, list):
        values = dict(enumerate(values))
    elif isinstance(values, Mapping):
        for key in values:
            if not isinstance(key, str):
                kind = str(key).lower() if isinstance(key, bool) or key is None else f"the {type(key).__name__} {key}"
                where = dotted(place) or "top level"
                yield f"{where}: YAML reads one of the names here as {kind}: write it in quotes"
    else:
        return
    for key, value in values.items():
        yield from _keys_of_other_kinds(value, (*place, key))


def _today(given: Mapping) -> tuple[dict, dict[str, str]]:
    """The configuration under today's names, and by old name the new one.

    `training` once named the photographs, beside `train`, the recipe, and `data` the folder of all photographs.
    """
    values, found = dict(given), {}
    old_data = isinstance(values.get("data"), str)
    of_data = set(Data.model_fields) - set(Training.model_fields)
    beside = values["training"] if isinstance(values.get("training"), Mapping) else {}
    old_training = bool(of_data & set(beside)) and not isinstance(values.get("data"), Mapping)
    if old_data:
        if not old_training and "train" not in values:
            raise CCCError(
                "data: the section of the photographs to train on, and no folder; the folder from which paths start "
                f"is `photographs` now: --config photographs={values['data']}"
            )
        if "photographs" in values:
            raise CCCError("data is the old name of photographs: give photographs alone")
        values["photographs"] = values.pop("data")
        found["data"] = "photographs"
    if old_training:
        values["data"] = values.pop("training")
        found["training"] = "data"
    if "train" in values:
        recipe, beside = values.pop("train") or {}, values.get("training") or {}
        both = isinstance(recipe, Mapping) and isinstance(beside, Mapping)
        values["training"] = {**beside, **recipe} if both else recipe
        found["train"] = "training"
    for name, section in (("training", Recipe), ("colorize", Decoding)):
        if isinstance(values.get(name), Mapping):
            try:
                values[name], renamed = current_names(values[name], section)
            except CCCError as error:
                raise CCCError(f"{name}: {error}") from None
            found |= {f"{name}.{old}": f"{name}.{new}" for old, new in renamed.items()}
    return values, found
