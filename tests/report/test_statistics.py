"""Values of scipy and statsmodels, and what holds for any picture's numbers."""

import json
import tracemalloc

import numpy as np
import pytest

from ccc.report import statistics
from ccc.report.statistics import bootstrap_intervals, friedman, holm, wilcoxon_against_best


def bootstrap_interval(values, **options):
    """The interval of one mean."""
    return tuple(bootstrap_intervals(np.asarray(values)[None], **options)[0])


@pytest.fixture
def golden(shared):
    return json.loads(shared("goldens/stats_values.json").read_text())


def test_intervals_of_the_golden_means(golden):
    for name, values in golden["values"].items():
        assert bootstrap_interval(values, seed=0) == pytest.approx(golden[f"bca95_{name}"], rel=1e-9), name


def test_paired_tests_of_the_golden_values(golden):
    found = wilcoxon_against_best(golden["values"], "higher")
    assert found.best == golden["best"] and found.pictures == 50
    for name in ("A", "C", "D"):
        assert found.statistic[name] == golden[f"wilcoxon_stat_{name}_vs_best"]
        assert found.p[name] == pytest.approx(golden["wilcoxon_p"][name], rel=1e-9)
        assert found.holm[name] == pytest.approx(golden["holm_p"][name], rel=1e-9)
    assert found.tied() == ["B", "D"] and found.tied(level=1e-9) == ["B", "A", "C", "D"]


def test_ranks_of_the_golden_values(golden):
    found = friedman(golden["values"], "higher")
    assert (found.statistic, found.p) == pytest.approx(tuple(golden["friedman"].values()), rel=1e-9)
    assert found.mean_rank == pytest.approx(golden["avg_rank_higher_better"])
    other_way = friedman(golden["values"], "lower").mean_rank
    assert all(found.mean_rank[name] + other_way[name] == pytest.approx(5) for name in "ABCD")


def test_an_interval_holds_its_mean_repeats_with_its_seed_and_narrows_with_more_pictures():
    values = np.random.default_rng(1).normal(20, 3, 200)
    low, high = bootstrap_interval(values, resamples=999)
    assert low < values.mean() < high
    assert (low, high) == bootstrap_interval(values, resamples=999) != bootstrap_interval(values, resamples=999, seed=1)
    few = bootstrap_interval(values[:20], resamples=999)
    assert few[1] - few[0] > 2 * (high - low)
    assert bootstrap_interval([0.5] * 8) == (0.5, 0.5)
    for wrong in ([1.0], [1.0, np.inf], [1.0, np.nan], [[1.0, 2.0]]):
        with pytest.raises(ValueError, match="at least two values, all finite"):
            bootstrap_interval(wrong)


def test_how_often_intervals_hold_the_mean_of_skewed_values():
    """What pages say of them. The figures are of 50 lognormal values; of normal ones both hold it as they should."""
    random = np.random.default_rng(0)
    skewed, even = random.lognormal(0, 1, (2000, 50)), random.normal(0, 1, (2000, 50))
    for method, percent in statistics.COVERAGE.items():
        for values, mean, expected in ((skewed, np.exp(0.5), percent), (even, 0, 95)):
            low, high = bootstrap_intervals(values, resamples=999, method=method).T
            assert 100 * np.mean((low <= mean) & (mean <= high)) == pytest.approx(expected, abs=1.5), method


def test_bootstrap_t_by_hand():
    values = np.random.default_rng(3).gamma(2, 1, 30)
    low, high = bootstrap_interval(values, method="bootstrap-t", resamples=20_000)
    random = np.random.default_rng(5)
    drawn = values[random.integers(0, 30, (40_000, 30))]
    errors = (drawn.mean(axis=1) - values.mean()) / drawn.std(axis=1)
    by_hand = values.mean() - np.quantile(errors, [0.975, 0.025]) * values.std()
    assert (low, high) == pytest.approx(tuple(by_hand), rel=0.015)
    assert (low, high) == bootstrap_interval(values, method="bootstrap-t", resamples=20_000)
    assert np.isnan(bootstrap_interval(values[:9], method="bootstrap-t")).all()
    assert bootstrap_interval([0.5] * 20, method="bootstrap-t") == (0.5, 0.5)


def test_means_that_differ_by_rounding_alone_are_ties():
    # Of integers every mean is exact. Of the last ones scipy alone rounds some, and gives -99.595 for -99.619.
    whole = np.array([1.0, 2.0, 4.0, 7.0, 7.0, 9.0])
    low, high = bootstrap_interval(whole)
    assert bootstrap_interval(whole / 1000) == pytest.approx((low / 1000, high / 1000), rel=1e-9)
    assert bootstrap_interval(whole / 7 - 100) == pytest.approx((low / 7 - 100, high / 7 - 100), rel=1e-12)


