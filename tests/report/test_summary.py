"""Figures with their intervals and tests, from stored cells."""

import dataclasses
import json

import numpy as np
import pandas
import pytest
from scipy.stats import wilcoxon
from stored_cells import cell

from ccc.report.formats import write_tables
from ccc.report.front import headline_metrics, verdict
from ccc.report.plots import trade_off
from ccc.report.results import Contest, Results
from ccc.report.statistics import wilcoxon_against_best
from ccc.report.summary import summarize


@pytest.fixture
def base():
    return np.random.default_rng(0).normal(25, 3, 50)


def by_method(cells, metric="psnr"):
    return {result.method: result.estimates[metric] for result in summarize(cells).methods}


def test_a_method_that_gives_pictures_back_exactly_is_not_held_against_its_rest(base):
    """Its best pictures have no finite PSNR and count in no mean."""
    exact, other = base + 1, base.copy()
    exact[:10], other[:10] = np.inf, 60
    found = by_method([cell("exact", {"psnr": exact}), cell("other", {"psnr": other})])
    assert found["other"].value > found["exact"].value, "each over its own finite pictures"
    assert found["exact"].best and not found["other"].best and found["other"].holm < 0.05


def test_the_best_and_what_is_not_significantly_worse(base):
    noise = np.random.default_rng(1).normal(0, 1, (3, 50))
    cells = [
        cell("best", {"psnr": base}),
        cell("near", {"psnr": base - 0.05 + noise[0] - noise[0].mean()}),
        cell("far", {"psnr": base - 2 + noise[1]}),
        cell("gray", {"psnr": base + 5}),
    ]
    found = by_method(cells)
    assert [name for name, figure in found.items() if figure.best] == ["best"]
    assert [name for name, figure in found.items() if figure.tied] == ["best", "near"]
    assert found["far"].p == pytest.approx(wilcoxon(base - (base - 2 + noise[1])).pvalue)
    assert found["far"].holm == 2 * found["far"].p and found["near"].holm == found["near"].p > 0.05
    assert found["gray"].p is None and not found["gray"].tied, "a reference never counts"
    assert found["best"].low < found["best"].value < found["best"].high
    assert found["best"].mean_rank < found["near"].mean_rank < found["far"].mean_rank == pytest.approx(3, abs=0.2)


def test_a_metric_where_lower_is_better(base):
    found = by_method([cell("a", {"mse": base}), cell("b", {"mse": base + 1})], "mse")
    assert found["a"].best and not found["b"].tied and found["b"].mean_rank is None, "ranks need three methods"


def test_a_dataset_of_another_side_has_its_panel_and_its_row(base):
    cells = [cell("a", {"psnr": base, f"cnr_{side}": base}, dataset=f"of {side}") for side in (96, 128)]
    results = summarize(cells)
    plot = trade_off(results, "psnr", "cnr_96")
    assert list(plot.drawings) == results.datasets == ["of 128", "of 96"]
    assert set(plot.data.columns) == {"dataset", "method", "variant", "psnr", "cnr_96", "cnr_128"}
    assert {"cnr_96", "cnr_128"} <= set(headline_metrics(results))


def test_variants_of_a_method_compete_too(base):
    found = summarize([cell("ccc", {"psnr": base}), cell("ccc", {"psnr": base + 1}, "sam")]).methods
    assert [(result.variant, result.estimates["psnr"].best) for result in found] == [("plain", False), ("sam", True)]


def test_one_whose_mean_is_worse_but_whose_ranks_are_better_is_not_called_worse(base):
    other = base - 0.5
    other[0] += 100  # the better mean, by one picture
    found = by_method([cell("steady", {"psnr": base}), cell("lucky", {"psnr": other})])
    assert found["lucky"].best and found["steady"].holm < 0.05 and found["steady"].tied


def test_infinite_values_and_missing_pictures_are_left_out(base):
    perfect = base.copy()
    perfect[:3] = np.inf
    short = cell("short", {"psnr": base + 1}, pictures=40, images=40)
    results = summarize([cell("a", {"psnr": base - 1}), cell("b", {"psnr": perfect}, infinite={"psnr": 3}), short])
    contest = results.contest("set", "psnr")
    assert (contest.pictures, contest.others, contest.methods) == (37, 2, 3) and contest.p < 0.05
    found = {result.method: result.estimates["psnr"] for result in results.methods}
    assert found["b"].n == 47 and found["b"].infinite == 3 and "infinite for 3 of 50" in found["b"].caution
    assert found["b"].low < found["b"].value < found["b"].high


