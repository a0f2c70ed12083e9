"""Metrics of one folder against another.

example:
  ccc evaluate coloured/ truth/
Pictures are matched by name. A metric whose weight file is not here is n/a, with the reason.
"""

from pathlib import Path

from ccc.cli.progress import bar


def add_arguments(parser):
    parser.add_argument("prediction", type=Path, help="folder of coloured pictures")
    parser.add_argument("truth", type=Path, help="folder of true pictures of the same names and sizes")
    parser.add_argument("--csv", type=Path, help="write one line a picture")
    parser.add_argument("--json", type=Path, help="write means and what is missing")
    parser.add_argument("--metrics", help="names with commas between them (default: the usual ones)")
    parser.add_argument(
        "--weights",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="weight file, such as alexnet=FILE; repeatable",
    )
    parser.add_argument("--changes", type=Path, help="CSV of `ccc harmonize --changes`, whose columns are added")
    for name, text in (
        ("method", "name of the method, kept in the JSON"),
        ("variant", "plain or sam, kept in the JSON"),
        ("dataset", "name of the benchmark, kept in the JSON"),
        ("title", "what tables call the method"),
        ("segmenter", "whose masks a harmonized folder used"),
    ):
        parser.add_argument(f"--{name}", help=text)


def run(args):
    import csv

    from ccc.cli.options import parse_pairs
    from ccc.errors import CCCError
    from ccc.metrics.evaluate import evaluate, save
    from ccc.metrics.registry import METRICS

    if bool(args.csv) != bool(args.json):
        raise CCCError("give both --csv and --json, or neither")
    names = [name.strip() for name in args.metrics.split(",")] if args.metrics else []
    rows, summary = evaluate(
        args.prediction, args.truth, names, parse_pairs(args.weights), lambda items: bar(items, "evaluate")
    )
    if args.changes:
        with open(args.changes, newline="") as file:
            changes = {row.pop("name"): row for row in csv.DictReader(file)}
        for row in rows:
            row |= {name: float(changes[row["name"]][name]) for name in ("changed_share", "mean_ab_shift")}
        summary["changes"] = {
            name: sum(row[name] for row in rows) / len(rows) for name in ("changed_share", "mean_ab_shift")
        }
    labels = {name: getattr(args, name) for name in ("method", "variant", "dataset", "title", "segmenter")}
    if args.csv:
        save(rows, summary | labels, args.csv, args.json)
    print(f"{args.prediction}: {summary['images']} pictures")
    for name in summary["versions"]:
        value = summary["mean"].get(name, summary["set"].get(name))
        reason = summary["missing"].get(name)
        shown = "n/a" if value is None else f"{value:.4f}"
        print(f"  {METRICS[name].title:<14} {shown}" + (f"  ({reason})" if reason else ""))
