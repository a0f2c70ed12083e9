"""The page about metrics says what the registry says."""

from pathlib import Path

from ccc.cli.metrics import markdown
from ccc.metrics import registry
from ccc.report.cells import _BY_METRIC

PAGE = Path(__file__).resolve().parents[2] / "docs/metrics.md"


def test_the_table_is_that_of_the_registry():
    table = markdown(registry.metrics().values())
    assert table in PAGE.read_text(), "write it again: ccc metrics --markdown"


def test_every_key_of_the_stored_summary_is_described():
    text = PAGE.read_text()
    assert all(f"`{key}`" in text for key in (*_BY_METRIC, "format", "images", "side", "inputs"))
