"""Compute metrics of coloured pictures against the true ones.

examples:
  ccc evaluate coloured/ truth/
  ccc evaluate coloured/ truth/ --metrics psnr,cnr,pyiqa:gmsd --csv pictures.csv --json means.json
  ccc evaluate coloured.png true.jpg
  ccc evaluate coloured/ truth/ --json coloured.json --csv coloured.csv     then: ccc tables *.json -o tables/
  ccc evaluate coloured/ truth/ --protocol center_crop --title "My method"
  ccc evaluate coloured/ truth/ --family distribution --features truth.npz --json distribution.json
Pictures are matched by their path in the folder, without suffix; two files form a pair whatever their names. Files that
are no pictures, such as videos, are left out and counted.
docs/metrics.md explains each metric. A metric whose weight file is missing is n/a, with the reason. Exit status: 3 if a
metric named in --metrics has no value, else 0.
"""

import math
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.cli.options import add_allow_skipped, add_pairs, aligned, skipped_status
from ccc.cli.progress import bar
from ccc.core.errors import CCCError
from ccc.core.files import part_of_path
from ccc.core.stored import read_rows, reading
from ccc.metrics import field
from ccc.metrics.evaluate import Evaluation, evaluate
from ccc.metrics.folders import left_out, matched
from ccc.metrics.registry import find


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("prediction", type=Path, help="folder of coloured pictures, or one picture")
    parser.add_argument("truth", type=Path, help="folder of true pictures of the same names and sizes, or one picture")
    parser.add_argument("--csv", type=Path, help="CSV to write, one row per picture")
    parser.add_argument(
        "--json", type=Path, help="JSON to write: means, metrics of the whole set, and missing values with reasons"
    )
    parser.add_argument("--metrics", help="comma-separated metrics, also pyiqa:NAME (default: the default set)")
    parser.add_argument(
        "--protocol", choices=field.PROTOCOLS,
        help="the field's metrics for 256x256 pictures made by `ccc prepare --protocol`, and a LaTeX row",
    )  # fmt: skip
    parser.add_argument("--codebook", type=Path, help="codebook for the metric cnr_codebook")
    parser.add_argument("--family", help="only metrics of this family, see `ccc metrics`")
    parser.add_argument("--features", type=Path, help="features of the truth, written by `ccc features`, to save time")
    add_allow_skipped(parser)
    parser.set_defaults(outputs=("csv", "json"))
    add_pairs(parser, "--weights", "NAME=PATH", "weight file, such as alexnet=FILE")
    parser.add_argument("--changes", type=Path, help="CSV of `ccc harmonize --changes`, whose columns are added")
    for name, text in (
        ("method", "method name for the JSON (default: name of PREDICTION)"),
        ("variant", "plain, or sam for harmonized pictures, for the JSON (default: plain)"),
        ("dataset", "benchmark name for the JSON (default: name of TRUTH, or of the folder around one named truth)"),
        ("title", "title of the method in tables"),
        ("segmenter", "segmenter whose masks harmonized the pictures"),
    ):
        parser.add_argument(f"--{name}", help=text)
    parser.add_argument("--note", action="append", default=[], help="note on the method for tables; repeatable")


def run(args: Namespace) -> int:
    names = [name.strip() for name in args.metrics.split(",")] if args.metrics else []
    truth = args.truth.resolve()
    method = args.method or args.prediction.resolve().stem
    dataset = args.dataset or (truth.parent.name if truth.name == "truth" else truth.stem)
    try:
        labels = {"method": part_of_path(method), "dataset": part_of_path(dataset)}
    except ValueError as error:
        raise CCCError(f"--method, --dataset: {error}") from None
    if args.protocol:
        if names or args.family:
            raise CCCError("--protocol sets the metrics: omit --metrics and --family")
        field.check(args.protocol, matched(args.prediction, args.truth), args.truth)
        names = list(field.METRICS)
    for name, path in args.weights.items():
        if not Path(path).is_file():
            raise CCCError(f"{path}: no such file, given as the weights {name}; run `ccc weights fetch {name}`")
    found = evaluate(
        args.prediction, args.truth, names, args.weights, lambda items: bar(items, "evaluate"),
        codebook=args.codebook, family=args.family, features=args.features,
    )  # fmt: skip
    if protocol := args.protocol or field.stated(args.truth):
        found.summary["protocol"] = protocol
    if args.changes:
        _add_changes(found, args.changes)
    labels |= {"variant": args.variant or "plain", "title": args.title, "segmenter": args.segmenter}
    found.summary.update(labels)
    found.summary["notes"] = args.note
    found.save(args.csv, args.json)
    print(f"{args.prediction}: {found.summary['images']} pictures compared with {args.truth}")
    print("\n".join([*left_out(args.prediction, args.truth), "", *_table(found.summary, args.family)]))
    if args.protocol:
        print("\n" + field.latex(args.protocol, found.summary, args.title or args.method or args.prediction.name))
    values = found.summary["mean"] | found.summary["set"]
    lacking = [name for name in found.summary["missing"] if values[name] is None]
    return skipped_status(args, len(lacking) if args.metrics else 0)


def _add_changes(found: Evaluation, path: Path) -> None:
    columns = ("changed_share", "mean_ab_shift")
    with reading(path, "not the changes of these pictures", "run `ccc harmonize --changes` again"):
        changes = {row["name"]: row for row in read_rows(path)}
        for row in found.rows:
            row |= {name: _finite(changes[row["name"]][name]) for name in columns}
    found.summary["changes"] = {name: sum(row[name] for row in found.rows) / len(found.rows) for name in columns}


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is not a number")
    return number


def _table(summary: dict, family: str | None) -> list[str]:
    """The summary as text: a line per metric, then the reasons for missing values and the cautions."""

    def number(value: float | None) -> str:
        return "n/a" if value is None else f"{value:.4f}"

    rows: list[tuple[str, ...]] = [("metric", "mean", "median", "sd", "n", "")]
    reasons: dict[str, list[str]] = {}
    for name, direction in summary["directions"].items():
        title, better = find(name, family).title, f"{direction} is better" if direction else ""
        if name in summary["set"]:
            interval = summary["interval"][name]
            spread = f"[{number(interval[0])}, {number(interval[1])}]" if interval else ""
            rows.append((title, number(summary["set"][name]), spread, "", str(summary["images"]), better))
        else:
            figures = (number(summary[key][name]) for key in ("mean", "median", "sd"))
            rows.append((title, *figures, str(summary["n"][name]), better))
        found = [summary[key][name] for key in ("missing", "cautions") if name in summary[key]]
        if infinite := summary["infinite"].get(name):
            found.append(f"infinite for {infinite} pictures, left out of the mean")
        for reason in found:
            reasons.setdefault(reason, []).append(title)
    return [
        aligned(rows, left=(0, 5)),
        *[""][: len(reasons)],
        *(f"{', '.join(of)}: {why}" for why, of in reasons.items()),
    ]
