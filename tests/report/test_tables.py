"""What the tables say, from small cells made here."""

import csv
import io
import json
import re

import numpy as np
import pandas
import pytest
from stored_cells import MISSING, column, tables, write_cell

from ccc.core.errors import CCCError
from ccc.report.cells import read_cells
from ccc.report.formats import to_csv, to_latex, to_markdown, write_tables
from ccc.report.results import Results
from ccc.report.summary import read_results


def groups(table):
    return [column.group for column in table.groups]


def plain(text):
    """A table of Markdown without the spaces that align it."""
    return re.sub(" +", " ", text)


def test_best_respects_the_direction_and_leaves_references_out(tmp_path):
    write_cell(tmp_path, "low", "plain", "set", mean={"mse": 0.001, "psnr": 20.0})
    write_cell(tmp_path, "high", "plain", "set", mean={"mse": 0.009, "psnr": 30.0})
    write_cell(tmp_path, "oracle", "plain", "set", mean={"mse": 0.0, "psnr": 50.0})
    write_cell(tmp_path, "gray", "plain", "set", mean={"mse": 0.0, "psnr": 50.0})
    table = tables(tmp_path)["IV"]
    assert [name for name, value in column(table, "MSE↓").items() if value.best] == ["Low"]
    assert [name for name, value in column(table, "PSNR↑").items() if value.best] == ["High"]
    labels = [row.label for row in table.rows]
    assert labels[:4] == ["High", "Low", "Reference: Gray", "Reference: Oracle"]
    assert r"\textbf{30.00}" in to_latex(table) and "**30.00**" in to_markdown(table)


def test_figures_that_look_alike_are_best_together(tmp_path):
    write_cell(tmp_path, "a", "plain", "set", mean={"psnr": 24.001})
    write_cell(tmp_path, "b", "plain", "set", mean={"psnr": 24.0})
    values = column(tables(tmp_path)["IV"], "PSNR↑")
    assert values["A"].best and values["B"].best


def test_what_could_not_be_computed_says_why_in_every_format(tmp_path):
    write_cell(tmp_path, "ccc", "plain", "set")
    table = tables(tmp_path)["VI"]
    value = column(table, "FID (64)↓")["Ccc"]
    assert value.text == "n/a" and MISSING in table.notes[value.notes[0] - 1]
    assert all("no weights" in write(table) for write in (to_csv, to_markdown, to_latex))


def test_numbers_stay_numbers_in_a_csv_that_lacks_some(tmp_path):
    write_cell(tmp_path, "ccc", "plain", "ade20k")
    write_cell(tmp_path, "mine", "plain", "ade20k", mean={"lpips_alex": None}, missing={"lpips_alex": "why"})
    built = tables(tmp_path, {"ade20k": "ADE"}, not_run={"other": "because"})
    for table in built.values():
        read = pandas.read_csv(io.StringIO(to_csv(table)))
        assert all(read[name].dtype == "float64" for name in list(read)[1:-2]), table.name
        assert list(read)[-2:] == ["missing", "notes"]
    missing = read.set_index("method")["missing"]
    assert f"FID (64)↓: {MISSING}" in missing["Mine"] and "LPIPS (alex)↓: why" in missing["Mine"]
    assert read["notes"].str.contains("not run: other (because)", regex=False).all()
    paper = pandas.read_csv(io.StringIO(to_csv(built["IV"]))).set_index("method")
    assert "because" in paper.loc["other (not run)", "missing"]


def test_a_cell_that_was_not_run_is_not_a_figure(tmp_path):
    write_cell(tmp_path, "ccc", "plain", "one")
    write_cell(tmp_path, "mine", "plain", "one")
    write_cell(tmp_path, "ccc", "plain", "two")
    assert column(tables(tmp_path)["VII"], "CNR 256↑", "two")["Mine"].reason == "not evaluated on this dataset"


def test_harmonized_rows_name_their_segmenter(tmp_path):
    write_cell(tmp_path, "ccc", "plain", "set")
    write_cell(tmp_path, "ccc", "sam", "set")
    table = tables(tmp_path)["IV"]
    row = next(row for row in table.rows if row.label == "Ccc + felzenszwalb")
    assert any("stands in for the paper's SAM" in table.notes[number - 1] for number in row.notes)


