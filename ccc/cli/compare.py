"""Draw what harmonization changed: before and after, masks outlined, edges magnified.

example:
  ccc compare gray/ coloured/ harmonized/ --masks masks.json --truth truth/ -o figures/
Draws the pictures that changed most. The rows below a picture magnify the places at mask outlines where colours
changed most, which shows whether colour bleeding is gone.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.cli.options import add_options, at_least, parse_options
from ccc.cli.progress import bar
from ccc.settings.harmonization import Algorithm
from ccc.settings.options import Options

TEXT = "Psi: outline segments of more pixels than this"
PSI = Options(Algorithm, only=("min_pixels",), texts={"min_pixels": TEXT})


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("gray", type=Path, help="folder of gray pictures")
    parser.add_argument("before", type=Path, help="folder of coloured pictures")
    parser.add_argument("after", type=Path, help="folder of the same pictures, harmonized")
    parser.add_argument("--masks", type=Path, required=True, help="masks, as for `ccc harmonize`")
    add_options(parser, "of the masks, such as background=none")
    parser.add_argument("--truth", type=Path, help="folder of true pictures, drawn beside them")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the figures")
    parser.add_argument("--count", type=at_least(0), default=3, help="number of pictures (default: %(default)s)")
    parser.add_argument(
        "--windows", type=at_least(0), default=2, help="magnified places per picture (default: %(default)s)"
    )
    PSI.add(parser)


def run(args: Namespace) -> None:
    from ccc.harmonize.comparison import write_comparisons
    from ccc.segment import load

    masks = load("masks", args.masks, **parse_options(args.option))
    written = write_comparisons(
        args.gray, args.before, args.after, masks, args.output, args.count, args.truth,
        args.windows, PSI.read(args).min_pixels, lambda items: bar(items, "compare"),
    )  # fmt: skip
    print(f"{args.output}: {len(written)} pictures drawn")
    for line in written:
        print(f"  {line['file']}  {line['name']}: {line['changed_share']:.1%} of the pixels changed")
