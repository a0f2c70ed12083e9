"""Progress on standard error: a bar on a terminal, an occasional line in a log file."""

import contextlib
import sys
from collections.abc import Callable, Generator, Iterable

from tqdm import tqdm


def bar(items: Iterable | None, label: str, total: int | None = None, unit: str = " pictures", **more) -> tqdm:
    """Iterate over `items` with a progress bar, which appears after one second."""
    interval = 0.2 if sys.stderr.isatty() else 15
    return tqdm(items, label, total, unit=unit, mininterval=interval, delay=1, file=sys.stderr, **more)


@contextlib.contextmanager
def transfer() -> Generator[Callable[[str, int, int | None], None]]:
    """Yields `report(file, done, total)`, in bytes, which shows one progress bar per file after one second."""
    with contextlib.ExitStack() as stack:
        bars = {}

        def report(file: str, done: int, total: int | None) -> None:
            if file not in bars:
                bars[file] = stack.enter_context(bar(None, file, total, "B", initial=done, unit_scale=True))
            bars[file].total = total
            bars[file].update(done - bars[file].n)

        yield report
