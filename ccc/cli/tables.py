"""Write the summary of stored metrics, which `ccc report` reads, and Tables I to VII as csv, md and tex.

examples:
  ccc tables ours.json gray.json -o tables/       two methods measured by hand: tables/all_DATASET.md, .tex and .csv
  ccc tables results/metrics -o tables/ --column ade20k=ADE --not-run iizuka="no weights: ccc weights fetch iizuka"
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.cli.options import add_pairs
from ccc.settings.evaluation import Report
from ccc.settings.options import Options

INTERVAL = Options(Report, only=("interval",))


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "metrics",
        nargs="+",
        type=Path,
        help="JSON files of `ccc evaluate`, with their CSV beside them, or folders of these",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the tables")
    parser.add_argument(
        "--summary",
        type=Path,
        help="JSON file for `ccc report`, its parquet beside it (default: <output>/summary.json)",
    )
    parser.add_argument("--run", default="benchmark", help="name of the run (default: %(default)s)")
    parser.add_argument(
        "--model",
        type=Path,
        help="file of `ccc train`, whose settings Table II shows (default: the packaged model if pictures name it)",
    )
    parser.add_argument(
        "--leakage",
        nargs="+",
        default=[],
        type=Path,
        help="JSON files of `ccc leakage` about CCC's training photographs",
    )
    parser.set_defaults(outputs=("output", "summary"))
    INTERVAL.add(parser)
    for flag, dest, form, text in (
        ("column", "columns", "DATASET=NAME", "a dataset for the column ADE, Celeba, COCO, Ox. Flower or ImageNet"),
        ("not-run", "not_run", "METHOD=REASON", "a method without metrics, and the reason"),
        ("title", "titles", "METHOD=TITLE", "title of a method, instead of that in its metrics"),
        ("caution", "cautions", "DATASET=TEXT", "caution about a dataset's numbers"),
        ("harmonize", "harmonize", "NAME=VALUE", "min_pixels, delta_a or delta_b of Algorithm 1, for Table II"),
        ("weights", "weights", "NAME=PATH", "weight file, by its user, whose checksum the report shows"),
    ):  # fmt: skip
        add_pairs(parser, f"--{flag}", form, text, dest=dest)


def run(args: Namespace) -> None:
    from ccc.core.errors import CCCError
    from ccc.report.formats import write_tables
    from ccc.report.summary import read_results

    if args.summary and args.summary.suffix == ".parquet":
        raise CCCError(f"{args.summary}: the values beside the summary get this name; let its own end in .json")
    results = read_results(
        args.metrics, args.run, columns=args.columns, not_run=args.not_run, titles=args.titles, cautions=args.cautions,
        model=args.model, harmonize=args.harmonize, weights=args.weights, leakage=args.leakage,
        interval=INTERVAL.read(args).interval,
    )  # fmt: skip
    written = write_tables(results, args.output)
    results.write(args.summary or args.output / "summary.json")
    print(
        f"{args.output}: {len(written)} files; every metric: {', '.join(f'all_{name}.md' for name in results.datasets)}"
    )