def test_published_figures_stand_in_their_own_columns(tmp_path):
    write_cell(tmp_path, "ccc", "plain", "ade20k", mean={"psnr": 24.53})
    write_cell(tmp_path, "mine", "plain", "ade20k")
    table = tables(tmp_path, {"ade20k": "ADE"})["IV"]
    assert groups(table) == [
        "ADE: ade20k (n = 2)", "Celeba, published (n = 50)", "Ox. Flower, published (n = 50)",
    ]  # fmt: skip
    published = column(table, "PSNR↑ published", "ADE")
    assert (published["Ccc"].text, published["DeOldify (published only)"].text) == ("24.03", "25.66")
    assert published["Mine"].text == "–", "a method that the paper does not have"
    assert "CCC (published only)" not in published, "it was run"


def test_a_stand_in_is_not_compared_with_the_papers_sam_and_sam_is(tmp_path):
    for dataset, segmenter in (("stand", "felzenszwalb"), ("real", "sam_vit_h")):
        write_cell(tmp_path / dataset, "ccc", "plain", dataset)
        write_cell(tmp_path / dataset, "ccc", "sam", dataset, segmenter=segmenter)
        values = column(tables(tmp_path / dataset, {dataset: "ADE"})["VII"], "CNR↑ published", "ADE")
        assert values[f"Ccc + {segmenter}"].text == ("1.90" if dataset == "real" else "–")


def test_datasets_without_a_counterpart_have_no_published_figures(tmp_path):
    write_cell(tmp_path, "ccc", "plain", "holiday")
    table = tables(tmp_path)["VII"]
    assert [column.kind for column in table.columns if column.group.startswith("holiday")] == ["ours"]
    assert not [column for column in table.columns if column.kind == "difference"]


def test_table_iii_has_the_papers_columns_in_order_and_only_the_showcase(tmp_path):
    write_cell(tmp_path, "ccc", "plain", "showcase", pictures=8)
    write_cell(tmp_path, "ccc", "plain", "set")
    table = tables(tmp_path)["III"]
    ours = [column.title for column in table.columns if column.kind == "ours"]
    assert ours == ["MSE↓", "PSNR↑", "SSIM↑", "LPIPS (alex)↓", "UIQI↑", "FID (64)↓", "FID (2048, clean)↓", "CNR 256↑"]
    assert groups(table) == ["showcase (n = 8)"]
    compared = tables(tmp_path, {"showcase": "Fig. 9"})["III"]
    assert groups(compared) == ["Fig. 9: showcase (n = 8)"]


def test_infinite_values_are_said(tmp_path):
    write_cell(tmp_path, "ccc", "plain", "set", infinite={"psnr": 1})
    table = tables(tmp_path)["IV"]
    note = table.notes[column(table, "PSNR↑")["Ccc"].notes[0] - 1]
    assert note.startswith("PSNR: infinite for 1 of 2 pictures")


def test_cells_of_different_versions_of_a_metric_are_said(tmp_path):
    write_cell(tmp_path, "a", "plain", "set")
    write_cell(tmp_path, "b", "plain", "set", versions={"psnr": 2})
    assert any("versions 1, 2" in note for note in tables(tmp_path)["IV"].notes)


def test_code_in_notes_is_code_in_every_format(tmp_path):
    code = """ccc evaluate --ab a_b "x" it's 1"""
    note = f'give `--order "x|y"` or `{code}` in "a_b" -- not `a_b'
    write_cell(tmp_path, "ccc", "plain", "set", notes=[note])
    table = tables(tmp_path)["IV"]
    markdown, tex, read = to_markdown(table), to_latex(table), pandas.read_csv(io.StringIO(to_csv(table)))
    assert rf"""give \`--order "x\|y"\` or `{code}` in "a\_b" -- not \`a\_b""" in markdown
    assert (
        r"give \texttt{-{}-order \char34{}x\textbar{}y\char34{}} or "
        r"\texttt{ccc evaluate -{}-ab a\_b \char34{}x\char34{} it\textquotesingle{}s 1} in ``a\_b'' -{}- not "
        r"\textasciigrave{}a\_b."
    ) in tex
    assert note.replace("`", "", 4) in read["notes"][0]
    assert "``Published'' columns hold" in tex and '"Published" columns hold' in markdown


