"""Write thumbnails, class maps and error maps of folders of pictures.

Class maps show each pixel in the colour of its class of 400, error maps CIEDE2000 from black (0) to white (40).
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.cli.options import at_least
from ccc.cli.progress import bar


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("pictures", nargs="+", type=Path, help="folders of RGB PNGs")
    parser.add_argument("--truth", nargs="+", type=Path, required=True, help="folder of true pictures for each")
    parser.add_argument("-o", "--output", nargs="+", type=Path, required=True, help="folder to write for each")
    parser.add_argument("--count", type=at_least(1), help="number of pictures, the first by name (default: all)")


def run(args: Namespace) -> None:
    from ccc.core.errors import CCCError
    from ccc.report.previews import write_previews

    if not len(args.pictures) == len(args.truth) == len(args.output):
        raise CCCError("--truth and --output need as many folders as there are folders of pictures")
    for pictures, truth, output in zip(args.pictures, args.truth, args.output, strict=True):
        write_previews(pictures, truth, output, args.count, lambda items: bar(items, "previews"))
        print(output)