def test_sets_have_their_stored_interval_and_no_test(base):
    changes = {"directions": {"fid_64": "lower"}, "versions": {"fid_64": 1}, "cautions": {"fid_64": "few"}}
    cells = [
        cell(name, {}, set={"fid_64": value}, interval={"fid_64": [value - 1, value + 1]}, **changes)
        for name, value in (("a", 3.0), ("b", 2.5))
    ]
    found = by_method(cells, "fid_64")
    assert (found["b"].low, found["b"].high, found["b"].n, found["b"].kind) == (1.5, 3.5, 50, "set")
    assert found["b"].best and not found["a"].tied and found["b"].p is None and found["b"].caution == "few"


def test_a_metric_without_any_value_has_its_reason(base):
    missing = {"missing": {"lpips_alex": "no weights"}, "mean": {"lpips_alex": None}, "pictures": 0}
    found = by_method([cell(name, {"lpips_alex": base}, **missing) for name in "ab"], "lpips_alex")
    assert found["a"].value is None and not found["a"].best and found["a"].reason == "no weights"


def test_too_few_pictures_can_tell_nothing_apart(base):
    """Five pictures give a p of 1/16 at the least, and more methods need more pictures."""
    for count, methods, few in ((5, 2, True), (6, 2, False), (6, 3, True), (7, 3, False)):
        rows = {str(number): base[:count] - number for number in range(methods)}
        comparison = wilcoxon_against_best(rows, "higher")
        contest = Contest("set", "psnr", comparison.pictures, len(comparison.holm))
        assert contest.too_few == few == (min(comparison.holm.values()) >= 0.05)


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ([], "no other method was run"),
        ([("ccc", "worse", "sam")], "no other method was run; better than its own variant"),
        ([("ccc", "alike", "sam")], "no other method was run (its own variant"),
        (
            [("ccc", "alike", "sam"), ("cic", "worse", "plain")],
            "yes, against each other method (its own variant",
        ),
        ([("ccc", "worse", "sam"), ("cic", "worse", "plain")], "yes, against each of 2 (corrected p at most 0.001)"),
        ([("cic", "alike", "plain"), ("zhang", "worse", "plain")], "no: not told apart from cic by 50 pictures"),
        ([("gray", "better", "plain")], "no other method was run"),
    ],
)
def test_the_first_page_says_how_sure_the_best_is(base, others, words):
    noise = np.random.default_rng(1).normal(0, 1, 50)
    columns = {"worse": base - 2, "alike": base - 0.05 + noise - noise.mean(), "better": base + 5}
    cells = [cell("ccc", {"psnr": base})]
    cells += [cell(method, {"psnr": columns[name]}, variant) for method, name, variant in others]
    won = verdict(summarize(cells), "set", "psnr")
    assert won["best"].key == "ccc/plain" and won["words"].startswith(words)
    signs = {"no other": "alone", "yes, aga": "real", "no: not ": "tied"}
    assert won["sign"] == signs[words[:8]]
    assert bool(won["gray"]) == any(method == "gray" for method, *_ in others)


# The best method less gray, by picture: a mean of 0.5, and 25 of 55 ranks against it.
APART = np.array([-1, 2, -3, 4, -5, 6, -7, 8, -9, 10.0])
TEN = np.linspace(20, 30, 10)


def floor_cells(**floors):
    """Ten pictures of a best method, of one that is 2 dB worse, and of references that are `floors` worse."""
    methods = {"ccc": TEN, "cic": TEN - 2 - APART / 10} | {name: TEN - less for name, less in floors.items()}
    return [cell(name, {"psnr": values}, images=10) for name, values in methods.items()]


def test_the_p_against_gray_is_the_share_of_signs_that_are_as_uneven():
    ranks = np.arange(1, 11)
    sums = [sum(ranks[[bool(signs >> k & 1) for k in range(10)]]) for signs in range(2**10)]
    found = by_method(floor_cells(gray=APART, constant=3 + APART / 10, oracle=np.full(10, -9.0)))
    assert found["ccc"].p_gray == pytest.approx(2 * np.mean(np.array(sums) <= 25)) == pytest.approx(0.845703125)
    assert found["ccc"].p_constant == pytest.approx(2 / 2**10)
    assert found["ccc"].not_better_than == ("gray",)
    assert all(found[name].p_gray is None and not found[name].not_better_than for name in ("cic", "gray", "oracle"))


