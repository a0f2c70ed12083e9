"""Object-selective colour harmonization (Algorithm 1) of coloured pictures.

Within each segment of the gray picture, colours far from the segment's commonest one become that one.

examples:
  ccc harmonize gray.jpg coloured.png -o harmonized.png
  ccc harmonize gray.jpg coloured.png --segmenter sam_vit_b --checkpoint sam_vit_b_01ec64.pth -o harmonized.png
  ccc harmonize gray/ coloured/ --masks masks/ -o harmonized/ --changes changes.csv
  ccc harmonize gray.jpg small.png --upsample bilinear --min-pixels 200 --delta-a 12 --delta-b 12 -o out/

IN_GRAY and IN_COLOR are two pictures, or two folders of pictures of the same names. Colours that bleed over the edge
of an object are outliers in the segment they bleed into, and take its colour; so do small true colours, such as a
red button on a coat: a larger delta or Psi keeps more of them. The pixels that change keep the gray picture's
lightness, all others stay as they are.

Masks are made by the segmenter, or read with --masks: a folder with <name>.json (`ccc segment`), .npz, .npy or .png
(label images) for each picture, a COCO file of many pictures, or such a file for one picture. felzenszwalb and slic
stand in for Segment Anything where there is no checkpoint. To try several settings, run `ccc segment` once.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.cli.options import add_options, parse_options
from ccc.cli.progress import bar
from ccc.settings.harmonization import Algorithm, Harmonization
from ccc.settings.options import Options

UPSAMPLE = "bring the colours of a picture of another size to the gray one's first (default: refuse it)"
ALGORITHM = Options(Harmonization, only=(*Algorithm.model_fields, "upsample"), texts={"upsample": UPSAMPLE})


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("gray", metavar="IN_GRAY", type=Path, help="gray picture, or a folder of them")
    parser.add_argument("color", metavar="IN_COLOR", type=Path, help="the same coloured, by any method")
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, required=True, help="folder, or a .png for one")
    masks = parser.add_argument_group("masks")
    masks.add_argument("--masks", type=Path, help="masks that were made before, by `ccc segment` or another tool")
    masks.add_argument("--segmenter", help="make them now; `ccc segment --help` tells which (default: felzenszwalb)")
    masks.add_argument("--checkpoint", type=Path, help="its weight file (default: where `ccc weights` looks)")
    masks.add_argument("--device", help="cpu, cuda, cuda:1 (default: the best there is)")
    add_options(masks, "of the segmenter, such as points_per_side=32")
    algorithm = parser.add_argument_group("Algorithm 1; the defaults are the paper's")
    ALGORITHM.add(algorithm)
    parser.add_argument("--changes", type=Path, help="CSV to write: how much of each picture changed, and how far")


def run(args: Namespace) -> None:
    from ccc.core.errors import CCCError
    from ccc.harmonize import harmonize_pictures, pair_up
    from ccc.segment import load
    from ccc.segment.given import Given

    if args.masks and args.segmenter:
        raise CCCError("give --masks, or --segmenter to make them now, not both")
    pairs = pair_up(args.gray, args.color, args.output)
    if args.masks:
        segmenter = load("masks", args.masks)
        if isinstance(segmenter, Given) and segmenter.single and len(pairs) > 1:
            raise CCCError(f"{args.masks}: holds the masks of one picture, and there are {len(pairs)} to harmonize")
    else:
        segmenter = load(args.segmenter or "felzenszwalb", args.checkpoint, args.device, **parse_options(args.option))
    chosen = ALGORITHM.read(args).model_dump(include=set(ALGORITHM.flags))
    rows = harmonize_pictures(pairs, segmenter, args.changes, lambda items: bar(items, "harmonize"), **chosen)
    share = sum(row["changed_share"] for row in rows) / len(rows)
    shift = sum(row["mean_ab_shift"] for row in rows) / len(rows)
    makers = " and ".join(sorted({row["segmenter"] for row in rows}))
    print(f"{args.output}: {len(rows)} pictures, {share:.1%} of the pixels changed, ab moved by {shift:.2f} on average")
    print(f"masks: {makers}" + (", a stand-in for Segment Anything" if segmenter.stand_in else ""))