def test_rows_are_in_the_papers_order_others_by_name_references_last(tmp_path):
    for name in ("gray", "b", "a", "ccc", "cic"):
        write_cell(tmp_path, name, "plain", "set")
    rows = [row.label for row in tables(tmp_path)["IV"].rows][:5]
    assert rows == ["Cic", "Ccc", "A", "B", "Reference: Gray"]


def test_written_files_are_complete_and_identical_every_time(tmp_path):
    write_cell(tmp_path / "in", "ccc", "plain", "set", set={"fid_64": 0.1 + 0.2})
    write_cell(tmp_path / "in", "ccc", "sam", "set")
    results = read_results([tmp_path / "in"])
    first = write_tables(results, tmp_path / "one")
    second = write_tables(read_results(sorted((tmp_path / "in").rglob("*.json"), reverse=True)), tmp_path / "two")
    assert {path.name for path in first} == {f"table_{n}.{s}" for n in range(1, 8) for s in ("csv", "md", "tex")} | {
        "results.csv", "results.parquet", "statistics.csv", "friedman.csv", "harmonization.csv", "notes.md",
        "all_set.csv", "all_set.md", "all_set.tex",
    }  # fmt: skip
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "one/results.csv").read_text())))
    assert {"method": "ccc", "variant": "sam", "segmenter": "felzenszwalb", "dataset": "set", "metric": "psnr",
            "image": "p1", "value": "21.5"} in rows  # fmt: skip
    assert [row["value"] for row in rows if not row["image"]] == [repr(0.1 + 0.2)]
    assert "9 of 9 rows" in (tmp_path / "one/notes.md").read_text()
    results.write(tmp_path / "a/summary.json")
    stored = Results.read(tmp_path / "a/summary.json")
    assert stored == results
    again = write_tables(stored, tmp_path / "three")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    stored.write(tmp_path / "b/summary.json")
    for name in ("summary.json", "summary.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_file_that_is_no_summary_is_named(tmp_path):
    with pytest.raises(CCCError, match=r"summary\.json: no such summary; make it with `ccc tables`"):
        Results.read(tmp_path / "summary.json")
    for wrong, said in (
        ("[]", "not the"), ('{"format": "ccc-summary-3"}', "not the"), ('{"format": "other"}', "not the"),
        ("no", "no readable"),
    ):  # fmt: skip
        (tmp_path / "summary.json").write_text(wrong)
        pandas.DataFrame().to_parquet(tmp_path / "summary.parquet")
        with pytest.raises(CCCError, match=rf"summary\.json: {said} summary"):
            Results.read(tmp_path / "summary.json")


def test_a_cnr_that_counts_noise_carries_its_caution(tmp_path):
    for name, cnr in (("ccc", 1.2), ("cic", 0.8), ("zhang", 0.6), ("oracle", 0.7)):
        write_cell(tmp_path, name, "plain", "set", mean={"cnr_256": cnr})
    found = {name: value.estimate.caution for name, value in column(tables(tmp_path)["VII"], "CNR 256↑", "set").items()
             if value.estimate}  # fmt: skip
    assert found["Ccc"].startswith("above 1: more classes than the truth has")
    assert found["Cic"].startswith("above the oracle's 0.700") and not found["Zhang"] + found["Reference: Oracle"]


def test_a_title_is_no_formula_of_a_spreadsheet(tmp_path):
    for number, title in enumerate(("=1+1", "+1", "-1", "@SUM(A1)")):
        write_cell(tmp_path, f"m{number}", "plain", "set", title=title, notes=[f"{title} is its title"])
    text = to_csv(tables(tmp_path)["all_set"])
    read = pandas.read_csv(io.StringIO(text))
    assert [name[0] for name in read.iloc[:, 0]] == ["'"] * 4 and not read["notes"].dropna().str.match("[=+@-]").any()
    assert all(pandas.api.types.is_numeric_dtype(read[name]) for name in read if "MSE" in name)


def test_any_name_is_written_without_harm(tmp_path):
    title = r"50% of_#$&{x}^~\|<b>[1]" + "\nnext"
    write_cell(tmp_path, "odd", "plain", "a_b&c", title=title)
    table = tables(tmp_path)["VII"]
    tex = to_latex(table)
    assert r"50\% of\_\#\$\&\{x\}\textasciicircum{}\textasciitilde{}\textbackslash{}\textbar{}" in tex
    assert tex.count("{") - tex.count(r"\{") == tex.count("}") - tex.count(r"\}")
    width = len(table.columns) + 1  # and two more in CSV, which say what is missing and what must be known
    lines = [line for line in to_markdown(table).splitlines() if line.startswith("|")]
    assert {len(re.split(r"(?<!\\)\|", line)) - 2 for line in lines} == {width}
    assert {len(row) for row in csv.reader(io.StringIO(to_csv(table)))} == {width + 2}
    body = tex[tex.index(r"\toprule") : tex.index(r"\bottomrule")]
    lines = [line for line in body.splitlines() if line.startswith(("Method", "50"))]
    assert len(lines) == 2 and {len(re.split(r"(?<!\\)&", line)) for line in lines} == {width}


def test_what_is_not_significantly_worse_than_the_best_is_marked(tmp_path):
    for number, (name, loss) in enumerate((("best", 0.0), ("near", 0.1), ("far", 3.0))):
        path = write_cell(tmp_path, name, "plain", "set", pictures=12, mean={"psnr": 24.0 - loss})
        random = np.random.default_rng(number)
        values = np.random.default_rng(9).normal(24, 3, 12) - loss + random.normal(0, 0.5, 12)
        lines = [f"p{i},32,24,{value},0.5" for i, value in enumerate(values)]
        path.with_suffix(".csv").write_text("name,width,height,psnr,cnr_256\n" + "\n".join(lines) + "\n")
    table = tables(tmp_path)["IV"]
    values = column(table, "PSNR↑")
    assert [(name, value.best, value.tied) for name, value in values.items() if value.tied] == [
        ("Best", True, True), ("Near", False, True),
    ]  # fmt: skip
    assert values["Far"].estimate.holm < 0.05 < values["Near"].estimate.holm
    text = plain(to_markdown(table))
    assert "**24.00**" in text and "_23.90_" in text and "| 21.00 |" in text
    assert r"\underline{23.90}" in to_latex(table) and r"\textbf{24.00}" in to_latex(table)


def test_methods_that_were_not_run_have_a_row_with_the_reason(tmp_path):
    write_cell(tmp_path, "ccc", "plain", "ade20k")
    not_run = {"iizuka": "no weights: ccc weights fetch iizuka", "mine": "its folder is empty", "ccc": "never"}
    built = tables(tmp_path, {"ade20k": "ADE"}, not_run=not_run)
    rows = {row.label: row for row in built["IV"].rows}
    iizuka, mine = rows["Iizuka (published only)"], rows["mine (not run)"]
    assert [value.text for value in iizuka.values[:3]] == ["n/a", ".0035", "n/a"] and mine.values[0].text == "n/a"
    for row, reason in ((iizuka, not_run["iizuka"]), (mine, not_run["mine"])):
        assert [built["IV"].notes[number - 1] for number in row.notes] == [f"not run: {reason}"]
        assert all(reason in write(built["IV"]) for write in (to_csv, to_markdown))
    assert "ccc (not run)" not in rows, "it was run"
    whole = built["all_ade20k"]
    assert [row.label for row in whole.rows] == ["Ccc"], "rows without any figure tell nothing here"
    (note,) = [note for note in whole.notes if note.startswith("not run: ")]
    assert note == "not run: iizuka (no weights: ccc weights fetch iizuka); mine (its folder is empty)"
    assert all(note in write(whole) for write in (to_csv, to_markdown, to_latex))
    gain = {row.label: row for row in built["III"].rows}["Gain (published only)"]
    assert gain.notes == (), "no reason was given"


def test_every_metric_stands_in_a_table_of_its_dataset(tmp_path):
    directions = {"pyiqa:vsi": "higher", "kid_2048_clean": "lower"}
    for name, value in (("a", 0.9), ("b", 0.8)):
        write_cell(
            tmp_path, name, "plain", "set", mean={"pyiqa:vsi": value}, set={"kid_2048_clean": value},
            directions=directions, versions={"pyiqa:vsi": name},
        )  # fmt: skip
    table = tables(tmp_path, not_run={"c": "why", "d": "why"})["all_set"]
    assert groups(table) == ["set (n = 2)"]
    assert {"MSE↓", "CNR 256↑", "vsi (pyiqa)↑", "KID (2048, clean)↓"} <= {column.title for column in table.columns}
    assert [name for name, value in column(table, "vsi (pyiqa)↑").items() if value.best] == ["A"]
    assert [name for name, value in column(table, "KID (2048, clean)↓").items() if value.best] == ["B"]
    assert any("versions a, b" in note for note in table.notes) and "not run: c, d (why)" in table.notes
    assert "not run: e" in tables(tmp_path, not_run={"e": ""})["all_set"].notes


def test_fid_of_few_pictures_is_flagged(tmp_path):
    caution = "2 pictures are fewer than 64 features: biased upwards"
    write_cell(tmp_path, "ccc", "plain", "set", set={"fid_64": 1.0}, cautions={"fid_64": caution})
    table = tables(tmp_path)["VI"]
    assert table.notes[column(table, "FID (64)↓")["Ccc"].notes[0] - 1] == f"FID (64): {caution}"


def test_the_long_form_is_the_same_in_both_formats(tmp_path):
    write_cell(tmp_path / "in", "ccc", "plain", "set", set={"fid_64": 0.1 + 0.2})
    write_tables(read_results([tmp_path / "in"]), tmp_path / "out")
    table = pandas.read_parquet(tmp_path / "out/results.parquet")
    assert list(table) == ["method", "variant", "segmenter", "dataset", "metric", "image", "value"]
    assert table.dtypes["value"] == "float64" and len(table) == 5
    read = pandas.read_csv(tmp_path / "out/results.csv", keep_default_na=False)
    pandas.testing.assert_frame_equal(read, table, check_dtype=False)
    statistics = pandas.read_csv(tmp_path / "out/statistics.csv")
    assert list(statistics["metric"]) == [
        "mse",
        "psnr",
        "ssim",
        "uiqi",
        "cnr_256",
        "lpips_alex",
        "fid_64",
        "fid_2048_clean",
    ]
    assert statistics.loc[statistics["metric"] == "psnr", ["n", "value", "low", "high"]].values.tolist() == [
        [2, 24.0, 20.5, 21.5]
    ]


def test_refusals_name_the_file(tmp_path):
    path = write_cell(tmp_path, "ccc", "plain", "set")
    with pytest.raises(CCCError, match="no column 'ADE20K'; there are Fig. 9, ADE"):
        read_results([path], columns={"set": "ADE20K"})
    with pytest.raises(CCCError, match=r"set\.json: holds ccc/plain/set, mse included, as another file given does"):
        read_cells([path, path])
    path.with_suffix(".csv").unlink()
    with pytest.raises(CCCError, match=r"set\.csv: no such file"):
        read_cells([path])
    path.write_text("[]")
    with pytest.raises(CCCError, match=r"set\.json: no readable file of metrics"):
        read_cells([path])
    with pytest.raises(CCCError, match="no stored metrics"):
        read_cells([])


def split(path):
    """The files of a cell's two families, one of them with the first metrics and the sets, in place of its one file."""
    data, rows = json.loads(path.read_text()), path.with_suffix(".csv").read_text().splitlines()
    families = {
        "other": ("cnr_256", "lpips_alex"),
        "pixel": ("mse", "psnr", "ssim", "uiqi", "fid_64", "fid_2048_clean"),
    }
    columns = {"other": (0, 1, 2, 4), "pixel": (0, 1, 2, 3)}
    files = []
    for family, names in families.items():
        part = {
            key: {name: value for name, value in values.items() if name in names}
            if isinstance(values, dict)
            else values
            for key, values in data.items()
        }
        file = path.with_suffix("") / f"{family}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(part))
        lines = (",".join(row.split(",")[k] for k in columns[family]) for row in rows)
        file.with_suffix(".csv").write_text("\n".join(lines) + "\n")
        files.append(file)
    path.unlink()
    path.with_suffix(".csv").unlink()
    return files


def test_the_families_of_a_cell_are_one_cell_in_the_order_of_tables(tmp_path):
    path = write_cell(tmp_path, "ccc", "plain", "set")
    (whole,) = read_cells([path])
    files = split(path)
    for (found,) in (read_cells(files), read_cells([tmp_path])):
        assert found.key == whole.key and found.stored == whole.stored
        assert list(found.stored) == list(whole.stored) and list(found.stored).index("lpips_alex") == 5
        pandas.testing.assert_frame_equal(found.pictures, whole.pictures)
    assert read_cells(files, {"ccc": "Ours", "gray": "Gray"})[0].title == "Ours"
    table = files[1].with_suffix(".csv")
    table.write_text(table.read_text().replace("p1,", "p2,"))
    with pytest.raises(CCCError, match=r"pixel\.json: holds ccc/plain/set of other pictures than another file of it"):
        read_cells(files)


@pytest.mark.parametrize("name", ["../else", "", "..", "a\nb", "/tmp/x"])
def test_a_benchmark_that_would_be_written_elsewhere_is_refused(tmp_path, name):
    path = write_cell(tmp_path, "ccc", "plain", "set")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"dataset": name}))
    with pytest.raises(CCCError, match=r"set.json: no readable file of metrics \(dataset: .*cannot name files"):
        read_cells([tmp_path])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("p1,32,24,21.5,0.6\n", "", "it has 1 pictures, the JSON beside it 2"),
        ("21.5", "inf", "it has 1 values of psnr, the JSON beside it 2"),
        ("21.5", '"21,5"', "could not convert string to float: '21,5'"),
        (",", ";", "it has no column `name`"),
        ("0.5\n", "0.5,1\n", "it has no column `name`, or rows of more fields|Expected 5 fields"),
        ("p0,32", 'p0,"32', "EOF inside string"),
    ],
)
def test_a_csv_that_was_edited_is_refused(tmp_path, old, new, message):
    path = write_cell(tmp_path, "mine", "plain", "set").with_suffix(".csv")
    text = path.read_text()
    path.write_text(text.replace("\n", "\r\n"), encoding="utf-8-sig")  # as spreadsheets write it
    assert len(read_cells([tmp_path])[0].pictures) == 2
    path.write_text(text.replace(old, new))
    with pytest.raises(CCCError, match=f"set.csv: not the metrics of `ccc evaluate` .*({message})") as error:
        read_cells([tmp_path])
    assert "\n" not in str(error.value)


