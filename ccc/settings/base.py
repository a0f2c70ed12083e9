"""What every section of settings shares: how a field is declared, old names, and the sentence for a wrong value."""

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ClassVar, Self, get_args

import pydantic
from pydantic.json_schema import GenerateJsonSchema

from ccc.core.errors import CCCError, did_you_mean, write_line

UserPath = Annotated[str, pydantic.AfterValidator(os.path.expanduser)]  # `~` is expanded
Name = Annotated[str, pydantic.Field(pattern="^[A-Za-z0-9_-]+$")]  # a part of file names and of Snakemake's patterns


def setting(default: Any, text: str, paper: Any = None, **bounds) -> Any:
    """A field of a section: its default (`...`: required), one line of help, and its range as pydantic names it.

    `paper`: the value that follows the paper where the default is another. config/places365.yaml then sets it, and
    docs/paper.md names it.
    """
    extra = None if paper is None else {"paper": paper}
    return pydantic.Field(default, description=text, json_schema_extra=extra, **bounds)


class Section(pydantic.BaseModel):
    """A part of the configuration. Values are checked where a section is made by `checked`, and by `check`."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    old_names: ClassVar[Mapping[str, str]] = {}  # taken for one release, with a warning

    @pydantic.model_validator(mode="before")
    @classmethod
    def _empty(cls, values: Any) -> Any:
        return {} if values is None else values  # `training:` with nothing below it

    @pydantic.field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        kind = cls.model_fields[info.field_name].annotation  # ty: ignore[invalid-argument-type] # a field's always
        if isinstance(value, bool) and bool not in (kind, *get_args(kind)):
            raise ValueError("true and false are no value of it; YAML reads words such as no and on so: quote them")
        return value

    @classmethod
    def checked(cls, values: Mapping, name: Callable[[tuple], str] | None = None) -> Self:
        """The section of these values, with defaults for the others. `name` writes a setting's place in messages.

        Old names are taken with a warning. Raises CCCError with a sentence for each wrong value, one a line.
        """
        values = todays_names(values, cls)
        try:
            return cls.model_validate(values)
        except pydantic.ValidationError as error:
            raise CCCError("\n".join(_sentences(error, cls, values, name or dotted))) from None

    def check(self) -> None:
        """Raise CCCError, naming the setting, where one is not among its choices or out of its range."""
        self.checked(self.model_dump())


def todays_names(values: Mapping, *sections: type[Section], warn: Callable[[str], Any] = write_line) -> dict:
    """`values` under the names of today; `warn` is called with a line for each old one.

    Raises CCCError where a setting is given by both names.
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
        return False  # a title would say the name again


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
    """What a setting takes: "integer >= 1 or null", "crop, stretch"."""
    if "anyOf" in schema:
        return " or ".join(map(kind, schema["anyOf"]))
    if choices := schema.get("enum") or [schema[key] for key in ("const",) if key in schema]:
        return ", ".join(map(str, choices))
    bounds = [f"{sign} {schema[key]:g}" for key, sign in SIGNS.items() if key in schema]
    return f"{schema['type']} {', '.join(bounds)}".rstrip()


def dotted(place: tuple) -> str:
    """How a place in the configuration is written."""
    return ".".join(map(str, place))


def _sentences(
    error: pydantic.ValidationError, section: type[Section], values: Any, name: Callable[[tuple], str]
) -> list[str]:
    """A sentence for each wrong setting, in the order in which they stand: pydantic's, what was given, and a hint."""
    found: dict[tuple, list] = {}  # an error for each branch of a union, which pydantic adds to the place
    for item in error.errors(include_url=False):
        place = item["loc"] if item["type"] == "missing" else _place(values, item["loc"])
        found.setdefault(place, []).append(item)
    sentences = []
    for place, items in found.items():
        if items[0]["type"] in ("extra_forbidden", "invalid_key"):
            *place, key = items[0]["loc"]
            key = items[0]["input"] if items[0]["type"] == "invalid_key" else key  # False, where the place says 0
            known = _section_at(section, place).model_fields
            text = f"unknown key {key!r}: {did_you_mean(str(key), known)}there are {', '.join(known)}"
        else:
            text = _sentence(items)
        sentences.append(": ".join(filter(None, [name(tuple(place)), text])))
    return sentences


def _section_at(section: type[Section], place: Iterable) -> type[Section]:
    for part in place:  # the names of benchmarks are no fields
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
    return f"{text}, got {_shown(given)}" + (f" ({hint})" if hint else "")


def _shown(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)