def test_rows_of_a_table_do_not_know_each_other():
    random = np.random.default_rng(2)
    table = np.stack([random.normal(1e-9, 1e-10, 9), np.full(9, 0.1), random.normal(1e6, 10, 9), [0] * 8 + [1]])
    found = bootstrap_intervals(table, resamples=999)
    for row, interval in zip(table, found, strict=True):
        assert bootstrap_interval(row, resamples=999) == pytest.approx(interval, rel=1e-12)
    assert (found[1] == 0.1).all() and found[3, 0] == 0 < found[3, 1] < 1


def test_intervals_of_thousands_of_pictures_take_little_memory():
    # Once 9,999 x N x N bytes, 37 GiB for these.
    table = np.random.default_rng(3).normal(20, 3, (20, 2000))
    bootstrap_interval(table[0, :9])  # imports scipy
    tracemalloc.start()
    try:
        found = bootstrap_intervals(table)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 300 * 2**20, f"{peak / 2**20:.0f} MiB"
    # The mean of this many is normal: 1.96 standard errors to either side.
    error = table.std(axis=1, ddof=1) / np.sqrt(2000)
    assert (found[:, 1] - found[:, 0]) / error == pytest.approx(np.full(20, 3.92), rel=0.05)


def test_intervals_do_not_depend_on_how_many_resamples_are_drawn_at_a_time(golden, monkeypatch):
    whole = {name: bootstrap_interval(values) for name, values in golden["values"].items()}
    monkeypatch.setattr(statistics, "BATCH", 50 * 7)
    for name, values in golden["values"].items():
        assert bootstrap_interval(values) == pytest.approx(whole[name], rel=1e-14), name


def test_holm_by_hand():
    # Sorted .01 .02 .03 .6: times 4 3 2 1 is .04 .06 .06 .6, and nothing exceeds 1 or falls below its predecessor.
    assert holm({"c": 0.03, "a": 0.01, "d": 0.6, "b": 0.02}) == pytest.approx(
        {"c": 0.06, "a": 0.04, "d": 0.6, "b": 0.06}
    )
    assert holm({"a": 0.4, "b": 0.9}) == pytest.approx({"a": 0.8, "b": 0.9})
    assert holm({"a": 0.4, "b": 0.3}) == pytest.approx({"a": 0.6, "b": 0.6}) and holm({}) == {}
    assert holm({"a": 0.7, "b": 0.8}) == {"a": 1.0, "b": 1.0}


def test_methods_that_agree_everywhere_are_tied():
    same = {"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0], "c": [1.0, 2.0, 3.0]}
    found = wilcoxon_against_best(same, "lower")
    assert (found.best, found.p, found.tied()) == ("a", {"b": 1.0, "c": 1.0}, ["a", "b", "c"])
    assert friedman(same, "lower").p == 1 and set(friedman(same, "lower").mean_rank.values()) == {2.0}


def test_pictures_without_a_finite_value_are_left_out_for_all():
    values = {"a": [1.0, 2.0, np.inf, 4.0], "b": [2.0, 3.0, 9.0, np.nan], "c": [3.0, 4.0, 0.0, 0.0]}
    assert wilcoxon_against_best(values, "lower").pictures == friedman(values, "lower").pictures == 2
    assert wilcoxon_against_best(values, "lower").best == "a" and wilcoxon_against_best(values, "higher").best == "c"
    assert friedman(values, "lower").mean_rank == {"a": 1.0, "b": 2.0, "c": 3.0}


def test_refusals():
    two = {"a": [1.0, 2.0], "b": [2.0, 1.0]}
    with pytest.raises(ValueError, match="at least 3 methods"):
        friedman(two, "lower")
    with pytest.raises(ValueError, match="at least 2 methods"):
        wilcoxon_against_best({"a": [1.0]}, "lower")
    with pytest.raises(ValueError, match="direction"):
        wilcoxon_against_best(two, "best")
    with pytest.raises(ValueError, match="same pictures"):
        wilcoxon_against_best({"a": [1.0, 2.0], "b": [2.0]}, "lower")
    with pytest.raises(ValueError, match="no picture"):
        wilcoxon_against_best({"a": [np.inf, 2.0], "b": [2.0, np.inf]}, "lower")
