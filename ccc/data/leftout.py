"""Counts and names of the files of a source that are ignored or refused."""

from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from ccc.core.errors import few, printable

LISTED = 1000  # refused members listed by name; all are counted
NAMED = 3  # ignored files listed by name for each suffix
_ARCHIVED = {".tar", ".zip", ".tgz", ".gz", ".bz2", ".xz"}


class LeftOut:
    """`ignored`: number of files that are not pictures, `ignored_names`: the first few of each suffix; `refused`: name
    and reason of the first thousand refused pictures, `refused_by_reason`: counts of all."""

    def forget(self) -> None:
        self.ignored = 0
        self.ignored_names: dict[str, list[str]] = {}
        self.refused: list[tuple[str, str]] = []
        self.refused_by_reason: Counter[str] = Counter()

    def refuse(self, name: str, reason: str) -> None:
        self.refused_by_reason[reason] += 1
        if len(self.refused) < LISTED:
            self.refused.append((printable(name), reason))

    def ignore(self, name: str) -> None:
        self.ignored += 1
        kind = PurePosixPath(name).suffix.lower()
        if kind in self.ignored_names or len(self.ignored_names) < LISTED:
            names = self.ignored_names.setdefault(kind, [])
            names += [printable(name)] if len(names) < NAMED else []

    def add(self, part: "LeftOut", prefix: str) -> None:
        """Add the counts and names of a part of this source."""
        self.ignored += part.ignored
        for kind, names in part.ignored_names.items():
            self.ignored_names.setdefault(kind, [f"{prefix}/{name}" for name in names])
        self.refused += [(f"{prefix}/{name}", reason) for name, reason in part.refused[: LISTED - len(self.refused)]]
        self.refused_by_reason.update(part.refused_by_reason)

    def report(self) -> Iterator[str]:
        """Lines on refused and ignored files: numbers by reason, and the first few names."""
        for reason, count in sorted(self.refused_by_reason.items()):
            yield f"{count:,} refused: {reason} ({few([name for name, why in self.refused if why == reason], count)})"
        if self.ignored:
            yield f"{self.ignored:,} other files ignored ({few(self._ignored(), self.ignored)})"

    def instead(self) -> str:
        """The end of a message about a source without pictures: what was found, and a remedy for nested archives."""
        found = self._ignored() + [f"{name} ({reason})" for name, reason in self.refused]
        if not found:
            return ""
        inner = _ARCHIVED & self.ignored_names.keys()
        remedy = (
            "; nested archives are not read: unpack the outer one, and give the folder of the inner ones"
            if inner
            else ""
        )
        return f"; found instead: {few(found, self.ignored + self.refused_by_reason.total())}{remedy}"

    def _ignored(self) -> list[str]:
        """Names of ignored files, one of each suffix first."""
        columns = [names[place : place + 1] for place in range(NAMED) for names in self.ignored_names.values()]
        return [name for names in columns for name in names]
