"""Options and output that several verbs share."""

import argparse
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import yaml

from ccc.core.errors import CCCError

SKIPPED = 3  # of `ccc.core.errors.STATUSES`


def at_least(least: int) -> Callable[[str], int]:
    """The `type` of an option that is a whole number from `least` on."""

    def read(text: str) -> int:
        if (number := int(text)) < least:
            raise argparse.ArgumentTypeError(f"must be {least} or more, got {number}")
        return number

    read.__name__ = "int"  # argparse: "invalid int value"
    return read


def add_allow_skipped(parser: ArgumentParser) -> None:
    """Add `--allow-skipped`, which `skipped_status` reads."""
    parser.add_argument(
        "--allow-skipped",
        action="store_true",
        help=f"exit with status 0 instead of {SKIPPED} if some input was skipped",
    )


def skipped_status(args: Namespace, skipped: int) -> int:
    """The exit status of a verb that skipped this many of its inputs."""
    return SKIPPED if skipped and not args.allow_skipped else 0


class _Pairs(argparse.Action):
    """Collects every `NAME=VALUE` in a dict."""

    def __call__(
        self, parser: ArgumentParser, namespace: Namespace, values: Any, option_string: str | None = None
    ) -> None:
        name, equals, value = values.partition("=")
        if not equals or not name:
            raise CCCError(f"{option_string}: expected name=value, got {values!r}")
        if name in getattr(namespace, self.dest):
            raise CCCError(f"{option_string}: {name} is given twice")
        setattr(namespace, self.dest, getattr(namespace, self.dest) | {name: value})


def add_pairs(parser: argparse._ActionsContainer, flag: str, metavar: str, text: str, **more) -> None:
    """Add a repeatable `NAME=VALUE` option, read as a dict."""
    parser.add_argument(flag, action=_Pairs, default={}, metavar=metavar, help=f"{text}; repeatable", **more)


def add_options(parser: argparse._ActionsContainer, text: str) -> None:
    """Add `--option`, which `parse_options` reads."""
    add_pairs(parser, "--option", "NAME=VALUE", f"parameter {text}")


def parse_options(pairs: dict[str, str], kinds: Mapping[str, str] | None = None) -> dict:
    """`{"size": "3", "mode": "joint"}` to `{"size": 3, "mode": "joint"}`: values are read as YAML.

    `kinds`: annotations of the options; texts and paths are taken as they are. Raises CCCError.
    """
    found = {}
    for name, value in pairs.items():
        if not name.isidentifier():
            raise CCCError(f"--option takes name=value; {name!r} is not a name")
        kind = (kinds or {}).get(name, "")
        try:
            found[name] = value if kind == "str" or "Path" in kind else yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise CCCError(f"--option: not a YAML value: {' '.join(str(error).split())}") from None
    return found


def aligned(rows: Sequence[Sequence[str]], left: Iterable[int] = ()) -> str:
    """Format cells as a plain text table; the columns in `left` are left-aligned, the others right-aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    signs = ["<" if column in left else ">" for column in range(len(widths))]
    lines = (
        "  ".join(f"{cell:{sign}{width}}" for cell, sign, width in zip(row, signs, widths, strict=True)) for row in rows
    )
    return "\n".join(map(str.rstrip, lines))
