"""Tables I to VII as csv, md and tex, and every figure with its statistics, from stored metrics.

example:
  ccc tables results/metrics -o tables/ --column ade20k=ADE --not-run iizuka="no weights: ccc weights fetch iizuka"
"""

from pathlib import Path


def add_arguments(parser):
    parser.add_argument(
        "metrics", nargs="+", type=Path, help="JSON files of `ccc evaluate`, their CSV beside them, or folders of these"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the tables")
    parser.add_argument(
        "--column", action="append", default=[], metavar="DATASET=NAME",
        help="a dataset that stands for one of the paper's: ADE, Celeba, COCO, Ox. Flower, ImageNet; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--not-run", action="append", default=[], metavar="METHOD=REASON",
        help="a method that has no metrics, and why; repeatable",
    )  # fmt: skip
    parser.add_argument("--model", type=Path, help="file of `ccc train`, whose settings Table II shows")
    parser.add_argument(
        "--harmonize", action="append", default=[], metavar="NAME=VALUE",
        help="min_pixels, delta_a or delta_b of Algorithm 1, which Table II shows; repeatable",
    )  # fmt: skip


def run(args):
    from ccc.cli.options import parse_pairs
    from ccc.report.results import write_tables

    written = write_tables(
        args.metrics, args.output, parse_pairs(args.column), not_run=parse_pairs(args.not_run), model=args.model,
        harmonize=parse_pairs(args.harmonize),
    )  # fmt: skip
    print(f"{args.output}: {len(written)} files")
