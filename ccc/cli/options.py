"""`--option name=value` for the parameters that methods and segmenters have of their own."""

from pathlib import Path

import yaml

from ccc.core.errors import CCCError


def add_options(parser, text: str) -> None:
    """Add `--option`, which may be repeated."""
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help=f"parameter {text}; repeatable"
    )


def add_table_options(parser) -> None:
    """Add what the tables need beside the metrics; `table_options` reads them."""
    parser.add_argument(
        "--column", action="append", default=[], metavar="DATASET=NAME",
        help="a dataset that stands for one of the paper's: ADE, Celeba, COCO, Ox. Flower, ImageNet; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--not-run", action="append", default=[], metavar="METHOD=REASON",
        help="a method that has no metrics, and why; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--title", action="append", default=[], metavar="METHOD=TITLE",
        help="what to call a method, whatever its metrics call it; repeatable",
    )  # fmt: skip
    parser.add_argument("--model", type=Path, help="file of `ccc train`, whose settings Table II shows")
    parser.add_argument(
        "--harmonize", action="append", default=[], metavar="NAME=VALUE",
        help="min_pixels, delta_a or delta_b of Algorithm 1, which Table II shows; repeatable",
    )  # fmt: skip


def table_options(args) -> dict:
    """The words of `add_table_options` as arguments of `write_tables` and `write_report`. Raises CCCError."""
    return {
        "columns": parse_pairs(args.column),
        "not_run": parse_pairs(args.not_run),
        "titles": parse_pairs(args.title),
        "model": args.model,
        "harmonize": parse_pairs(args.harmonize),
    }


def parse_pairs(pairs: list[str]) -> dict[str, str]:
    """`["coco=COCO"]` to `{"coco": "COCO"}`, values as they are. Raises CCCError."""
    parsed = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise CCCError(f"name=value is wanted, got {pair!r}")
        parsed[name] = value
    return parsed


def parse_options(pairs: list[str]) -> dict:
    """`["size=3", "mode=joint"]` to `{"size": 3, "mode": "joint"}`: values are read as YAML. Raises CCCError."""
    options = {name: yaml.safe_load(value) for name, value in parse_pairs(pairs).items()}
    for name in options:
        if not name.isidentifier():
            raise CCCError(f"--option takes name=value, got the name {name!r}")
    return options
