"""Results of a run in one object: every estimate with interval, test, caution and reason, and every value."""

import dataclasses
import functools
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas

from ccc.core.files import part_of_path, write_json, written_whole
from ccc.core.stored import read_json, read_table, reading, typed
from ccc.metrics.registry import find

FORMAT = "ccc-summary-3"  # of the stored object; raised when its shape changes
LEVEL = 0.05  # at which differences are called significant
NOT_AVAILABLE = "n/a"
FLOORS = {"gray": "gray", "constant": "one colour"}  # references that the best method is tested against, in words
REFERENCES = {  # floors and ceilings to compare with, never marked as best
    "gray": "a reference without any colour: it may have a good MSE or PSNR, since wrong colours cost more than none",
    "constant": "a reference of one colour, the mean of the training photographs: a trained model has to beat it",
    "oracle": "a reference that knows the truth and shows it through its 56x56 classes, the ceiling of bin centres on "
    "such a map and of nothing else",
}
VALUES = ("method", "variant", "segmenter", "dataset", "metric", "image", "value")
TEXTS = {"string", "empty"}  # kinds of a text column in pandas


def format_value(metric: str, value: float) -> str:
    """A value with the digits of the paper's Table III: MSE four, dB and large distances of sets two, others three.

    FSIMc and VSI, which the paper does not have, get four: they stay near 1.
    """
    digits = 4 if metric in ("mse", "fsimc", "vsi") else 2 if metric == "psnr" or abs(value) >= 10 else 3
    return f"{value:.{digits}f}"


def is_stand_in(segmenter: str | None) -> bool:
    """Whether masks come from another segmenter than the paper's SAM."""
    return not (segmenter or "").lower().startswith("sam")


@dataclasses.dataclass(frozen=True)
class Estimate:
    """One metric of one method, variant and dataset.

    `value`: mean of the pictures' finite values, or that of the set; `low` and `high`: its 95% interval, bootstrap
    of the mean or jackknife over pictures of the set; `best`: no other method has a better value on the common
    pictures; `tied`: best, or not significantly worse (Wilcoxon, Holm-corrected `holm` at 0.05); `mean_rank`: over the
    common pictures. Missing entries are None; `reason`: why `value` is missing; `caution`: limits of `value`. Of the
    best method: `p_gray`, `p_constant`: p of the same test against these references, not corrected;
    `not_better_than`: those of them that it is not significantly better than, in mean and ranks.
    """

    metric: str
    direction: str | None
    version: str
    n: int
    infinite: int
    value: float | None
    median: float | None
    sd: float | None
    low: float | None
    high: float | None
    best: bool
    tied: bool
    p: float | None
    holm: float | None
    mean_rank: float | None
    reason: str = ""
    caution: str = ""
    p_gray: float | None = None
    p_constant: float | None = None
    not_better_than: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Whether every picture has a value ("pair") or only the whole set has one ("set")."""
        return find(self.metric).kind

    @property
    def text(self) -> str:
        """The value in the tables' digits."""
        return NOT_AVAILABLE if self.value is None else format_value(self.metric, self.value)

    @property
    def interval(self) -> str:
        """The 95% interval in the tables' digits; "" without one."""
        if self.low is None or self.high is None:
            return ""
        return f"{format_value(self.metric, self.low)} to {format_value(self.metric, self.high)}"


@dataclasses.dataclass(frozen=True)
class MethodResult:
    """One method and variant over one dataset of `images` pictures.

    `label`: its name in tables and pages; `notes`: cautions about all its numbers; `differs`: differences from the
    paper's method, see `ccc.report.differing`; `estimates`: by metric.
    """

    method: str
    variant: str
    dataset: str
    title: str
    label: str
    segmenter: str | None
    images: int
    notes: tuple[str, ...]
    differs: tuple[str, ...]
    estimates: dict[str, Estimate]

    @property
    def key(self) -> str:
        """Method and variant: "ccc/plain"."""
        return f"{self.method}/{self.variant}"

    @property
    def short_label(self) -> str:
        """Its label without "Reference: "."""
        return self.label.removeprefix("Reference: ")

    @property
    def is_reference(self) -> bool:
        """Whether it is a floor or ceiling that is never marked as best."""
        return self.method in REFERENCES

    def value(self, metric: str | None) -> float | None:
        """A metric's value; None if missing."""
        return self.estimates[metric].value if metric in self.estimates else None

    def named(self, metric: str) -> list[str]:
        """The names of a metric here: "cnr" becomes "cnr_256" for pictures of 256 pixels."""
        return [name for name in self.estimates if metric in (name, find(name).base)]


def by_variant(methods: Iterable[MethodResult]) -> list[dict[str, MethodResult]]:
    """Results by dataset, a mapping for each method and variant in the given order."""
    rows: dict[str, dict[str, MethodResult]] = {}
    for result in methods:
        rows.setdefault(result.key, {})[result.dataset] = result
    return list(rows.values())


@dataclasses.dataclass(frozen=True)
class Contest:
    """All methods of one dataset by one metric of single pictures, references left out.

    `pictures`: number of common pictures; `others`: number of methods tested against the best; 0 without a test.
    `methods`, `statistic`, `p`: of the Friedman test; None for fewer than three methods.
    """

    dataset: str
    metric: str
    pictures: int
    others: int
    methods: int | None = None
    statistic: float | None = None
    p: float | None = None

    @property
    def too_few(self) -> bool:
        """Whether no outcome could have been significant: the smallest p of a Wilcoxon test is 2 / 2^N."""
        return self.others * 2.0 ** (1 - self.pictures) >= LEVEL


