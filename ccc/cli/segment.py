"""Masks, once for every picture.

The segmenters `felzenszwalb` and `slic` are stand-ins for machines without a checkpoint of Segment Anything, and are
named as such wherever their masks are used. Pictures whose masks are there already are left as they are.
"""

from pathlib import Path

from ccc.cli.options import add_options, parse_options
from ccc.cli.progress import bar


def add_arguments(parser):
    parser.add_argument("gray", type=Path, help="folder of gray pictures")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the masks, one JSON a picture")
    parser.add_argument("--segmenter", default="felzenszwalb", help="its name (default: %(default)s)")
    parser.add_argument("--checkpoint", type=Path, help="weight file of a SAM, or the folder of the segmenter `masks`")
    parser.add_argument("--device", help="cpu, cuda, cuda:1 (default: the best there is)")
    add_options(parser, "of the segmenter, such as points_per_side=32")


def run(args):
    from ccc.segment import load, segment_folder

    segmenter = load(args.segmenter, args.checkpoint, args.device, **parse_options(args.option))
    counts = segment_folder(args.gray, args.output, segmenter, progress=lambda items: bar(items, args.segmenter))
    print(f"{args.output}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
