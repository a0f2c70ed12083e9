"""What Algorithm 1 does under every delta and Psi, as one table.

example:
  ccc ablate gray/ truth/ --color bilinear=coloured/ --color nearest=nearest/ --masks masks.json -o ablation.csv
Each --color names a folder of the same pictures coloured, such as the two ways of bringing class maps to full size:
decoded by argmax they hold bin centres, 10 apart, and a delta of 8 then leaves one colour of every segment where the
upsampling is nearest.
"""

from pathlib import Path

from ccc.cli.progress import bar
from ccc.settings.harmonization import Ablation, Algorithm
from ccc.settings.options import Options

GRID = Options(Ablation, only=("deltas", "min_pixels"), flags={"deltas": "--delta"})
ALGORITHM = Options(Algorithm, only=("mode_bin", "order", "mode"))


def add_arguments(parser):
    parser.add_argument("gray", type=Path, help="folder of gray pictures")
    parser.add_argument("truth", type=Path, help="folder of the true pictures")
    parser.add_argument(
        "--color", action="append", required=True, metavar="NAME=FOLDER", help="coloured pictures; repeatable"
    )
    parser.add_argument("--masks", type=Path, required=True, help="as for `ccc harmonize`")
    parser.add_argument("-o", "--output", type=Path, required=True, help="CSV to write; it is printed as well")
    GRID.add(parser)
    parser.add_argument("--count", type=int, help="only so many pictures, the first by name (default: all)")
    ALGORITHM.add(parser)


def run(args):
    from ccc.cli.options import parse_pairs
    from ccc.core.files import write_csv
    from ccc.harmonize.ablation import ablate
    from ccc.report.ablation import ablation_cells
    from ccc.segment import load

    grid, algorithm = GRID.read(args), ALGORITHM.read(args)
    rows = ablate(
        args.gray, args.truth, parse_pairs(args.color), load("masks", args.masks), grid.deltas, grid.min_pixels,
        lambda items: bar(items, "ablate"), args.count, mode_bin=algorithm.mode_bin, order=algorithm.order,
        mode=algorithm.mode,
    )  # fmt: skip
    write_csv(args.output, rows)
    words = ablation_cells(rows)
    widths = [max(map(len, column)) for column in zip(*words, strict=True)]
    for row in words:
        print("  ".join(word.rjust(width) for word, width in zip(row, widths, strict=True)))
    print(f"{args.output}: {rows[0]['pictures']} pictures, masks of {rows[0]['segmenter']}")
