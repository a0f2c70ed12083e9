"""Tables III to VII as csv, md and tex, and every value in results.csv."""

from pathlib import Path


def add_arguments(parser):
    parser.add_argument("metrics", nargs="+", type=Path, help="JSON files of `ccc evaluate`, their CSV beside them")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the tables")
    parser.add_argument(
        "--column", action="append", default=[], metavar="DATASET=NAME",
        help="a dataset that stands for one of the paper's: ADE, Celeba, COCO, Ox. Flower, ImageNet; repeatable",
    )  # fmt: skip


def run(args):
    from ccc.cli.options import parse_pairs
    from ccc.report.tables import write_tables

    written = write_tables(args.metrics, args.output, parse_pairs(args.column))
    print(f"{args.output}: {len(written)} files")
