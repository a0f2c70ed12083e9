"""Writes docs/formats.md from `formats.md.j2` and the tables in the code: `python -m ccc.cli.formats`."""

from collections.abc import Iterable
from pathlib import Path

import jinja2

from ccc.colorizers._tracks import SOUND
from ccc.colorizers.filing import WRITTEN
from ccc.core.decode import DEFAULT_LIMIT, FORMAT_NOTES, LIMIT
from ccc.core.errors import STATUSES
from ccc.core.files import write_text
from ccc.data.archives import FOREIGN
from ccc.data.files import ARCHIVES, LISTS
from ccc.data.lists import COLUMNS, MAX_LIST
from ccc.data.sources import MAX_BYTES
from ccc.segment import given

PAGE = Path(__file__).resolve().parents[2] / "docs/formats.md"


def page() -> str:
    """Contents of docs/formats.md."""

    def named(words: Iterable[str]) -> str:
        return ", ".join(f"`{word}`" for word in words)

    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(Path(__file__).with_suffix(".md.j2").read_text(encoding="utf-8"))
    return template.render(
        formats=FORMAT_NOTES, archives=named(sorted(ARCHIVES)), lists=named(sorted(LISTS)), list_mb=MAX_LIST >> 20,
        columns=named(COLUMNS), masks=named(sorted(given.SUFFIXES)), table=given.TABLE, sound=named(sorted(SOUND)),
        written=named(sorted(WRITTEN)), picture_mb=DEFAULT_LIMIT, picture_limit=LIMIT, file_mb=MAX_BYTES >> 20,
        foreign=[text.partition("; ")[0] for text in FOREIGN.values()], statuses=STATUSES,
    )  # fmt: skip


if __name__ == "__main__":
    write_text(PAGE, page())
