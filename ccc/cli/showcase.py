"""Copy pictures of prepared benchmarks into a benchmark of their own."""

from argparse import ArgumentParser, Namespace
from pathlib import Path


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("benchmarks", nargs="+", type=Path, help="folders of `ccc prepare`")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for manifest.csv, truth/ and gray/")
    text = "picture to copy; repeatable (default: eight, taken from each benchmark in turn)"
    parser.add_argument("--picture", action="append", default=[], metavar="DATASET/NAME", help=text)


def run(args: Namespace) -> None:
    from ccc.data.benchmark import showcase

    print(f"{args.output}: {showcase(args.benchmarks, args.output, args.picture)} pictures")
