"""What harmonization changed, as figures and a table on a page."""

import json

import pytest

from ccc.cli import main
from ccc.core.errors import CCCError
from ccc.core.images import read_rgb
from ccc.harmonize.comparison import write_comparisons
from ccc.report.harmonization import sections
from ccc.segment import load


def test_figures_and_page(colored):
    report = colored / "report"
    words = [str(colored / part) for part in ("gray", "bilinear", "sam")]
    options = ["--masks", str(colored / "masks.json"), "--truth", str(colored / "truth"), "--count", "5"]
    figures = report / "harmonization/mine/set"
    assert main(["compare", *words, *options, "-o", str(figures)]) == 0
    lines = json.loads((figures / "comparisons.json").read_text())
    assert {line["name"] for line in lines} == {"a", "b"}  # nothing changed in the third
    shifts = [line["mean_ab_shift"] for line in lines]
    assert shifts == sorted(shifts, reverse=True) and all(read_rgb(figures / line["file"]).size for line in lines)
    colors = ["--color", f"nearest={colored / 'nearest'}"]
    table = str(colored / "set.csv")
    assert main(["ablate", words[0], str(colored / "truth"), *colors, *options[:2], "--count", "2", "-o", table]) == 0
    found = sections(report, [figures], [table])
    assert found["sections"] == [{"title": "mine/set", "folder": "harmonization/mine/set", "pictures": lines}]
    (measured,) = found["tables"]
    assert (measured["title"], measured["pictures"]) == ("set", 2) and len(measured["cells"]) == 11
    assert all("<svg" in drawing and "nearest" in drawing for drawing in measured["drawings"].values())
    with pytest.raises(CCCError, match="no figures of `ccc compare`"):
        sections(report, [colored / "gray"])
    nothing = write_comparisons(colored / "gray", words[1], words[1], load("slic"), colored / "none")
    assert nothing == []


@pytest.mark.parametrize("text", ["{}", "[1]", '[{"name": "a"}]', "[", '[{"name": "a", "file": "../x"}]'])
def test_figures_of_another_kind_are_named(tmp_path, text):
    (tmp_path / "comparisons.json").write_text(text)
    with pytest.raises(CCCError, match="no figures of `ccc compare` in .*comparisons.json: no readable list"):
        sections(tmp_path, [tmp_path])
