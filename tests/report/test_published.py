"""The published tables were typed as the paper prints them."""

import csv
import re
import typing

from ccc.report.formats import table_3_arithmetic
from ccc.report.published import FIGURE_9, datasets, others, raw
from ccc.settings.evaluation import Benchmark

PRINTED = {
    "deoldify": "deoldify", "iizuka": "iizuka", "larsson": "larsson", "cic": "cic", "zhang": "zhangs?", "su": "su",
    "gain": "gain", "ddcolor": "dd", "ccc": "(?:ccc|our)",
}  # fmt: skip


def test_every_figure_stands_in_the_papers_text(shared):
    lines = [line.split() for line in shared("paper.txt").read_text().splitlines()]
    found = [(line[0].lower(), line[1:]) for line in lines if line and re.fullmatch(r"[A-Za-z]+", line[0])]
    for name in ("table_3", "table_4", "table_5", "table_6", "table_7"):
        table = raw()[name]
        assert len(table["rows"]) == (9 if name == "table_3" else 8)
        for method, figures in table["rows"].items():
            assert len(figures) == len(table["columns"])
            rows = [rest for first, rest in found if re.fullmatch(PRINTED[method], first)]
            assert figures in rows, f"{name} {method}: {figures}"


def test_the_tables_are_found_in_their_order(shared):
    # Each table's rows must come after its caption and before the next one's, so that none was swapped with another.
    text = shared("paper.txt").read_text()
    starts = [re.search(rf"TABLE {numeral}\b", text).start() for numeral in ("III", "IV", "V", "VI", "VII")]
    assert starts == sorted(starts)
    for number, start in enumerate(starts):
        end = starts[number + 1] if number < 4 else len(text)
        figures = [figure for row in raw()[f"table_{number + 3}"]["rows"].values() for figure in row]
        printed = text[start:end].split()
        assert all(figure in printed for figure in figures)


def test_table_3_contradicts_itself_in_every_row():
    text = table_3_arithmetic()
    assert "9 of 9 rows" in text and "22.60" in text and "0.23 to 1.68" in text


TRUTH = {"ImageNet val5k": 38.21, "ImageNet val50k": 39.09, "COCO-Stuff val5k": 38.24, "ADE20K val2k": 35.04}


def test_every_row_of_ddcolor_implies_the_colourfulness_of_the_truth(shared):
    (table,) = [table for table in others() if table.name == "field_ddcolor"]
    rows = {(method, dataset) for method, dataset, _ in table.values}
    assert len(rows) == 37
    for method, dataset in rows:
        mine, delta = (float(table.values[method, dataset, name]) for name in ("colorfulness", "delta_colorfulness"))
        assert min(abs(mine + sign * delta - TRUTH[dataset]) for sign in (-1, 1)) < 0.005, (method, dataset)


def test_ddcolors_figures_are_those_read_from_its_text(shared):
    (table,) = [table for table in others() if table.name == "field_ddcolor"]
    names = dict(zip(("imagenet_val5k", "imagenet_val50k", "coco_stuff", "ade20k"), TRUTH, strict=True))
    ours = {title: name for name, title in table.titles.items()}
    with open(shared("published/ddcolor_table1.csv"), newline="", encoding="utf-8") as file:
        read = {
            (ours[row["method"]], names[row["dataset"]], metric): float(row[metric])
            for row in csv.DictReader(file)
            for metric in table.metrics
        }
    assert {place: float(text) for place, text in table.values.items()} == read


def test_every_published_dataset_is_a_column_that_a_benchmark_may_name():
    (names,) = [typing.get_args(kind) for kind in typing.get_args(Benchmark.model_fields["column"].annotation)][:1]
    assert set(names) == set(datasets()) - {FIGURE_9}
