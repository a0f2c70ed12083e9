"""Base of all sections of settings: declaration of a field, renamed settings, and messages for wrong values."""

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ClassVar, Self, get_args

import pydantic
from pydantic.json_schema import GenerateJsonSchema

from ccc.core.errors import CCCError, did_you_mean, write_line

UserPath = Annotated[str, pydantic.AfterValidator(os.path.expanduser)]  # `~` is expanded
# Snakemake's `--config model=true` is text; a file of such a name is ./true.
SWITCH = pydantic.BeforeValidator(
    lambda value: {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value
)
Name = Annotated[str, pydantic.Field(pattern="^[A-Za-z0-9_-]+$")]  # a part of file names and of Snakemake's patterns


def setting(default: Any, text: str, paper: Any = None, **bounds) -> Any:
    """Declare a field of a section: its default (`...`: required), one line of help, and pydantic's bounds.

    `paper`: the paper's value where the default differs from it; config/places365.yaml sets it and docs/paper.md
    explains it.
    """
    extra = None if paper is None else {"paper": paper}
    return pydantic.Field(default, description=text, json_schema_extra=extra, **bounds)


class Section(pydantic.BaseModel):
    """A section of the configuration; `checked` and `check` validate its values."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    old_names: ClassVar[Mapping[str, str]] = {}  # accepted for one release, with a warning

    @pydantic.model_validator(mode="before")
    @classmethod
    def _empty(cls, values: Any) -> Any:
        return {} if values is None else values  # YAML reads an empty `training:` as null

    @pydantic.field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        kind = cls.model_fields[info.field_name].annotation  # ty: ignore[invalid-argument-type] # a field's always
        if isinstance(value, bool) and bool not in (kind, *get_args(kind)):
            raise ValueError("true and false are no value of it; YAML reads words such as no and on so: quote them")
        return value

    @classmethod
    def checked(cls, values: Mapping, name: Callable[[tuple], str] | None = None) -> Self:
        """Build the section from `values` and defaults. `name` formats a setting's location in messages.

        Old names are accepted with a warning. Raises CCCError with one line for each wrong value.
        """
        values = todays_names(values, cls)
        try:
            return cls.model_validate(values)
        except pydantic.ValidationError as error:
            raise CCCError("\n".join(_sentences(error, cls, values, name or dotted))) from None

    def check(self) -> None:
        """Raise CCCError, naming the setting, if a value is not among its choices or is out of range."""
        self.checked(self.model_dump())


def todays_names(values: Mapping, *sections: type[Section], warn: Callable[[str], Any] = write_line) -> dict:
    """`values` with old names replaced by current ones; calls `warn` with one line for each.

    Raises CCCError if a setting is given by both names.
    """
    values = dict(values)
    for old, new in [names for section in sections for names in section.old_names.items()]:
        if old in values:
            if new in values:
                raise CCCError(f"{old} is the old name of {new}: give {new} alone")
            warn(f"warning: {old} is {new} now, and the next release takes only the new name")
            values[new] = values.pop(old)
    return values


class _Untitled(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False  # a title would repeat the name


def schema_of(section: type[Section]) -> dict:
    """JSON schema of a section."""
    return section.model_json_schema(schema_generator=_Untitled)


SIGNS = {
    "minimum": ">=",
    "exclusiveMinimum": ">",
    "maximum": "<=",
    "exclusiveMaximum": "<",
    "multipleOf": "multiple of",
}


def kind(schema: Mapping) -> str:
    """Describe the values of a setting: "integer >= 1 or null", "crop, stretch"."""
    if "anyOf" in schema:
        return " or ".join(map(kind, schema["anyOf"]))
    if choices := schema.get("enum") or [schema[key] for key in ("const",) if key in schema]:
        return ", ".join(map(str, choices))
    bounds = [f"{sign} {schema[key]:.10g}" for key, sign in SIGNS.items() if key in schema]
    return f"{schema['type']} {', '.join(bounds)}".rstrip()


def dotted(place: tuple) -> str:
    """Dotted name of a location in the configuration."""
    return ".".join(map(str, place))


def _sentences(
    error: pydantic.ValidationError, section: type[Section], values: Any, name: Callable[[tuple], str]
) -> list[str]:
    """One message for each wrong setting, in order: pydantic's text, the value received, and a hint."""
    found: dict[
        tuple, list
    ] = {}  # pydantic reports one error for each branch of a union and appends the branch to the location
    for item in error.errors(include_url=False):
        place = item["loc"] if item["type"] == "missing" else _place(values, item["loc"])
        found.setdefault(place, []).append(item)
    sentences = []
    for place, items in found.items():
        if items[0]["type"] in ("extra_forbidden", "invalid_key"):
            *place, key = items[0]["loc"]
            key = items[0]["input"] if items[0]["type"] == "invalid_key" else key  # the location holds 0 for False
            known = _section_at(section, place).model_fields
            text = f"unknown key {key!r}: {did_you_mean(str(key), known)}there are {', '.join(known)}"
        else:
            text = _sentence(items)
        sentences.append(": ".join(filter(None, [name(tuple(place)), text])))
    return sentences


def _section_at(section: type[Section], place: Iterable) -> type[Section]:
    for part in place:  # names of benchmarks are not fields
        if part in section.model_fields:
            section = _section_in(section.model_fields[part].annotation) or section
    return section


def _section_in(kind: Any) -> type[Section] | None:
    if isinstance(kind, type) and issubclass(kind, Section):
        return kind
    return next(filter(None, map(_section_in, get_args(kind))), None)


def _place(values: Any, location: tuple) -> tuple:
    for depth, part in enumerate(location):
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return location[:depth]
    return location


def _sentence(items: list) -> str:
    first = items[0]
    if first["type"] == "missing":
        return "is missing"
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    text = " or ".join([first["msg"], *(item["msg"].removeprefix("Input should be ") for item in items[1:])])
    given = first["input"]
    hint = ""
    if isinstance(given, str):
        choices = [word for item in items for word in re.findall("'([^']+)'", item.get("ctx", {}).get("expected", ""))]
        hint = did_you_mean(given, choices).strip()
    elif isinstance(given, bool | int | float) and any(item["type"] == "string_type" for item in items):
        hint = "YAML reads some words as numbers or as true and false: write them in quotes"
    return f"{text}, got {json.dumps(given, default=str, ensure_ascii=False)}" + (f" ({hint})" if hint else "")
