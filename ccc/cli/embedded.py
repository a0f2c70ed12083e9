"""Write the photographs that scikit-image ships: crops to train on, pictures to benchmark.

Training crops and benchmark pictures come from the same photographs but never share a pixel: training takes the left
part, the benchmark the right part. A model trained on them shows that the pipeline works, and no more.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.cli.progress import bar


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("output", type=Path, help="folder to write: train/, validation/ and benchmark/ beneath it")
    parser.add_argument(
        "--crops", type=int, default=24, help="training crops of each photograph (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="where the crops lie (default: %(default)s)")


def run(args: Namespace) -> None:
    from ccc.data.embedded import write

    counts = write(args.output, args.crops, args.seed, progress=lambda items: bar(items, "embedded"))
    print(", ".join(f"{count} {name}" for name, count in counts.items()), "pictures in", args.output)
