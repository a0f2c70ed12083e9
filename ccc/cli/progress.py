"""Progress on standard error: a bar at a terminal, a line now and then in a log file."""

import sys

from tqdm import tqdm


def bar(items, label: str, total: int | None = None, unit: str = "pictures"):
    """Iterate over `items` and show how far it is; quiet unless it takes more than a second."""
    interval = 0.2 if sys.stderr.isatty() else 15
    return tqdm(items, desc=label, total=total, unit=f" {unit}", mininterval=interval, delay=1, file=sys.stderr)
