"""Thumbnails, class maps and error maps of folders of pictures.

Class maps show each pixel's class of 400 in its colour, error maps CIEDE2000 from black (0) to white (40).
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.cli.progress import bar


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("pictures", nargs="+", type=Path, help="folders of RGB PNGs")
    parser.add_argument("--truth", nargs="+", type=Path, required=True, help="each one's folder of true pictures")
    parser.add_argument("-o", "--output", nargs="+", type=Path, required=True, help="each one's folder to write")
    parser.add_argument("--count", type=int, help="only the first pictures by name (default: all)")


def run(args: Namespace) -> None:
    from ccc.core.errors import CCCError
    from ccc.report.previews import write_previews

    if not len(args.pictures) == len(args.truth) == len(args.output):
        raise CCCError("give as many folders to --truth and to --output as folders of pictures")
    for pictures, truth, output in zip(args.pictures, args.truth, args.output, strict=True):
        write_previews(pictures, truth, output, args.count, lambda items: bar(items, "previews"))
        print(output)