@pytest.mark.parametrize(
    ("floors", "sign", "words"),
    [
        ({}, "real", ""),
        ({"gray": 3 + APART / 10}, "real", "; better than gray (p = 0.002)"),
        (
            {"gray": 3 + APART / 10, "constant": 2 + APART / 10},
            "real",
            "; better than gray (p = 0.002) and one colour (p = 0.002)",
        ),
        ({"gray": APART}, "floor", ", but not told apart from gray (p = 0.85)"),
        ({"constant": APART}, "floor", ", but not told apart from one colour (p = 0.85)"),
        ({"gray": -3 + APART / 10}, "floor", ", but not better than gray (p = 0.002)"),
        (
            {"gray": APART, "constant": -3 + APART / 10},
            "floor",
            ", but not better than one colour (p = 0.002) and not told apart from gray (p = 0.85)",
        ),
        ({"gray": np.full(10, -np.inf)}, "floor", ", but not better than gray (p = 0.002)"),
        # Ranks of 6 or less have 28 of 1024 choices of signs.
        ({"gray": np.where(TEN < 27, -np.inf, 3)}, "floor", ", but not better than gray (p = 0.027)"),
        (
            {"gray": np.where(TEN < 25, np.nan, 3)},
            "floor",
            ", but not compared with gray: too few pictures have values of both",
        ),
        ({"gray": np.full(10, np.nan)}, "real", ""),
    ],
)
def test_a_lead_is_not_called_real_where_gray_or_one_colour_is_as_good(floors, sign, words):
    won = verdict(summarize(floor_cells(**floors)), "set", "psnr")
    assert won["best"].key == "ccc/plain" and won["sign"] == sign
    assert won["words"] == f"yes, against each of 1 (corrected p at most 0.002){words}"


def test_gray_photographs_count_for_gray_which_is_exact_on_them():
    exact = np.where(np.arange(10) < 4, -np.inf, APART)
    found = by_method(floor_cells(gray=exact))["ccc"]
    ranks = np.arange(1, 11)
    sums = [sum(ranks[[bool(signs >> k & 1) for k in range(10)]]) for signs in range(2**10)]
    assert found.p_gray == pytest.approx(2 * np.mean(np.array(sums) <= 2 + 4 + 6))  # 6, 8 and 10 among the finite ones
    assert found.not_better_than == ("gray",) and found.p != found.p_gray


def test_a_better_mean_by_one_picture_alone_is_not_better_than_gray(base):
    gray = base + 0.5
    gray[0] -= 100
    won = verdict(summarize([cell("ccc", {"psnr": base}), cell("gray", {"psnr": gray})]), "set", "psnr")
    assert won["words"] == "no other method was run; not better than gray (p < 0.001)" and not won["gray"]


def test_references_change_no_test_between_methods():
    with_floors, without = (summarize(floor_cells(**floors)) for floors in ({"gray": APART, "constant": APART}, {}))
    assert with_floors.contests == without.contests
    new = {"p_gray": None, "p_constant": None, "not_better_than": ()}
    for result in without.methods:
        estimate = next(r for r in with_floors.methods if r.key == result.key).estimates["psnr"]
        assert dataclasses.replace(estimate, **new) == result.estimates["psnr"]


def test_a_tied_or_lone_best_method_is_compared_with_gray_and_one_without_direction_is_not():
    _, worse, gray = floor_cells(gray=APART)
    alone = verdict(summarize([worse, gray]), "set", "psnr")
    assert alone["sign"] == "alone" and alone["words"].startswith("no other method was run; not told apart from gray")
    alike = cell("ccc", {"psnr": TEN - 2 + APART / 100}, images=10)
    tied = verdict(summarize([alike, worse, cell("gray", {"psnr": TEN - 2}, images=10)]), "set", "psnr")
    assert tied["sign"] == "tied" and tied["words"].endswith("by 10 pictures; not told apart from gray (p = 0.85)")
    vivid = [cell(name, {"colorfulness": TEN}, images=10) for name in ("ccc", "cic", "gray")]
    assert all(e.p_gray is None and not e.not_better_than for e in by_method(vivid, "colorfulness").values())


def test_files_say_what_the_best_method_is_not_better_than(tmp_path):
    results = summarize(floor_cells(gray=APART, constant=3 + APART / 10))
    write_tables(results, tmp_path)
    table = pandas.read_csv(tmp_path / "statistics.csv", keep_default_na=False).set_index("method")
    assert list(table)[-3:] == ["p_gray", "p_constant", "not_better_than"]
    assert table.loc["ccc", "not_better_than"] == "gray" and float(table.loc["ccc", "p_gray"]) == 0.845703125
    assert (table.drop(index="ccc")[["p_gray", "p_constant", "not_better_than"]] == "").all(axis=None)
    results.write(tmp_path / "summary.json")
    stored = json.loads((tmp_path / "summary.json").read_text())["methods"][1]["estimates"]["psnr"]
    assert (stored["p_gray"], stored["not_better_than"]) == (0.845703125, ["gray"])
    assert Results.read(tmp_path / "summary.json") == results
