"""List and explain the metrics.

examples:
  ccc metrics
  ccc metrics cnr fid_64
  ccc metrics --markdown        the table of docs/metrics.md
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable

from ccc.assets import weights
from ccc.metrics.registry import Metric, find, metrics

_ARROWS = {"lower": " ↓", "higher": " ↑", None: ""}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", nargs="*", help="metrics (default: all)")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")


def run(args: Namespace) -> None:
    chosen = [find(name) for name in args.name] or list(metrics().values())
    print(markdown(chosen) if args.markdown else "\n\n".join(map(text, chosen)))


def text(metric: Metric) -> str:
    """Facts about one metric as text."""
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


def markdown(chosen: Iterable[Metric]) -> str:
    """What metrics compare as a Markdown table; those that differ in features or network alone share a row."""
    alike: dict[tuple[str, ...], list[Metric]] = {}
    for metric in chosen:
        compares = _compares(metric).replace(str(metric.dimension), "N").replace(str(metric.needs), "NETWORK")
        alike.setdefault((metric.family, _ARROWS[metric.direction], compares), []).append(metric)
    lines = ["| metric | family | compares |", "|---|---|---|"]
    for (family, arrow, general), group in alike.items():
        names = ", ".join(f"`{m.at('SIDE').name}`" for m in group)
        compares = general if len({_compares(m) for m in group}) > 1 else _compares(group[0])
        needs = ", ".join(dict.fromkeys(m.needs for m in group if m.needs))
        lines.append(f"| {names}{arrow} | {family} | {compares}{needs and f' (needs {needs})'} |")
    return "\n".join(lines)


def _compares(metric: Metric) -> str:
    return metric.compares.partition("; ")[0]