@dataclasses.dataclass(frozen=True)
class Results:
    """A whole run.

    `methods`: in the tables' order of methods, variants and datasets; `columns`: the paper's column to compare with, by
    dataset; `not_run`: reasons by method; `cautions`: by dataset; `model`: settings of CCC's model, {} without one;
    `harmonize`: parameters of Algorithm 1; `weights`: a file's name and SHA-256 by its user; `leakage`: by dataset, how
    many of its pictures CCC was trained on; `interval`: of means, "bca" or "bootstrap-t"; `protocols`: resizing
    protocol of `ccc prepare` by dataset, if stated; `values`: a row per stored value, in columns `VALUES`: metrics of
    whole sets have an empty image, missing values no row.
    """

    run: str
    methods: tuple[MethodResult, ...]
    contests: tuple[Contest, ...]
    columns: dict[str, str]
    not_run: dict[str, str]
    cautions: dict[str, str]
    model: dict[str, Any]
    harmonize: dict[str, str]
    weights: dict[str, tuple[str, str]]
    leakage: dict[str, str] = dataclasses.field(default_factory=dict)
    interval: str = "bca"
    protocols: dict[str, str] = dataclasses.field(default_factory=dict)
    values: Any = dataclasses.field(default=None, compare=False)

    @property
    def datasets(self) -> list[str]:
        """Names of the datasets."""
        return sorted({result.dataset for result in self.methods})

    @property
    def metrics(self) -> list[str]:
        """Names of all requested metrics, in the tables' order."""
        return list(dict.fromkeys(metric for result in self.methods for metric in result.estimates))

    def on(self, dataset: str) -> list[MethodResult]:
        """Results over one dataset."""
        return [result for result in self.methods if result.dataset == dataset]

    def named(self, base: str, dataset: str | None = None) -> str | None:
        """The name of a metric in this run ("cnr" may be "cnr_256"), the first one with a value; None without one.

        `dataset`: looks only at the values of this one, whose pictures may have another size.
        """
        names = (metric for metric in self.metrics if base in (metric, find(metric).base))
        some = self.methods if dataset is None else self.on(dataset)
        return next((name for name in names if any(result.value(name) is not None for result in some)), None)

    def contest(self, dataset: str, metric: str) -> Contest | None:
        """The test between methods; None for a metric without direction or of whole sets."""
        return next((c for c in self.contests if (c.dataset, c.metric) == (dataset, metric)), None)

    @functools.cached_property
    def _pictures(self) -> dict[tuple, pandas.DataFrame]:
        of_pictures = self.values[self.values["image"] != ""]
        groups = of_pictures.rename(columns={"image": "name"}).groupby(["method", "variant", "dataset"])
        tables = ((key, rows, rows.pivot(index="name", columns="metric", values="value")) for key, rows in groups)
        return {key: table[rows["metric"].unique()] for key, rows, table in tables}

    def pictures(self, result: MethodResult) -> pandas.DataFrame:
        """Values by picture: a row per name and a column per metric that has any."""
        found = self._pictures.get((result.method, result.variant, result.dataset))
        return pandas.DataFrame(index=pandas.Index([], name="name")) if found is None else found

    def statistics(self) -> pandas.DataFrame:
        """A row per estimate: method, variant, dataset and label first."""
        return self._statistics.copy()

    @functools.cached_property
    def _statistics(self) -> pandas.DataFrame:
        rows = [
            {"method": r.method, "variant": r.variant, "dataset": r.dataset, "label": r.label, "metric": e.metric,
             "direction": e.direction, "kind": e.kind}
            | dataclasses.asdict(e) | {"not_better_than": " ".join(e.not_better_than)}
            for r in self.methods for e in r.estimates.values()
        ]  # fmt: skip
        return pandas.DataFrame(rows).astype({"best": str, "tied": str}).replace({"True": "true", "False": "false"})

    def write(self, path: str | os.PathLike) -> None:
        """Write `path`, a JSON file, and `values` beside it as parquet. Equal results give equal bytes."""
        path = Path(path)
        with written_whole(path.with_suffix(".parquet")) as scratch:
            self.values.to_parquet(scratch, index=False)
        stored = dataclasses.asdict(dataclasses.replace(self, values=None))
        stored.pop("values")
        write_json(path, {"format": FORMAT} | stored)

    @classmethod
    def read(cls, path: str | os.PathLike) -> "Results":
        """Read a summary of `write`. Raises CCCError, naming the file, if it is missing or invalid."""
        path = Path(path)
        with reading(path, "not the summary of `ccc tables`", "make it with `ccc tables`"):
            stored = read_json(path, "summary", "make it with `ccc tables`")
            if not isinstance(stored, dict) or stored.pop("format", None) != FORMAT:
                raise ValueError(f"its format is not {FORMAT}")
            values = read_table(path.with_suffix(".parquet")).to_pandas()
            kinds = {name: pandas.api.types.infer_dtype(values[name], skipna=True) for name in values}
            if set(kinds) != set(VALUES) or kinds.pop("value") != "floating" or not {*kinds.values()} <= TEXTS:
                raise ValueError(f"the columns of {path.stem}.parquet are not {', '.join(VALUES)}")
            results = typed(stored | {"values": values}, cls)
            if not results.methods:
                raise ValueError("it has no methods")
            for name in (name for found in results.methods for name in (found.method, found.variant, found.dataset)):
                part_of_path(name)
            return results
