"""A section of settings as options of a command."""

import argparse
from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from ccc.core.errors import CCCError
from ccc.settings.base import Section, kind, schema_of

S = TypeVar("S", bound=Section)


class Options(Generic[S]):
    """The options of a command that are settings of a section.

    `only`: the settings that the command has, all by default; `flags`: what an option is called where that is not the
    setting's name, such as "--delta" or "-n --count"; `defaults`: where the command has another default; `texts`: where
    the command does something else with it.
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
        """Add the options to an argparse parser; old names are taken, and not shown."""
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
        """The section that the options make, with `others` of its settings. Raises CCCError, one line."""
        names = {*self.flags, *(old for old, new in self.section.old_names.items() if new in self.flags)}
        given = self.defaults | others | {name: value for name, value in vars(args).items() if name in names}
        try:
            return self.section.checked(given, lambda place: self.flags[place[0]].split()[-1] if place else "")
        except CCCError as error:
            raise CCCError(str(error).splitlines()[0]) from None

    def _kind(self, name: str, schema: Mapping) -> dict:
        """How argparse reads the option; what it reads is text, which the section makes a value of."""
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
        """What an option is: where a configuration says null, a command leaves it out; where true, it adds no value."""
        default = self.defaults.get(name, schema.get("default"))
        text = self.texts.get(name, schema["description"])
        text = text.replace("null", "left out").replace("(true)", "(no PATH)")
        limits = kind(schema).removesuffix(" or null")
        notes = [limits] if any(letter.isdigit() for letter in limits) and "enum" not in schema else []
        plain = default is None or default is False or default in ([], "")  # 0 is worth telling
        notes += [] if plain else [f"default: {_typed(default)}"]
        notes += [f"the paper: {_typed(schema['paper'])}"] if "paper" in schema else []
        return (f"{text} ({'; '.join(notes)})" if notes else text).replace("%", "%%")


def _typed(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
