"""The whole configuration: its sections, contradictions between them, and renamed settings."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal, Self

import pydantic

from ccc.core.errors import CCCError, write_line
from ccc.settings.base import SWITCH, Name, Section, UserPath, setting, todays_names
from ccc.settings.baselines import Baselines
from ccc.settings.data import CodebookChoice, Data
from ccc.settings.decoding import Decoding
from ccc.settings.evaluation import SIDE, Benchmark, Report, Showcase, Side, Weights
from ccc.settings.harmonization import Harmonization
from ccc.settings.segmenter import SegmenterChoice
from ccc.settings.training import Recipe, Training


def part(section: type[Section], text: str | None = None) -> Any:
    return pydantic.Field(default_factory=section, description=text)


class Configuration(Section):
    """Configuration of the CCC benchmark."""

    run: Name = setting(..., "name of the run; its model is in results/train/<run>, its report in reports/<run>")
    photographs: UserPath = setting(".", "folder to which relative paths of photographs refer")
    data: Data = part(Data)
    codebook: CodebookChoice = part(CodebookChoice)
    training: Training = part(Training)
    model: Annotated[bool | UserPath | None, SWITCH] = setting(
        None,
        "use a trained ccc.safetensors instead of training; `data` is then not needed: a path, or true for the model "
        "that ships with ccc",
    )
    benchmarks: dict[Name, Benchmark] = setting(..., "benchmark sets by name", min_length=1)
    side: Side = SIDE
    showcase: Showcase = part(Showcase)
    methods: Literal["auto"] | Annotated[list[str], pydantic.Field(min_length=1)] = setting(
        "auto", "`auto` for every method in workflow/methods whose weights are installed, or a list of names"
    )
    titles: dict[str, str] = setting({}, "titles of methods in tables, by name, in place of their own")
    baselines: Baselines = part(Baselines)
    colorize: Decoding = part(
        Decoding,
        "How the method `ccc_photo` decodes CCC's class maps; `ccc` always uses the paper's argmax and bilinear",
    )
    segmenter: SegmenterChoice = part(SegmenterChoice)
    harmonize: Harmonization = part(Harmonization)
    metrics: list[str] = setting(
        [], "metrics to compute, by their names in `ccc metrics` or as `pyiqa:NAME`; empty for the default ones"
    )
    allow_missing: bool = setting(
        False, "continue if the weights of a metric named in `metrics` are missing: its column is n/a, with the reason"
    )
    weights: Weights = part(Weights)
    report: Report = part(Report)

    @pydantic.model_validator(mode="after")
    def _fits_together(self) -> Self:
        if wrong := list(self._contradictions()):
            raise ValueError("\n".join(wrong))
        return self

    def _contradictions(self) -> Iterator[str]:
        """Messages for settings that contradict those of another section."""
        recipe, data = self.training, self.data
        lacking = [f"data.{name}" for name in ("source", "validation") if not getattr(data, name)]
        if lacking and not self.model:
            missing = f"photographs to train on are missing: give {' and '.join(lacking)}, or a trained `model`"
            yield f"{missing} (true: the one that comes with ccc)"
        if not self.model and recipe.crop and not recipe.random_resized_crop and recipe.crop > data.size:
            yield f"training.crop: {recipe.crop} is more than data.size, {data.size}"
        if not self.model and recipe.workers > data.shards:
            yield f"training.workers: {recipe.workers} need as many data.shards, and there are {data.shards}"
        for name in self.metrics:
            sized = re.fullmatch(r"cnr_(\d+)(_\w+)?", name)
            if sized and name != "cnr_56" and self.side != "keep" and int(sized[1]) != self.side:
                plain = "cnr" + (sized[2] or "")
                yield f"metrics: {name} is of pictures of another side than {self.side}: give {plain}"
        for name in self.showcase.pictures if self.showcase.enabled else ():
            if name.split("/")[0] not in self.benchmarks or "/" not in name:
                yield f"showcase.pictures: {name} is no BENCHMARK/PICTURE of {', '.join(self.benchmarks)}"
        if self.harmonize.enabled and self.segmenter.name == "masks" and not self.segmenter.checkpoint:
            yield "segmenter.checkpoint is missing: the folder or file of the given masks"
        for name, benchmark in self.benchmarks.items():
            if benchmark.protocol != "keep_aspect" and benchmark.protocol not in name:
                yield f"benchmarks.{name}: name it {name}_{benchmark.protocol}, so that every table tells its protocol"
        if self.side == "keep" and any(b.protocol != "keep_aspect" for b in self.benchmarks.values()):
            yield "side: center_crop and squash need a number of pixels"
        if "showcase" in self.benchmarks:
            yield "benchmarks.showcase: the pictures of Table III are called so; take another name"
        repeated = {name for name in self.methods if self.methods.count(name) > 1} if self.methods != "auto" else {}
        if repeated:
            yield f"methods: {', '.join(sorted(repeated))} stands there more than once"


def read_configuration(given: Mapping, warn: Callable[[str], Any] = write_line) -> Configuration:
    """Validate the contents of a YAML file and fill in defaults.

    Accepts the previous release's names and calls `warn` with one line for each. Raises CCCError with one line for
    each wrong value.
    """
    return Configuration.checked(_todays_sections(given, warn))


def _todays_sections(given: Mapping, warn: Callable[[str], Any]) -> dict:
    """The configuration with old section names replaced by current ones.

    Formerly `training` was today's `data`, `train` today's `training`, and `data` today's `photographs`.
    """

    def rename(old: str, new: str) -> Any:
        warn(f"warning: `{old}` is `{new}` now, and the next release takes only the new name")
        return values.pop(old)

    values = dict(given)
    section = values["training"] if isinstance(values.get("training"), Mapping) else {}
    of_data = not Training.model_fields.keys() >= set(section) & Data.model_fields.keys()
    old_training = of_data and not isinstance(values.get("data"), Mapping)
    if isinstance(values.get("data"), str):
        if not old_training and "train" not in values:
            raise CCCError(
                "data: the section of the photographs to train on, and no folder; the folder from which paths start "
                f"is `photographs` now: --config photographs={values['data']}"
            )
        if "photographs" in values:
            raise CCCError("data is the old name of photographs: give photographs alone")
        values["photographs"] = rename("data", "photographs")
    if old_training:
        values["data"] = rename("training", "data")
    if "train" in values:
        recipe, beside = rename("train", "training") or {}, values.get("training") or {}
        both = isinstance(recipe, Mapping) and isinstance(beside, Mapping)
        values["training"] = {**beside, **recipe} if both else recipe
    for name, section in (("training", Recipe), ("colorize", Decoding)):
        if isinstance(values.get(name), Mapping):
            values[name] = todays_names(values[name], section, warn=warn)
    return values
