"""What every section of settings shares: how a field is declared, and the one sentence for a wrong value."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Self, get_args

import pydantic

from ccc.core.errors import CCCError, did_you_mean

UserPath = Annotated[str, pydantic.AfterValidator(os.path.expanduser)]  # `~` is expanded
NAME = "^[A-Za-z0-9_-]+$"
Name = Annotated[str, pydantic.Field(pattern=NAME)]  # a part of file names and of Snakemake's patterns


def setting(default: Any, text: str, paper: Any = None, **bounds) -> Any:
    """A field of a section: its default (`...`: required), one line of help, and its range as pydantic names it.

    `paper`: the value that follows the paper where the default is another. config/places365.yaml then sets it, and the
    README's list of readings names it.
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
        kind = cls.model_fields[info.field_name].annotation
        if isinstance(value, bool) and bool not in (kind, *get_args(kind)):
            raise ValueError("true and false are no numbers")
        return value

    @classmethod
    def checked(cls, values: Any, name: Callable[[tuple], str] | None = None) -> Self:
        """The section of these values, with defaults for the others. `name` writes a setting's place in messages.

        Raises CCCError with a sentence for each wrong value, one a line.
        """
        try:
            return cls.model_validate(values)
        except pydantic.ValidationError as error:
            raise CCCError("\n".join(sentences(cls, error, values, name or dotted))) from None

    def check(self) -> None:
        """Raise CCCError, naming the setting, where one is not among its choices or out of its range."""
        self.checked(self.model_dump())


def current_names(values: Mapping, *sections: type[Section]) -> tuple[dict, dict[str, str]]:
    """`values` under the names of today, and by old name that stood there the new one.

    Raises CCCError where a setting is given by both.
    """
    old_names = {old: new for section in sections for old, new in section.old_names.items()}
    found = {old: new for old, new in old_names.items() if old in values}
    for old, new in found.items():
        if new in values:
            raise CCCError(f"{old} is the old name of {new}: give {new} alone")
    return {found.get(name, name): value for name, value in values.items()}, found


@cache
def schema_of(section: type[Section]) -> dict:
    """JSON schema of a section, its parts in place of references to them, without titles."""
    whole = section.model_json_schema()
    parts = whole.pop("$defs", {})

    def inlined(node: Any, names: bool = False) -> Any:
        if isinstance(node, list):
            return [inlined(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            node = parts[node["$ref"].rsplit("/", 1)[1]] | {key: node[key] for key in node if key != "$ref"}
        if "patternProperties" in node:
            ((pattern, values),) = node["patternProperties"].items()
            node = {key: node[key] for key in node if key != "patternProperties"}
            node |= {"propertyNames": {"pattern": pattern}, "additionalProperties": values}
        return {key: inlined(value, key == "properties") for key, value in node.items() if names or key != "title"}

    return inlined(whole)


def dotted(place: tuple) -> str:
    """How a place in the configuration is written."""
    return ".".join(map(str, place))


def sentences(section: type[Section], error: pydantic.ValidationError, values: Any, name: Callable) -> Iterable[str]:
    """One sentence for each wrong value, in the order in which they stand."""
    found = {}  # a union has an error for each of its branches
    for item in error.errors():
        place, schema, text = _located(schema_of(section), item["loc"])
        unknown = item["type"] == "extra_forbidden"
        found.setdefault(item["loc"] if unknown else place, _sentence(item, name(place), schema, text, values, place))
    return found.values()


def _sentence(item: Mapping, where: str, schema: dict, text: str, values: Any, place: tuple) -> str:
    if item["type"] == "extra_forbidden":
        return _unknown(where, item["loc"][-1], list(schema["properties"]))
    if item["loc"][-1:] == ("[key]",):
        return f"{where}: the name must be {_kind({'pattern': NAME})}"
    if item["type"] == "missing":
        return f"{where} is missing: {text}"
    if item["type"] == "value_error" and "properties" in schema:
        return f"{where}: {item['ctx']['error']}" if where else str(item["ctx"]["error"])
    sentence = f"{where} must be {wanted(schema)}, got {_got(schema, _value(values, place))}"
    return f"{sentence} ({text})" if text else sentence


def _unknown(where: str, key: str, known: list[str]) -> str:
    hint = did_you_mean(str(key), known).strip()
    near = f" ({hint})" if hint else ""
    return f"{where or 'top level'}: unknown key {key!r}{near}; there are {', '.join(known)}"


def _located(schema: dict, location: tuple) -> tuple[tuple, dict, str]:
    """Place of a setting, its schema and its help; what pydantic adds on the branches of a union is left out."""
    place, text = (), ""
    for part in location:
        if part in schema.get("properties", {}):
            schema = schema["properties"][part]
        elif isinstance(schema.get("additionalProperties"), dict):
            schema = schema["additionalProperties"]
        elif isinstance(part, int) and "items" in schema:
            schema = schema["items"]
        else:
            break
        place, text = (*place, part), schema.get("description", text)
    return place, schema, text


def _value(values: Any, place: tuple) -> Any:
    for part in place:
        values = values[part]
    return values


def _got(schema: dict, value: Any) -> str:
    """A value as its writer wrote it, with what may have gone wrong."""
    if isinstance(value, str):
        try:
            float(value)
            return value
        except ValueError:
            hint = did_you_mean(value, [word for word in _choices(schema) if isinstance(word, str)])
            return repr(value) + (f": {hint.strip()}" if hint else "")
    shown = json.dumps(value, default=str)
    if _is_text(schema) and isinstance(value, bool | int | float):
        return f"{shown}: YAML reads some words as numbers or as true and false, write them in quotes"
    return shown


def _branches(schema: dict) -> list[dict]:
    """The kinds of value that are taken, but for null, which stands in the help."""
    found = schema.get("anyOf") or [schema]
    return [branch for branch in found if branch.get("type") != "null"]


def _choices(schema: dict) -> list:
    return [
        value
        for branch in _branches(schema)
        for value in (branch.get("enum") or [branch.get("const")])
        if value is not None
    ]


def _is_text(schema: dict) -> bool:
    return any(branch.get("type") == "string" and not _choices(branch) for branch in _branches(schema))


def nullable(schema: dict) -> bool:
    """Whether a setting may be null."""
    return {"type": "null"} in schema.get("anyOf", []) or None in schema.get("enum", [])


def wanted(schema: dict) -> str:
    """What a setting takes, in words: kind, choices, range."""
    choices = [json.dumps(value) if not isinstance(value, str) else value for value in _choices(schema)]
    words = [f"one of {', '.join(choices)}"] if len(choices) > 1 else choices
    kinds = [_kind(branch) for branch in _branches(schema) if "enum" not in branch and "const" not in branch]
    return " or ".join(kinds + words)


def _kind(branch: dict) -> str:
    names = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "array": "a list"}
    if "pattern" in branch:
        return "a name of letters, digits, _ and -"
    if branch.get("type") == "array" and branch.get("minItems"):
        return "a list that is not empty"
    kind = names.get(branch.get("type"), "text" if branch.get("type") == "string" else "a section with keys")
    low, high = branch.get("minimum"), branch.get("maximum")
    if low is not None and high is not None:
        kind += f" in {low:g} to {high:g}"
    else:
        limits = {"minimum": "of at least", "exclusiveMinimum": "above", "maximum": "at most"}
        limits |= {"exclusiveMaximum": "below"}
        bounds = [f"{words} {branch[key]:g}" for key, words in limits.items() if key in branch]
        kind += " " + " and ".join(bounds) if bounds else ""
    return kind + (f", a multiple of {branch['multipleOf']:g}" if "multipleOf" in branch else "")
