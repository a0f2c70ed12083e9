"""Measure Algorithm 1 under every delta and Psi, after nearest and bilinear upsampling.

example:
  ccc ablate gray/ truth/ --color bilinear=coloured/ --color nearest=nearest/ --masks masks.json -o ablation.csv
Each --color names a folder of coloured versions of the same pictures, such as two ways of upsampling class maps.
Pictures decoded by argmax hold bin centres, 10 apart, so that after nearest upsampling a delta of 8 leaves one colour
per segment.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.cli.options import add_options, add_pairs, aligned, at_least, parse_options
from ccc.cli.progress import bar
from ccc.settings.harmonization import PRINTED, Ablation, Algorithm
from ccc.settings.options import Options

GRID = Options(Ablation, only=("deltas", "min_pixels"), flags={"deltas": "--delta"})
FIXED = [name for name in Algorithm.model_fields if name not in PRINTED]
ALGORITHM = Options(Algorithm, only=FIXED)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("gray", type=Path, help="folder of gray pictures")
    parser.add_argument("truth", type=Path, help="folder of true pictures")
    add_pairs(parser, "--color", "NAME=FOLDER", "coloured pictures", required=True)
    parser.add_argument("--masks", type=Path, required=True, help="masks, as for `ccc harmonize`")
    add_options(parser, "of the masks, such as background=none")
    parser.add_argument("-o", "--output", type=Path, required=True, help="CSV file to write; also printed")
    GRID.add(parser)
    parser.add_argument("--count", type=at_least(1), help="number of pictures, the first by name (default: all)")
    ALGORITHM.add(parser)


def run(args: Namespace) -> None:
    from ccc.core.files import write_csv
    from ccc.harmonize.ablation import ablate
    from ccc.report.ablation import ablation_cells
    from ccc.segment import load

    masks = load("masks", args.masks, **parse_options(args.option))
    grid, algorithm = GRID.read(args), ALGORITHM.read(args)
    rows = ablate(
        args.gray, args.truth, args.color, masks, grid.deltas, grid.min_pixels,
        lambda items: bar(items, "ablate"), args.count, **algorithm.model_dump(include=set(FIXED)),
    )  # fmt: skip
    write_csv(args.output, rows)
    print(aligned(ablation_cells(rows)))
    print(f"{args.output}: {rows[0]['pictures']} pictures, masks of {rows[0]['segmenter']}")
