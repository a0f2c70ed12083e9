"""Write tables, pictures and plots as web pages that open from disk."""

import os
import shlex
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.cli.progress import bar
from ccc.settings.evaluation import Report
from ccc.settings.options import Options

REPORT = Options(Report, only=("pictures",))


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("summary", type=Path, help="JSON file of `ccc tables`, its parquet beside it")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the pages, pictures/ and data/")
    parser.add_argument(
        "--results", type=Path, default=Path("results"), help="folder with benchmarks/, colorized/ and previews/"
    )
    parser.add_argument("--codebook", type=Path, help="codebook to draw")
    parser.add_argument("--training", type=Path, help="folder of `ccc train`, for its history and preview")
    parser.add_argument("--shards", nargs="+", default=[], help="shard tars, to count the training pictures")
    parser.add_argument(
        "--comparisons", nargs="+", default=[], type=Path, help="folders of `ccc compare`, in the output's folder"
    )
    parser.add_argument("--ablations", nargs="+", default=[], type=Path, help="CSV files of `ccc ablate`")
    REPORT.add(parser)
    parser.add_argument(
        "--rerun", default="snakemake --cores all",
        help="command that repeats the run; {folder} stands for the working folder (default: %(default)s)",
    )  # fmt: skip


def run(args: Namespace) -> None:
    from ccc.core.errors import CCCError
    from ccc.report.page import write_report
    from ccc.report.provenance import provenance

    try:
        words = shlex.split(args.rerun)
    except ValueError as error:
        raise CCCError(f"--rerun: no command ({error}): {args.rerun}") from None
    words = [os.path.normpath(word.replace("{folder}", os.getcwd())) if "{folder}" in word else word for word in words]
    page = write_report(
        args.summary, args.output, args.results, codebook=args.codebook, training=args.training, shards=args.shards,
        comparisons=args.comparisons, ablations=args.ablations, max_pictures=REPORT.read(args).pictures,
        rerun=shlex.join(words), provenance=provenance(), progress=lambda items: bar(items, "report"),
    )  # fmt: skip
    print(page)
