"""Progress on standard error: a bar at a terminal, a line now and then in a log file."""

import contextlib
import sys
from collections.abc import Callable, Generator, Iterable

from tqdm import tqdm


def bar(items: Iterable | None, label: str, total: int | None = None, unit: str = " pictures", **more) -> tqdm:
    """Iterate over `items` and show how far it is; quiet unless it takes more than a second."""
    interval = 0.2 if sys.stderr.isatty() else 15
    return tqdm(items, label, total, unit=unit, mininterval=interval, delay=1, file=sys.stderr, **more)


@contextlib.contextmanager
def transfer() -> Generator[Callable[[str, int, int | None], None]]:
    """Give `report(file, done, total)`, in bytes, which shows one bar a file; quiet where it takes under a second."""
    with contextlib.ExitStack() as stack:
        bars = {}

        def report(file: str, done: int, total: int | None) -> None:
            if file not in bars:
                bars[file] = stack.enter_context(bar(None, file, total, "B", initial=done, unit_scale=True))
            bars[file].total = total
            bars[file].update(done - bars[file].n)

        yield report
