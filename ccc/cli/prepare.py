"""Pick benchmark pictures and write their truth and gray versions.

The choice depends only on the seed and the pictures. manifest.csv lists each picture's position in the source and the
SHA-256 of its file and of its truth.

  ccc prepare photos/ -o results/benchmarks/mine -n all
  ccc prepare flowers102 -o results/benchmarks/flowers102

The second command takes 50 pictures of the official test part of a set that `ccc data fetch` downloaded. Subfolders are
flattened: a/1.jpg becomes 1.png, or a__1.png if that name is taken.
"""

from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path

from ccc.cli.options import add_allow_skipped, skipped_status
from ccc.cli.progress import bar
from ccc.settings.evaluation import Preparation
from ccc.settings.options import Options

CHOICE = Options(Preparation, only=("n", "pick", "seed", "protocol", "side"), flags={"n": "-n --count"})


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "source", help="folder (any depth), tar, tar.gz, zip, .txt list of pictures, or a set of `ccc data list`"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        help="folder for manifest.csv, truth/ and gray/, replaced if present",
    )
    CHOICE.add(parser)
    add_allow_skipped(parser)
    parser.add_argument(
        "--dataset", metavar="NAME", help="SOURCE is the path of this set's archive; take only its official part"
    )


def run(args: Namespace) -> int:
    from ccc.assets.photographs import named, resolve
    from ccc.core.errors import CCCError
    from ccc.data.benchmark import prepare
    from ccc.data.sources import Source

    choice = CHOICE.read(args, source=args.source)
    count = None if choice.n == "all" else choice.n
    side = None if choice.side == "keep" else choice.side
    source, dataset = resolve(args.source)
    if args.dataset:
        dataset = named(args.dataset)
    output, photographs = args.output.resolve(), Path(source).resolve()
    if photographs.is_dir() and photographs in (output, *output.parents):
        raise CCCError(f"{args.output}: in the folder of the photographs, {source}; give another folder with -o")
    opened = Source(source)
    written, skipped = prepare(
        opened, args.output, count, choice.seed, side, dataset, lambda items: bar(items, "prepare"), choice.pick,
        choice.protocol,
    )  # fmt: skip
    reasons = Counter(error.reason for error in skipped)
    counted = "".join(f", {count} {reason}" for reason, count in sorted(reasons.items()))
    print(f"{args.output}: {written} pictures, {len(skipped)} skipped{counted}")
    for line in opened.report():
        print(f"  {line}")
    for error in skipped:
        print(f"  skipped {error}")
    if count is not None and written < count:
        print(f"  {args.source} has fewer than {count} readable pictures: all are taken")
    return skipped_status(args, len(skipped) + opened.refused_by_reason.total())
