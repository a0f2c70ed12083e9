"""A section of settings as options of a command."""

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from ccc.core.errors import CCCError, write_line
from ccc.settings.base import Section, schema_of, wanted


class Options:
    """The options of a command that are settings of a section.

    `only`: the settings that the command has, all by default; `flags`: what an option is called where that is not the
    setting's name, such as "--delta" or "-n --count"; `defaults`: where the command has another default.
    """

    def __init__(
        self,
        section: type[Section],
        only: Iterable[str] | None = None,
        flags: Mapping[str, str] | None = None,
        defaults: Mapping[str, Any] | None = None,
    ):
        self.section, self.defaults = section, dict(defaults or {})
        names = tuple(only or section.model_fields)
        self.flags = {name: (flags or {}).get(name, "--" + name.replace("_", "-")) for name in names}

    def add(self, parser) -> None:
        """Add the options to an argparse parser; old names are taken, and not shown."""
        for name, flag in self.flags.items():
            kind, text = self._kind(name), self._help(name)
            parser.add_argument(*flag.split(), dest=name, default=argparse.SUPPRESS, help=text, **kind)
        for old, new in self.section.old_names.items():
            if new in self.flags:
                flag = "--" + old.replace("_", "-")
                parser.add_argument(
                    flag, dest=new, default=argparse.SUPPRESS, action=_OldName, const=self._flag(new),
                    help=argparse.SUPPRESS,
                )  # fmt: skip

    def read(self, args: argparse.Namespace, **others) -> Section:
        """The section that the options make, with `others` of its settings. Raises CCCError, one line."""
        given = self.defaults | others | {name: value for name, value in vars(args).items() if name in self.flags}
        try:
            return self.section.checked(given, lambda place: self._flag(place[0]) if place else "")
        except CCCError as error:
            raise CCCError(str(error).splitlines()[0]) from None

    def words(self, values: Mapping[str, Any]) -> list[str]:
        """The options that `read` makes `values` of; what is null, or an empty list, is left out."""
        words: list[str] = []
        for name in (name for name in self.flags if name in values):
            flag, value = self._flag(name), values[name]
            if isinstance(value, bool) and self._is_bool(name):
                words.append(flag if value else flag.replace("--", "--no-", 1))
            elif value is True:
                words.append(flag)
            elif value is not None and value is not False and value != []:
                words += [flag, *map(str, value if isinstance(value, list) else [value])]
        return words

    def _flag(self, name: str) -> str:
        return self.flags[name].split()[-1]

    def _is_bool(self, name: str) -> bool:
        return self.section.model_fields[name].annotation is bool

    def _kind(self, name: str) -> dict:
        """How argparse reads the option; what it reads is text, which the section makes a value of."""
        schema = schema_of(self.section)["properties"][name]
        if self._is_bool(name):
            return {"action": argparse.BooleanOptionalAction}
        kinds = [branch.get("type") for branch in schema.get("anyOf", [schema])]
        if "boolean" in kinds:
            return {"nargs": "?", "const": True, "metavar": "PATH"}
        if "array" in kinds:
            return {"nargs": "+", "metavar": "NAME" if schema["items"]["type"] == "string" else "N"}
        if "enum" in schema:
            return {"metavar": f"{{{','.join(str(value) for value in schema['enum'] if value is not None)}}}"}
        return {"metavar": "N" if {"integer", "number"} & set(kinds) else name.upper()}

    def _help(self, name: str) -> str:
        schema = schema_of(self.section)["properties"][name]
        default = self.defaults.get(name, schema.get("default"))
        text = schema["description"].replace("null", "left out")
        limits = wanted(schema)
        notes = [limits] if "enum" not in schema and any(letter.isdigit() for letter in limits) else []
        plain = default is None or default is False or default in ([], "")  # 0 is worth telling
        notes += [] if plain else [f"default: {_shown(default)}"]
        notes += [f"the paper: {_shown(schema['paper'])}"] if "paper" in schema else []
        return (f"{text} ({'; '.join(notes)})" if notes else text).replace("%", "%%")


def _shown(value: Any) -> str:
    """A value as it is typed."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


class _OldName(argparse.Action):
    """An option's name of the release before: a warning, and the value goes to the option of today, `const`."""

    def __call__(self, parser, namespace, values, option_string=None):
        write_line(f"warning: {option_string} is {self.const} now, and the next release takes only the new name")
        setattr(namespace, self.dest, values)
