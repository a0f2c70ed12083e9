"""Errors a user can act on: one line that says what was wrong, where, and what to do instead."""

import difflib
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

# Every exit status of the command, and what it says; `ccc --help` and docs/formats.md print it.
STATUSES = {
    0: "done, and everything that was given was used",
    1: "nothing usable came out",
    2: "wrong input or environment",
    3: "done, but something that was given was skipped: counted by reason, the first few named; 0 with --allow-skipped",
    75: "stopped with a saved state: the same command goes on",
    130: "interrupted",
}


class CCCError(Exception):
    """Wrong input, configuration or environment. The command line prints the message and exits with `status`."""

    status = 2


class NothingUsable(CCCError):
    """No input could be used."""

    status = 1


class ImageError(CCCError):
    """A picture that cannot be read. `name` is the file or archive member, `reason` a short category for counting."""

    def __init__(self, name: str, reason: str, detail: str = ""):
        self.name, self.reason, self.detail = printable(str(name)), reason, detail
        super().__init__(f"{self.name}: {reason}" + (f" ({detail})" if detail else ""))


class MissingWeights(CCCError):
    """A missing weight file; the message says which and how to get it."""


class NoValue(CCCError):
    """These pictures have no value of a metric; the message says why, and what gives them one."""


class MissingDataset(CCCError):
    """A missing photograph set; the message says how to get it."""


def printable(name: str) -> str:
    """A file name with bytes that are not UTF-8 replaced, safe to write to any file or terminal."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Hint "did you mean 'x'? " with the name in `known` nearest to `name`; "" if none is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]!r}? " if near else ""


def unknown(what: str, name: str, known: Iterable[str]) -> CCCError:
    """The error for a name that is not among `known`, with the nearest that is."""
    known = list(known)
    return CCCError(f"no {what} {name!r}: {did_you_mean(name, known)}there are {', '.join(known)}")


def few(names: Sequence[str], count: int | None = None) -> str:
    """The first names of a list, and how many more there are: of `count` in all, None for as many as names."""
    more = (len(names) if count is None else count) - 3
    return ", ".join(names[:3]) + (f" and {more:,} more" if more > 0 else "")


def first_line(error: BaseException) -> str:
    """The first line of an error's text, without the number and file of an OSError; its type if it has none."""
    text = getattr(error, "strerror", None) or str(error)
    return (text.splitlines() or [""])[0] or type(error).__name__


def write_line(text: str, stream: TextIO | None = None) -> None:
    """Write a line to `stream`, by default standard error, in one call.

    Unbuffered, `print` writes the line end separately, so that lines of concurrent processes would mix.
    """
    stream = stream or sys.stderr
    stream.write(f"{text}\n")
    stream.flush()
