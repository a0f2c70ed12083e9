"""`--option name=value` for the parameters that methods and segmenters have of their own."""

import yaml

from ccc.core.errors import CCCError


def add_options(parser, text: str) -> None:
    """Add `--option`, which may be repeated."""
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help=f"parameter {text}; repeatable"
    )


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
