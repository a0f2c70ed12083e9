"""Thumbnails, class maps and error maps of a folder of pictures.

Class maps show each pixel's class of 400 in its colour, error maps CIEDE2000 from black (0) to white (40).
"""

from pathlib import Path

from ccc.cli.progress import bar


def add_arguments(parser):
    parser.add_argument("pictures", type=Path, help="folder of RGB PNGs")
    parser.add_argument("--truth", type=Path, required=True, help="folder of true pictures of the same names")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--count", type=int, help="only the first pictures by name (default: all)")


def run(args):
    from ccc.report.previews import write_previews

    write_previews(args.pictures, args.truth, args.output, args.count, lambda items: bar(items, "previews"))
    print(args.output)
