"""List and explain the metrics.

examples:
  ccc metrics
  ccc metrics cnr fid_64
  ccc metrics --markdown        the table of docs/metrics.md
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ccc.metrics.registry import Metric


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", nargs="*", help="metrics (default: all)")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")


def run(args: Namespace) -> None:
    from ccc.metrics.registry import find, metrics

    chosen = [find(name) for name in args.name] or list(metrics().values())
    print(markdown(chosen) if args.markdown else "\n\n".join(map(text, chosen)))


def text(metric: "Metric") -> str:
    """Facts about one metric as text."""
    from ccc.assets import weights

    better = f"{metric.direction} is better" if metric.direction else "neither lower nor higher is better"
    facts = {
        "family": metric.family,
        "compares": metric.compares,
        "range": metric.range,
        "source": f"{metric.source}; version {metric.version}",
        "needs": metric.needs and metric.needs + weights.enough(metric.needs),
        "no value": metric.undefined and f"where {metric.undefined}",
    }
    lines = [f"  {name:<10}{fact}" for name, fact in facts.items() if fact]
    return "\n".join([f"{metric.name}: {metric.title}, {better}", *lines])


def markdown(chosen: "Iterable[Metric]") -> str:
    """Facts about metrics as a Markdown table."""
    lines = [
        "| name | family | better | compares | range | source | needs | version |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for m in chosen:
        name = m.at("SIDE").name if m.sized else m.name
        words = (f"`{name}`", m.family, m.direction or "", m.compares, m.range, m.source, m.needs or "", str(m.version))
        lines.append("| " + " | ".join(words) + " |")
    return "\n".join(lines)
