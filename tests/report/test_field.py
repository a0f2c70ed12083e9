"""Another paper's table beside ours: columns say their protocol, differences stand only where all is the same."""

import dataclasses

import pytest
from stored_cells import column, tables, write_cell
from synthetic import make_results, write_summary

from ccc.report import published
from ccc.report.field import reasons
from ccc.report.page import write_report
from ccc.report.summary import read_results

DATASET, COLUMNS = "imagenet_val5k_center_crop", {"imagenet_val5k_center_crop": "ImageNet val5k"}


@pytest.fixture
def cropped(tmp_path):
    write_cell(tmp_path, "other", "plain", DATASET, protocol="center_crop")
    return tmp_path


def stating(monkeypatch, **changes):
    """DDColor's table as it would be with these facts, and its method among those that were run."""
    (table,) = published.others()
    psnr = dataclasses.replace(table.metrics["psnr"], difference=True)
    table = dataclasses.replace(
        table, metrics=table.metrics | {"psnr": psnr}, titles={"other": "Other"},
        values={("other", "ImageNet val5k", "psnr"): "23.5"}, **changes,
    )  # fmt: skip
    monkeypatch.setattr(published, "others", lambda: [table])
    return table


def test_every_column_says_its_protocol(cropped):
    table = tables(cropped, COLUMNS)["field_ddcolor"]
    for head in table.columns:
        said = "protocol not stated" in head.title if head.kind == "published" else head.group.endswith("center_crop")
        assert said, (head.group, head.title)
    assert not [head for head in table.columns if head.kind == "difference"]
    assert {row.label for row in table.rows if row.kind == "published"} >= {"CIC (published only)"}


@pytest.mark.parametrize(
    ("protocol", "pictures", "why"),
    [
        ("center_crop", 2, []),
        ("squash", 2, ["protocol: ours center_crop, published squash"]),
        ("", 2, ["protocol: ours center_crop, published not stated"]),
        ("center_crop", 5000, ["pictures: ours 2, published 5,000"]),
    ],
)
def test_a_difference_needs_the_same_protocol_and_pictures(cropped, monkeypatch, protocol, pictures, why):
    paper = stating(monkeypatch, protocol=protocol, pictures={"ImageNet val5k": pictures})
    (row,) = [row for row in reasons(read_results([cropped], columns=COLUMNS), paper) if row["metric"] == "PSNR"]
    assert row["why"] == why
    table = tables(cropped, COLUMNS)["field_ddcolor"]
    formed = [head.title for head in table.columns if head.kind == "difference"]
    assert formed == ([] if why else ["PSNR difference"])
    if formed:
        assert column(table, "PSNR difference")["Other"].text == "+0.5"


def test_a_metric_that_its_paper_leaves_open_says_so(cropped):
    (paper,) = published.others()
    rows = reasons(read_results([cropped], columns=COLUMNS), paper)
    assert [row["metric"] for row in rows] == ["FID", "Colourfulness", "Delta colourfulness", "PSNR"]
    assert "metric: the paper does not name the Inception" in rows[0]["why"][2]
    assert rows[0]["why"][3] == "method: none of the table's was run here"


def test_the_page_stands_where_such_a_table_does(tmp_path):
    root = make_results(tmp_path / "results", ["ccc", "ddcolor"], ["set"], ["a", "b"])
    files = {"codebook": root / "codebook.json", "training": root / "train"}
    for columns, there in (({"set": "ADE20K val2k"}, True), ({}, False)):
        page = write_report(write_summary(root, columns=columns), tmp_path / f"{there}", root, **files)
        assert page.with_name("field.html").exists() == there
        assert ('href="field.html"' in page.read_text()) == there
    text = (tmp_path / "True/field.html").read_text()
    assert "set (n = 2), aspect kept or not known" in text and "published, protocol not stated" in text
    assert "pictures: ours 2, published 2,000" in text and "8.21" in text and "weights: Ddcolor: " in text
