"""Tables I and II: the paper's values are those of its text, ours those of the model."""

import dataclasses
import re

import numpy as np
import pytest

from ccc.codebook import Codebook
from ccc.core.errors import CCCError
from ccc.model import ColorClassifier, load_model, save_model
from ccc.report.formats import to_csv, to_latex, to_markdown
from ccc.report.overview import read_model, table_1, table_2
from ccc.report.page import _plots
from ccc.report.summary import summarize

PAPER = ["10", "100", "20", "0.5", ".0046", "8", "8", "500"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "ccc.safetensors"
    counts = np.zeros(400, np.int64)
    counts[190:215] = 1000
    settings = {
        "upsilon": 0.75, "phi": None, "encoder": "mobilenet_v2", "batch_size": 8, "learning_rate": 0.001,
        "beta1": 0.5, "beta2": 0.999, "trained_on": "scenes", "steps": 10,
    }  # fmt: skip
    book = Codebook.fit(counts, 500)
    save_model(path, ColorClassifier(book.size, "mobilenet_v2"), book, settings)
    return path


def values(row):
    return [value.text for value in row.values]


def test_the_papers_values_stand_in_its_text(shared):
    text = shared("paper.txt").read_text()
    printed = re.search(r"^Value\t(.*)$", text, re.M)[1].split()
    assert values(table_2({}, {}).rows[0]) == printed == PAPER
    assert len(table_1().rows) == 6 and all(values(row)[:2] == ["No", "Yes"] for row in table_1().rows)
    assert len(re.findall(r"No\tYes|No No Yes Yes|No\s+Yes", text)) >= 4


def test_our_values_are_those_the_model_was_trained_with(model):
    table = table_2(read_model(model), {"delta_a": "8", "delta_b": 6.0, "min_pixels": 50})
    assert values(table.rows[1]) == ["10", "100", "20", "0.75", "0.0400", "8", "6", "50"]  # 25 classes
    note = table.notes[table.rows[1].notes[0] - 1]
    assert note.startswith(
        "25 classes (paper: 215), encoder mobilenet_v2 (paper: densenet121), batch size 8 (paper: 64)"
    )
    assert "learning rate 0.001, beta1 0.5" in note and "trained on scenes" in note


def test_what_is_not_known_is_said(model):
    table = table_2({}, {})
    assert values(table.rows[1]) == ["n/a"] * 8
    assert {value.reason for value in table.rows[1].values} == {
        "no model of CCC in this run", "no harmonization in this run",
    }  # fmt: skip
    assert values(table_2(read_model(model), {}).rows[1])[:3] == ["10", "100", "20"]


def test_a_balance_of_unknown_trade_off_is_not_told(model, tmp_path):
    network, book, _ = load_model(model)
    save_model(tmp_path / "a.safetensors", network, book, {"balance": "cbce"})
    assert "balance" not in read_model(tmp_path / "a.safetensors")


def test_another_file_is_refused(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"no tensors")
    with pytest.raises(CCCError, match="a.safetensors: not a"):
        read_model(tmp_path / "a.safetensors")
    with pytest.raises(CCCError, match="b.safetensors"):
        read_model(tmp_path / "b.safetensors")


def test_they_are_written_like_the_others(model):
    for table in (table_1(), table_2(read_model(model), {})):
        assert "Published" not in to_markdown(table), "there is nothing to mark"
        assert to_csv(table).count("\n") == len(table.rows) + 1
    assert r"$\alpha$ & $\beta$ & $\Delta$" in to_latex(table)
    assert r"\cmidrule" not in to_latex(table)


def test_the_balance_of_classes_is_drawn_by_the_models_trade_off(model, tmp_path):
    results = dataclasses.replace(summarize([]), model=read_model(model))
    (plot,) = _plots(results, Codebook.load(model), tmp_path)["codebook"]
    assert "with trade-off 0.75 " in plot.about
