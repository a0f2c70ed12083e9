"""Apply object-selective colour harmonization (Algorithm 1) to coloured pictures.

Within each segment of the gray picture, colours far from the segment's mode are replaced by it.

examples:
  ccc harmonize gray.jpg coloured.png -o harmonized.png
  ccc harmonize gray.jpg coloured.png --segmenter sam_vit_b --checkpoint sam_vit_b_01ec64.pth -o harmonized.png
  ccc harmonize gray/ coloured/ --masks masks/ -o harmonized/ --changes changes.csv
  ccc harmonize gray.jpg small.png --upsample bilinear --min-pixels 200 --delta-a 12 --delta-b 12 -o out/

IN_GRAY and IN_COLOR are two pictures, or two folders of pictures of the same names. Colours that bleed over an object's
edge are outliers in the neighbouring segment and take its mode. So do small true colours, such as a red button on a
coat; a larger delta or Psi keeps more of them. Changed pixels keep the gray picture's lightness.

Masks come from --segmenter or from --masks: a folder with <name>.json (`ccc segment`), .npz, .npy or .png (label
images) for each picture, a COCO file, or a file for one picture. Pictures without masks are skipped and named.
felzenszwalb and slic are stand-ins for Segment Anything that need no checkpoint. To compare settings, run `ccc
segment` once.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.cli.options import add_allow_skipped, add_options, parse_options, skipped_status
from ccc.cli.progress import bar
from ccc.settings.harmonization import Algorithm, Harmonization
from ccc.settings.options import Options

UPSAMPLE = "resize coloured pictures of another size to the gray picture's (default: refuse them)"
ALGORITHM = Options(Harmonization, only=(*Algorithm.model_fields, "upsample"), texts={"upsample": UPSAMPLE})


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("gray", metavar="IN_GRAY", type=Path, help="gray picture, or a folder of them")
    parser.add_argument("color", metavar="IN_COLOR", type=Path, help="the coloured picture or folder, by any method")
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=Path,
        required=True,
        help="folder to write, or a .png for one picture; replaces earlier results of the same names",
    )
    parser.add_argument("--overwrite", action="store_true", help="also replace pictures that are not from this command")
    masks = parser.add_argument_group("masks")
    masks.add_argument("--masks", type=Path, help="existing masks; short for --segmenter masks --checkpoint MASKS")
    masks.add_argument(
        "--segmenter", help="segmenter that computes masks, see `ccc segment --help` (default: felzenszwalb)"
    )
    masks.add_argument(
        "--checkpoint", type=Path, help="weight file of the segmenter (default: the one that `ccc weights` finds)"
    )
    masks.add_argument("--device", help="cpu, cuda, cuda:1 (default: the best available)")
    add_options(masks, "of the segmenter, such as points_per_side=32, or background=none with --masks")
    algorithm = parser.add_argument_group("Algorithm 1; the defaults are the paper's")
    ALGORITHM.add(algorithm)
    parser.add_argument(
        "--changes", type=Path, help="CSV to write: share of changed pixels and mean ab shift of each picture"
    )
    add_allow_skipped(parser)
    parser.set_defaults(outputs=("output", "changes"))


def run(args: Namespace) -> int:
    from ccc.core.errors import CCCError
    from ccc.data.files import pictures_of
    from ccc.harmonize import harmonize_pictures, pair_up
    from ccc.segment import load

    if args.masks and (args.segmenter or args.checkpoint):
        raise CCCError("--masks PATH is short for --segmenter masks --checkpoint PATH: give either, not both")
    pairs = pair_up(args.gray, args.color, args.output)
    name, checkpoint = ("masks", args.masks) if args.masks else (args.segmenter or "felzenszwalb", args.checkpoint)
    segmenter = load(name, checkpoint, args.device, **parse_options(args.option))
    if segmenter.single and len(pairs) > 1:
        raise CCCError(
            f"{checkpoint}: masks of one picture, but there are {len(pairs)} pictures; give a folder of masks"
        )
    chosen = ALGORITHM.read(args).model_dump(include=set(ALGORITHM.flags))
    skipped: list[str] = []
    rows = harmonize_pictures(
        pairs, segmenter, args.changes, lambda items: bar(items, "harmonize"), skipped, args.overwrite, **chosen
    )
    share = sum(row["changed_share"] for row in rows) / len(rows)
    shift = sum(row["mean_ab_shift"] for row in rows) / len(rows)
    makers = " and ".join(sorted({row["segmenter"] for row in rows}))
    print(
        f"{args.output}: {len(rows)} pictures, {share:.1%} of the pixels changed, ab moved by {shift:.2f} on average"
        + (f", {len(skipped)} skipped" if skipped else "")
    )
    print(f"masks: {makers}" + (", a stand-in for Segment Anything" if segmenter.stand_in else ""))
    for error in skipped:
        print(f"  skipped {error}")
    if bare := sum(not row["segments_used"] for row in rows):
        print(f"  {bare} of the pictures have no mask of more than Psi pixels and keep their colours")
    left = len(pictures_of(args.color)) - len(pairs) if args.color.is_dir() else 0
    if left:
        print(f"  {left} of the coloured pictures left out: {args.gray} has no gray one of that name")
    return skipped_status(args, len(skipped) + left)