def test_stored_metrics_that_are_none_are_refused(tmp_path):
    for changes, message in (
        ({"interval": {"psnr": [1.0]}}, "interval.psnr: List should have at least 2"),
        ({"directions": {"psrn": "lower"}}, "the JSON beside it: no metric 'psrn': did you mean 'psnr'"),
    ):
        write_cell(tmp_path, "mine", "plain", "set", **changes)
        with pytest.raises(CCCError, match=f"set.*{message}"):
            read_cells([tmp_path])


def test_a_summary_that_was_edited_is_refused(tmp_path):
    write_cell(tmp_path, "mine", "plain", "set")
    read_results([tmp_path]).write(tmp_path / "summary.json")
    stored = json.loads((tmp_path / "summary.json").read_text())
    for changes, message in (
        ({"methods": []}, "it has no methods"),
        ({"methods": [stored["methods"][0] | {"dataset": "../../set"}]}, "'../../set' cannot name files"),
        ({"run": 5}, "run: Input should be a valid string"),
    ):
        (tmp_path / "summary.json").write_text(json.dumps(stored | changes))
        with pytest.raises(
            CCCError, match=f"summary.json: not the summary of `ccc tables` .*{message}.*; make it with"
        ):
            Results.read(tmp_path / "summary.json")


def test_a_picture_that_stands_in_a_file_twice_is_refused(tmp_path):
    table = write_cell(tmp_path, "ccc", "plain", "set").with_suffix(".csv")
    table.write_text(table.read_text() + table.read_text().splitlines()[-1] + "\n")
    with pytest.raises(CCCError, match="set.csv: not the metrics of `ccc evaluate` .a picture stands in it twice"):
        read_cells([tmp_path])
