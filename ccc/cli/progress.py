"""Progress on standard error: a bar at a terminal, a line now and then in a log file."""

import contextlib
import sys
from collections.abc import Callable, Iterator

from tqdm import tqdm


def bar(items, label: str, total: int | None = None, unit: str = "pictures"):
    """Iterate over `items` and show how far it is; quiet unless it takes more than a second."""
    interval = 0.2 if sys.stderr.isatty() else 15
    return tqdm(items, desc=label, total=total, unit=f" {unit}", mininterval=interval, delay=1, file=sys.stderr)


@contextlib.contextmanager
def transfer() -> Iterator[Callable[[str, int, int | None], None]]:
    """Give `report(file, done, total)`, in bytes, which shows one bar a file; quiet where it takes under a second."""
    with contextlib.ExitStack() as stack:
        bars = {}

        def report(file: str, done: int, total: int | None) -> None:
            if file not in bars:
                interval = 0.2 if sys.stderr.isatty() else 15
                bars[file] = stack.enter_context(
                    tqdm(
                        desc=file, total=total, initial=done, unit="B", unit_scale=True, mininterval=interval, delay=1,
                        file=sys.stderr,
                    )
                )  # fmt: skip
            bars[file].total = total
            bars[file].update(done - bars[file].n)

        yield report
