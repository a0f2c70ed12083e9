"""One page with tables and pictures, which opens from disk."""

from pathlib import Path

from ccc.cli.progress import bar


def add_arguments(parser):
    parser.add_argument("metrics", nargs="+", type=Path, help="JSON files of `ccc evaluate`, their CSV beside them")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for index.html and pictures/")
    parser.add_argument("--run", default="benchmark", help="name of the run, the page's title (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder with benchmarks/ and colorized/")
    parser.add_argument("--codebook", type=Path, help="codebook to draw")
    parser.add_argument("--training", type=Path, help="folder of `ccc train`, for its history and preview")
    parser.add_argument("--shards", nargs="+", default=[], help="shard tars, for how many pictures went in")
    parser.add_argument("--pictures", type=int, default=10, help="pictures of each benchmark (default: %(default)s)")
    parser.add_argument("--column", action="append", default=[], metavar="DATASET=NAME", help="as for `ccc tables`")
    parser.add_argument("--not-run", action="append", default=[], metavar="METHOD=REASON", help="as for `ccc tables`")


def run(args):
    from ccc.cli.options import parse_pairs
    from ccc.report.page import write_report

    page = write_report(
        args.output, args.run, args.metrics, args.results, parse_pairs(args.column), args.codebook, args.training,
        args.pictures, lambda items: bar(items, "report"), args.shards, parse_pairs(args.not_run),
    )  # fmt: skip
    print(page)
