"""One page of what `ccc compare` drew and `ccc ablate` measured."""

from pathlib import Path


def add_arguments(parser):
    parser.add_argument("figures", nargs="+", type=Path, help="folders of `ccc compare`, in the page's own folder")
    parser.add_argument("--ablation", nargs="*", type=Path, default=[], help="CSV files of `ccc ablate`")
    parser.add_argument("-o", "--output", type=Path, required=True, help="HTML file to write")


def run(args):
    from ccc.report.harmonization import write_page

    write_page(args.output, args.figures, args.ablation)
    print(args.output)
