"""Compute the masks of gray pictures once, for all methods.

examples:
  ccc segment gray/ -o masks/ --segmenter sam_vit_h --option points_per_side=32
  ccc segment gray/ -o masks/ --coco masks.json
  ccc segment gray/ -o masks/ --segmenter masks --checkpoint other_tool/

segmenters: sam_vit_h, sam_vit_l, sam_vit_b, mobile_sam (with their published checkpoints); felzenszwalb and slic,
stand-ins that need no checkpoint and are named wherever their masks are used; masks, which reads the masks of another
tool: label maps (.png, .npy, .npz), COCO files, and folders written by Segment Anything's amg.py. Label 0 of a map is
background, unless --option background=none makes it a mask.
Pictures that have masks already are skipped, so that an interrupted run resumes.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.cli.options import add_allow_skipped, add_options, parse_options, skipped_status
from ccc.cli.progress import bar
from ccc.settings.options import Options
from ccc.settings.segmenter import SegmenterChoice

CHOICE = Options(SegmenterChoice, only=("name", "checkpoint"), flags={"name": "--segmenter"})


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("gray", type=Path, help="folder of gray pictures")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the masks, one JSON per picture")
    parser.add_argument("--coco", type=Path, help="also write the masks of all pictures to this COCO file")
    CHOICE.add(parser)
    parser.add_argument("--device", help="cpu, cuda, cuda:1 (default: the best available)")
    parser.add_argument("--overwrite", action="store_true", help="replace existing masks")
    add_allow_skipped(parser)
    parser.set_defaults(outputs=("output", "coco"))
    add_options(parser, "of the segmenter, such as points_per_side=32")


def run(args: Namespace) -> int:
    from ccc.segment import load, segment_folder

    choice = CHOICE.read(args)
    segmenter = load(choice.name, choice.checkpoint, args.device, **parse_options(args.option))
    counts = segment_folder(
        args.gray, args.output, segmenter, lambda items: bar(items, choice.name), args.overwrite, args.coco
    )
    seconds, skipped = counts.pop("seconds"), counts.pop("skipped")
    speed = f"; {counts['segmented'] / seconds:.2f} pictures/s on {segmenter.device}" if seconds else ""
    print(f"{args.output}: " + ", ".join(f"{count} {name}" for name, count in counts.items()) + speed)
    for error in skipped:
        print(f"  skipped {error}")
    return skipped_status(args, len(skipped))
