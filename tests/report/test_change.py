"""Harmonized against plain pictures, from stored cells."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import wilcoxon
from stored_cells import cell

from ccc.report.change import COLUMNS, changes
from ccc.report.formats import write_tables
from ccc.report.harmonization import outcomes
from ccc.report.summary import summarize

DIRECTIONS = {"psnr": "higher", "fid_64": "lower"}
RANDOM = np.random.default_rng(0)


def both(method, before, after, **facts):
    return [cell(method, before, "plain", **facts), cell(method, after, "sam", **facts)]


def test_outcomes_follow_the_paired_test_and_the_direction_of_the_metric():
    psnr, lpips = RANDOM.normal(20, 3, 50), RANDOM.uniform(0.1, 0.3, 50)
    noise = RANDOM.normal(0, 0.5, 50)
    cells = [
        *both("ccc", {"psnr": psnr, "lpips_alex": lpips}, {"psnr": psnr + 1, "lpips_alex": lpips + 0.1}),
        *both("cic", {"psnr": psnr, "lpips_alex": lpips}, {"psnr": psnr + noise, "lpips_alex": lpips}),
        cell("su", {"psnr": psnr}),  # not harmonized
    ]
    found = changes(summarize(cells))
    assert list(found) == COLUMNS and found[["metric", "method", "outcome"]].values.tolist() == [
        ["psnr", "cic", "alike"], ["psnr", "ccc", "better"],
        ["lpips_alex", "cic", "same"], ["lpips_alex", "ccc", "worse"],
    ]  # fmt: skip
    rows = found.set_index(["metric", "method"])
    own = rows.loc[("psnr", "cic")]
    assert own["p"] == pytest.approx(wilcoxon(noise).pvalue) and own["holm"] == own["p"]  # the larger of two
    assert own["difference"] == pytest.approx(noise.mean()) and own["low"] < own["difference"] < own["high"]
    assert rows.loc[("psnr", "ccc"), "holm"] == pytest.approx(2 * rows.loc[("psnr", "ccc"), "p"])
    assert np.isnan(rows.loc[("lpips_alex", "cic"), "p"]) and rows["pictures"].eq(50).all()


def test_few_pictures_sets_and_missing_values():
    few = both("ccc", {"psnr": np.arange(20.0, 25)}, {"psnr": np.arange(21.0, 26)}, images=5, dataset="few")
    infinite = np.array([np.inf, *range(20, 69)])
    sets = [
        cell("ccc", {"psnr": infinite}, "plain", set={"fid_64": 0.5}, directions=DIRECTIONS),
        cell("ccc", {"psnr": infinite - 1}, "sam", set={"fid_64": 0.75}, directions=DIRECTIONS),
    ]
    found = changes(summarize([*few, *sets])).set_index(["dataset", "metric"])
    assert found["outcome"].to_dict() == {
        ("few", "psnr"): "few", ("set", "psnr"): "worse", ("set", "fid_64"): "untested",
    }  # fmt: skip
    assert found.loc[("set", "fid_64"), ["pictures", "before", "after", "difference"]].tolist() == [0, 0.5, 0.75, 0.25]
    assert found.loc[("set", "psnr"), "pictures"] == 49 and found.loc[("set", "psnr"), "difference"] == -1
    assert changes(summarize([cell("ccc", {"psnr": infinite})])).empty


def test_the_page_has_them_as_text_by_method():
    psnr = RANDOM.normal(20, 3, 50)
    found = outcomes(summarize(both("ccc", {"psnr": psnr}, {"psnr": psnr + 1})))
    row = found["set"]["ccc"]["psnr"]
    assert (row["outcome"], row["difference"]) == ("better", "1.00") and row["before"] == f"{psnr.mean():.2f}"


@pytest.mark.parametrize("changed, outcome, p", [(5, "few", 0.0625), (6, "better", 0.03125)])
def test_pictures_that_stay_as_they_are_are_no_evidence(changed, outcome, p):
    psnr = np.full(50, 20.0)
    gain = np.r_[1 : changed + 1, np.zeros(50 - changed)]
    found = changes(summarize(both("ccc", {"psnr": psnr}, {"psnr": psnr + gain})))
    assert found[["outcome", "p", "pictures"]].values.tolist() == [[outcome, p, 50]]


def test_mean_and_ranks_must_agree():
    psnr = RANDOM.normal(20, 3, 50)
    gain = np.full(50, 0.1)
    gain[:5] = -10  # the mean falls, most pictures rise
    found = changes(summarize(both("ccc", {"psnr": psnr}, {"psnr": psnr + gain})))
    assert found["holm"].item() < 0.05 and found["difference"].item() < 0 and found["outcome"].item() == "alike"


def test_a_mean_of_no_change_is_neither_better_nor_worse():
    gain = np.r_[np.full(45, -1.0), np.full(5, 9.0)]  # most pictures fall, the mean stays
    found = changes(summarize(both("ccc", {"psnr": np.full(50, 20.0)}, {"psnr": 20 + gain})))
    assert found["difference"].item() == 0 and found["holm"].item() < 0.05 and found["outcome"].item() == "alike"


def test_few_counts_the_methods_that_are_tested():
    before, after = {"psnr": np.arange(20.0, 26)}, {"psnr": np.arange(20.0, 26) + [1, 2, 3, 4, 5, -6]}
    one = both("ccc", before, after, images=6)
    assert changes(summarize(one))["outcome"].tolist() == ["alike"]  # 2 / 2^6 is below 0.05, twice that is not
    assert changes(summarize([*one, *both("cic", before, after, images=6)]))["outcome"].tolist() == ["few", "few"]


def test_labels_are_those_of_the_benchmark_and_files_those_of_the_run(tmp_path):
    psnr = RANDOM.normal(20, 3, 50)
    cells = [
        dataclasses.replace(one, title=f"CCC of {dataset}")
        for dataset in ("d1", "d2") for one in both("ccc", {"psnr": psnr}, {"psnr": psnr + 1}, dataset=dataset)
    ]  # fmt: skip
    assert {name: list(rows) for name, rows in outcomes(summarize(cells)).items()} == {
        "d1": ["CCC of d1"], "d2": ["CCC of d2"],
    }  # fmt: skip
    write_tables(summarize(cells), tmp_path)
    assert (tmp_path / "harmonization.csv").exists()
    write_tables(summarize(cells[:1]), tmp_path)
    assert not (tmp_path / "harmonization.csv").exists()


@pytest.mark.parametrize("interval, known", [("bca", True), ("bootstrap-t", False)])
def test_intervals_need_as_many_pictures_as_elsewhere(interval, known):
    cells = both("ccc", {"psnr": np.arange(20.0, 25)}, {"psnr": np.arange(20.0, 25) + [1, 2, 3, 4, 6]}, images=5)
    assert changes(summarize(cells, interval=interval))["low"].notna().tolist() == [known]
