"""List the metrics: name, direction, range, what each compares and where it comes from.

examples:
  ccc metrics
  ccc metrics cnr fid_64
  ccc metrics --markdown        the table of docs/metrics.md
"""


def add_arguments(parser):
    parser.add_argument("name", nargs="*", help="only these")
    parser.add_argument("--markdown", action="store_true", help="as a table of Markdown")


def run(args):
    from ccc.metrics.registry import find, metrics

    chosen = [find(name) for name in args.name] or list(metrics().values())
    print(markdown(chosen) if args.markdown else "\n\n".join(map(text, chosen)))


def text(metric) -> str:
    """One metric for a reader."""
    better = f"{metric.direction} is better" if metric.direction else "neither lower nor higher is better"
    lines = [
        f"{metric.name}: {metric.title}, {better}",
        f"  family    {metric.family}",
        f"  compares  {metric.compares}",
        f"  range     {metric.range}",
        f"  source    {metric.source}; version {metric.version}",
    ]
    lines += [f"  needs     {metric.needs}"] if metric.needs else []
    lines += [f"  no value  where {metric.undefined}"] if metric.undefined else []
    return "\n".join(lines)


def markdown(chosen) -> str:
    """All of them as a table."""
    lines = [
        "| name | family | better | compares | range | source | needs | version |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for m in chosen:
        name = m.at("SIDE").name if m.sized else m.name
        words = (f"`{name}`", m.family, m.direction or "", m.compares, m.range, m.source, m.needs or "", str(m.version))
        lines.append("| " + " | ".join(words) + " |")
    return "\n".join(lines)
