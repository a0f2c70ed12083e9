"""The page about metrics says what the registry says."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

import ccc.metrics.families
from ccc.cli import main
from ccc.cli.metrics import markdown
from ccc.color import rgb_to_lab
from ccc.core.images import write_png
from ccc.metrics import registry
from ccc.report.cells import _BY_METRIC

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = Path(__file__).resolve().parents[2] / "docs/metrics.md"


def test_the_table_is_that_of_the_registry():
    table = markdown(registry.metrics().values())
    assert table in PAGE.read_text(), "write it again: ccc metrics --markdown"


def test_metrics_share_a_row_only_where_features_or_network_alone_differ():
    rows = [line.split(" | ") for line in markdown(registry.metrics().values()).splitlines()[2:]]
    listed = [re.findall(r"`(\S+)`", row[0]) for row in rows]
    assert sorted(sum(listed, [])) == sorted(m.at("SIDE").name for m in registry.metrics().values())
    assert ["fid_64", "fid_192", "fid_768", "fid_2048"] in listed and ["fid_2048_torchvision"] in listed
    for names, (name, family, compares) in zip(listed, rows, strict=True):
        metrics = [registry.find(name.replace("SIDE", "256")) for name in names]
        compares, _, needs = compares.removesuffix(" |").partition(" (needs ")
        for m in metrics:
            assert m.family == family and name.endswith({"lower": " ↓", "higher": " ↑", None: "`"}[m.direction])
            exact = compares.replace("N ", f"{m.dimension} ").replace("NETWORK", str(m.needs))
            assert m.compares.startswith(exact), names
        assert needs.rstrip(")") == ", ".join(dict.fromkeys(m.needs for m in metrics if m.needs))


def test_every_key_of_the_stored_summary_is_described():
    text = PAGE.read_text()
    assert all(f"`{key}`" in text for key in (*_BY_METRIC, "format", "images", "side", "inputs"))


def test_the_family_of_the_page_is_one_file_from_pictures_to_tables(tmp_path, monkeypatch, astronaut):
    (text,) = re.findall(r"```python\n(.*?)```", (DOCS / "add-metrics.md").read_text(), re.S)
    (tmp_path / "families").mkdir()
    (tmp_path / "families/chroma_error.py").write_text(text)
    places = [*ccc.metrics.families.__path__, str(tmp_path / "families")]
    monkeypatch.setattr(ccc.metrics.families, "__path__", places)
    assert registry.families()[:3] == ["pixel", "perceptual", "distribution"]
    assert "chroma_error" in registry.families()[3:]
    truth = astronaut[:64, :64]
    write_png(tmp_path / "truth/a.png", truth)
    write_png(tmp_path / "gray/a.png", np.repeat(truth[..., 1:2], 3, axis=2))
    cell = tmp_path / "cell/pixel.json"
    words = ["evaluate", str(tmp_path / "gray"), str(tmp_path / "truth"), "--method", "gray", "--variant", "plain"]
    for family in ("pixel", "chroma_error"):
        files = ["--json", str(cell.with_stem(family)), "--csv", str(cell.with_stem(family).with_suffix(".csv"))]
        assert main([*words, "--dataset", "set", "--family", family, *files]) == 0
    assert main(["tables", str(tmp_path / "cell"), "-o", str(tmp_path / "tables")]) == 0
    with open(tmp_path / "tables/all_set.csv", newline="", encoding="utf-8") as file:
        (values,) = csv.DictReader(file)
    (mine,) = [name for name in values if name.endswith("Chroma error\u2193")]
    predicted, true = (np.hypot(*np.moveaxis(rgb_to_lab(p)[..., 1:], -1, 0)) for p in (0 * truth, truth))
    assert float(values[mine]) == pytest.approx(np.abs(predicted - true).mean(), abs=0.01)
    assert list(values)[1].endswith("MSE\u2193") and list(values)[-3:] == [mine, "missing", "notes"]
