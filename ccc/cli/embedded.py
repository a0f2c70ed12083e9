"""Write scikit-image's photographs as training crops and benchmark pictures.

Training crops come from the left part of each photograph and benchmark pictures from the right part, so that they share
no pixel. A model trained on them only shows that the pipeline works.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.cli.options import at_least
from ccc.cli.progress import bar


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("output", type=Path, help="folder to write, with train/, validation/ and benchmark/")
    text = "(default: %(default)s)"
    parser.add_argument("--crops", type=at_least(1), default=24, help=f"training crops per photograph {text}")
    parser.add_argument("--seed", type=at_least(0), default=0, help=f"seed of the crops' positions {text}")


def run(args: Namespace) -> None:
    from ccc.data.embedded import write

    counts = write(args.output, args.crops, args.seed, progress=lambda items: bar(items, "embedded"))
    print(", ".join(f"{count} {name}" for name, count in counts.items()), "pictures in", args.output)
