"""Measure a folder of pictures, or one, against the true ones.

examples:
  ccc evaluate coloured/ truth/
  ccc evaluate coloured/ truth/ --metrics psnr,cnr,pyiqa:gmsd --csv pictures.csv --json means.json
  ccc evaluate coloured.png true.jpg
  ccc evaluate coloured/ truth/ --protocol center_crop --title "My method"
  ccc evaluate coloured/ truth/ --family distribution --features truth.npz --json distribution.json
Pictures are matched by their path below the folder, without suffix; two files of any names are one pair. What each
metric is: docs/metrics.md. A metric whose weight file is not here is n/a, with the reason. Exit status: 3 where one
that --metrics names has no value, 0 else.
"""

import math
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ccc.cli.options import add_allow_skipped, add_pairs, aligned, skipped_status
from ccc.cli.progress import bar
from ccc.metrics.field import PROTOCOLS

if TYPE_CHECKING:
    from ccc.metrics.evaluate import Evaluation


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("prediction", type=Path, help="folder of coloured pictures, or one picture")
    parser.add_argument("truth", type=Path, help="folder of true pictures of the same names and sizes, or one picture")
    parser.add_argument("--csv", type=Path, help="write one line a picture")
    parser.add_argument("--json", type=Path, help="write means, figures of the whole set and what is missing")
    parser.add_argument("--metrics", help="names with commas between them (default: the usual ones); pyiqa:NAME too")
    parser.add_argument(
        "--protocol", choices=PROTOCOLS,
        help="the field's metrics of pictures of 256x256, cropped or squashed by `ccc prepare --protocol`, and a "
        "row of LaTeX",
    )  # fmt: skip
    parser.add_argument("--codebook", type=Path, help="file of the colour classes of cnr_codebook")
    parser.add_argument("--family", help="only metrics of this family: `ccc metrics` names it for each")
    parser.add_argument("--features", type=Path, help="file of `ccc features` for the truth, which saves its passes")
    add_allow_skipped(parser)
    add_pairs(parser, "--weights", "NAME=PATH", "weight file, such as alexnet=FILE")
    parser.add_argument("--changes", type=Path, help="CSV of `ccc harmonize --changes`, whose columns are added")
    for name, text in (
        ("method", "name of the method, kept in the JSON"),
        ("variant", "plain or sam, kept in the JSON"),
        ("dataset", "name of the benchmark, kept in the JSON"),
        ("title", "what tables call the method"),
        ("segmenter", "whose masks a harmonized folder used"),
    ):
        parser.add_argument(f"--{name}", help=text)
    parser.add_argument("--note", action="append", default=[], help="what tables shall say of the method; repeatable")


def run(args: Namespace) -> int:
    from ccc.core.errors import CCCError
    from ccc.metrics import field
    from ccc.metrics.evaluate import evaluate
    from ccc.metrics.folders import matched

    names = [name.strip() for name in args.metrics.split(",")] if args.metrics else []
    if args.protocol:
        if names or args.family:
            raise CCCError("--protocol has metrics of its own: leave out --metrics and --family")
        field.check(args.protocol, matched(args.prediction, args.truth), args.truth)
        names = list(field.METRICS)
    for name, path in args.weights.items():
        if not Path(path).is_file():
            raise CCCError(f"{path}: no such file, given as the weights {name}; `ccc weights fetch {name}` gets it")
    found = evaluate(
        args.prediction, args.truth, names, args.weights, lambda items: bar(items, "evaluate"),
        codebook=args.codebook, family=args.family, features=args.features,
    )  # fmt: skip
    if protocol := args.protocol or field.stated(args.truth):
        found.summary["protocol"] = protocol
    if args.changes:
        _add_changes(found, args.changes)
    found.summary.update({name: getattr(args, name) for name in ("method", "variant", "dataset", "title", "segmenter")})
    found.summary["notes"] = args.note
    found.save(args.csv, args.json)
    print(f"{args.prediction}: {found.summary['images']} pictures beside those of {args.truth}\n")
    print("\n".join(_table(found.summary, args.family)))
    if args.protocol:
        print("\n" + field.latex(args.protocol, found.summary, args.title or args.method or args.prediction.name))
    values = found.summary["mean"] | found.summary["set"]
    lacking = [name for name in found.summary["missing"] if values[name] is None]
    return skipped_status(args, len(lacking) if args.metrics else 0)


def _add_changes(found: "Evaluation", path: Path) -> None:
    import csv

    from ccc.core.errors import CCCError
    from ccc.core.files import regular

    columns = ("changed_share", "mean_ab_shift")
    try:
        with open(regular(path), newline="", encoding="utf-8") as file:
            changes = {row.get("name"): row for row in csv.DictReader(file)}
        for row in found.rows:
            row |= {name: _finite(changes[row["name"]][name]) for name in columns}
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise CCCError(f"{path}: not the changes of these pictures ({error}); run `ccc harmonize` again") from None
    found.summary["changes"] = {name: sum(row[name] for row in found.rows) / len(found.rows) for name in columns}


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is no number")
    return number


def _table(summary: dict, family: str | None) -> list[str]:
    """The summary for a reader: a line a metric, then why some have no value."""
    from ccc.metrics.registry import find

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
