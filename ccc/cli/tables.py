"""The paper's Tables I to VII, and every figure with its statistics, from stored metrics.

example:
  ccc tables results/metrics -o tables/ --column ade20k=ADE --not-run iizuka="no weights: ccc weights fetch iizuka"
"""

from pathlib import Path

from ccc.cli.options import add_table_options, table_options


def add_arguments(parser):
    parser.add_argument(
        "metrics", nargs="+", type=Path, help="JSON files of `ccc evaluate`, their CSV beside them, or folders of these"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the tables")
    add_table_options(parser)


def run(args):
    from ccc.report.results import write_tables

    written = write_tables(args.metrics, args.output, **table_options(args))
    print(f"{args.output}: {len(written)} files")
