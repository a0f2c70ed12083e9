"""What Snakemake says it will do."""

import re


def jobs(output: str) -> dict[str, int]:
    """Rule and count of Snakemake's job table; empty where there is nothing to do."""
    assert "Job stats:" in output or "Nothing to be done" in output, output
    table = output.partition("Job stats:")[2].split("\n\n")[0]
    found = re.findall(r"^(\w+)\s+(\d+)$", table, re.M)
    return {name: int(count) for name, count in found if name not in ("total", "all")}
