"""The pages hold: snippets and the notebook run, links lead somewhere, and every page is in the navigation."""

import json
import re
import textwrap
from pathlib import Path

import numpy as np
import pytest
import yaml

from ccc.core.errors import CCCError
from ccc.settings import segmenter as parameters
from ccc.settings.base import Section, setting
from ccc.settings.configuration import read_configuration

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "config/README.md", ROOT / "benchmarks/README.md"})
FENCE = re.compile(r"^```.*?^```", re.M | re.S)


def fences(page: str) -> list[str]:
    """The Python snippets of a page, in order, those within lists too."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [textwrap.dedent(found) for found in re.findall(r"^ *```python\n(.*?)^ *```$", text, re.M | re.S)]


def cells(notebook: Path) -> list[str]:
    """The source of a notebook's code cells, in order."""
    found = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == "code"]


def run(snippets: list[str], name: str) -> dict:
    """The names that the snippets leave, run one after the other."""
    namespace = {"__name__": name}
    for number, snippet in enumerate(snippets):
        exec(compile(snippet, f"{name}, snippet {number + 1}", "exec"), namespace)
    return namespace


def test_the_snippets_of_the_python_page_run_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = run(fences("docs/python.md"), "docs/python.md")
    assert names["colored"].shape == names["photograph"].shape and names["colored"].dtype == np.uint8
    assert names["classes"].shape == (56, 56) and names["classes"].max() < 400
    assert names["picture"].shape == (224, 224, 3) and names["indices"].max() < names["codebook"].size
    assert (tmp_path / "decoded.png").is_file() and names["harmonized"].shape == names["photograph"].shape


def test_the_segmenter_of_the_page_covers_a_picture_and_checks_its_parameters(astronaut, monkeypatch):
    settings, module = fences("docs/add-segmenters.md")
    names = {"Section": Section, "setting": setting, "__name__": "docs/add-segmenters.md"}
    exec(settings, names)
    monkeypatch.setitem(parameters.PARAMETERS, "watershed", names["WatershedParameters"])
    exec(module, names)
    gray = astronaut[:64, 200:290, 1]
    few, many = (names["Watershed"]("watershed", markers=markers).segment(gray) for markers in (9, 64))
    assert [sum(mask["area"] for mask in masks) for masks in (few, many)] == [gray.size, gray.size]
    assert 1 < len(few) < len(many)
    assert sum(mask["area"] for mask in names["Watershed"]("watershed").segment(gray[:1, :1])) == 1
    with pytest.raises(CCCError, match="markers: Input should be greater than or equal to 1"):
        names["Watershed"]("watershed", markers=0)


def test_the_small_run_of_the_page_is_a_configuration():
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/add-methods.md").read_text(encoding="utf-8"), re.S)
    small = read_configuration(yaml.safe_load(text))
    assert small.model is True and "mymethod" in small.methods and not small.harmonize.enabled


def test_the_notebook_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    names = run(cells(ROOT / "docs/notebook.ipynb"), "docs/notebook.ipynb")
    assert set(names["scores"]) == {"gray", "ccc", "ccc, argmax", "oracle"}
    assert names["scores"]["gray"]["CNR"] < names["scores"]["ccc, argmax"]["CNR"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_the_files_of_the_repository_lead_somewhere(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)\s#]+)", text):
        assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"


def test_every_page_is_in_the_navigation():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"[\w-]+\.md", str(yaml.safe_load(text)["nav"])))
    assert {page.name for page in (ROOT / "docs").glob("*.md")} <= listed
