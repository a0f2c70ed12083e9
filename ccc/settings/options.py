"""Command-line options generated from a section of settings."""

import argparse
from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from ccc.core.errors import CCCError, first_line
from ccc.settings.base import Section, kind, schema_of

S = TypeVar("S", bound=Section)


class Options(Generic[S]):
    """Options of a command for the settings of a section.

    `only`: the settings included, all by default; `flags`: flags other than the setting's name, such as "--delta" or
    "-n --count"; `defaults` and `texts`: the command's own defaults and help texts.
    """

    def __init__(
        self,
        section: type[S],
        only: Iterable[str] | None = None,
        flags: Mapping[str, str] | None = None,
        defaults: Mapping[str, Any] | None = None,
        texts: Mapping[str, str] | None = None,
    ):
        self.section, self.defaults, self.texts = section, dict(defaults or {}), dict(texts or {})
        names = tuple(only or section.model_fields)
        self.flags = {name: (flags or {}).get(name, "--" + name.replace("_", "-")) for name in names}

    def add(self, parser: argparse._ActionsContainer) -> None:
        """Add the options to an argparse parser; old names are accepted and hidden."""
        schemas = schema_of(self.section)["properties"]
        for name, flag in self.flags.items():
            parser.add_argument(
                *flag.split(), dest=name, default=argparse.SUPPRESS, help=self._help(name, schemas[name]),
                **self._kind(name, schemas[name]),
            )  # fmt: skip
        for old, new in self.section.old_names.items():
            if new in self.flags:
                parser.add_argument(f"--{old}", default=argparse.SUPPRESS, help=argparse.SUPPRESS)

    def read(self, args: argparse.Namespace, **others) -> S:
        """Build the section from the options and from `others`. Raises CCCError, one line."""
        names = {*self.flags, *(old for old, new in self.section.old_names.items() if new in self.flags)}
        given = self.defaults | others | {name: value for name, value in vars(args).items() if name in names}
        try:
            return self.section.checked(given, lambda place: self.flags[place[0]].split()[-1] if place else "")
        except CCCError as error:
            raise CCCError(first_line(error)) from None

    def _kind(self, name: str, schema: Mapping) -> dict:
        """Arguments of `add_argument`; argparse yields text, which pydantic converts."""
        branches = schema.get("anyOf", [schema])
        kinds = {branch.get("type") for branch in branches}
        if kinds == {"boolean"}:
            return {"action": argparse.BooleanOptionalAction}
        if "boolean" in kinds:
            return {"nargs": "?", "const": True, "metavar": "PATH"}
        if "array" in kinds:
            return {"nargs": "+", "metavar": "NAME" if schema["items"]["type"] == "string" else "N"}
        choices = branches[0].get("enum", ())
        if 0 < len(choices) < 9:
            return {"metavar": f"{{{','.join(map(str, choices))}}}"}
        return {"metavar": "N" if {"integer", "number"} & kinds else name.upper()}

    def _help(self, name: str, schema: Mapping) -> str:
        """Help text: null in a configuration is an option left out, true one without a value."""
        default = self.defaults.get(name, schema.get("default"))
        text = self.texts.get(name, schema["description"])
        text = text.replace("null", "left out").replace("(true)", "(no PATH)")
        limits = kind(schema).removesuffix(" or null")
        notes = [limits] if any(letter.isdigit() for letter in limits) and "enum" not in schema else []
        plain = default is None or default is False or default in ([], "")  # a default of 0 is shown
        notes += [] if plain else [f"default: {_typed(default)}"]
        notes += [f"the paper: {_typed(schema['paper'])}"] if "paper" in schema else []
        return (f"{text} ({'; '.join(notes)})" if notes else text).replace("%", "%%")


def _typed(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
