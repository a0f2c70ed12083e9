"""Tables, pictures and plots as pages that open from disk."""

from pathlib import Path

from ccc.cli.options import add_pairs, add_table_options, table_options
from ccc.cli.progress import bar
from ccc.settings.evaluation import Report
from ccc.settings.options import Options

REPORT = Options(Report)


def add_arguments(parser):
    parser.add_argument("metrics", nargs="+", type=Path, help="JSON files of `ccc evaluate`, their CSV beside them")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the pages, pictures/ and data/")
    parser.add_argument("--run", default="benchmark", help="name of the run (default: %(default)s)")
    parser.add_argument(
        "--results", type=Path, default=Path("results"), help="folder with benchmarks/, colorized/ and previews/"
    )
    parser.add_argument("--codebook", type=Path, help="codebook to draw")
    parser.add_argument("--training", type=Path, help="folder of `ccc train`, for its history and preview")
    parser.add_argument("--shards", nargs="+", default=[], help="shard tars, for how many pictures went in")
    parser.add_argument("--timings", type=Path, help="folder of Snakemake's benchmark files, <method>/<dataset>.tsv")
    add_pairs(parser, "--weights", "NAME=PATH", "file of weights, by what used it")
    REPORT.add(parser)
    add_table_options(parser)
    parser.add_argument("--rerun", default="snakemake --cores all", help="the command that makes the run again")


def run(args):
    from ccc.report.page import write_report
    from ccc.report.provenance import provenance

    page = write_report(
        args.output, args.run, args.metrics, args.results, codebook=args.codebook, training=args.training,
        shards=args.shards, timings=args.timings, weights=args.weights,
        max_pictures=REPORT.read(args).pictures, rerun=args.rerun, provenance=provenance(),
        progress=lambda items: bar(items, "report"), **table_options(args),
    )  # fmt: skip
    print(page)
