"""What a run found, in one object: every estimate with its interval, test, caution and reason, and every value."""

import dataclasses
import functools
import os
from pathlib import Path
from typing import Any

import pandas

from ccc.core.errors import CCCError
from ccc.core.files import write_json, written_whole
from ccc.core.stored import read_json, read_table
from ccc.metrics.registry import find

FORMAT = "ccc-summary-2"  # of the stored object; raised when its shape changes
LEVEL = 0.05  # at which differences are called significant
NOT_AVAILABLE = "n/a"
REFERENCES = {  # methods that the others are read against and that never count as best
    "gray": "a reference without any colour: it may have a good MSE or PSNR, since wrong colours cost more than none",
    "constant": "a reference of one colour, the mean of the training photographs: a trained model has to beat it",
    "oracle": "a reference that knows the truth and shows it through its 56x56 classes, the ceiling of bin centres on "
    "such a map and of nothing else",
}
VALUES = ("method", "variant", "segmenter", "dataset", "metric", "image", "value")
TEXTS = {"string", "empty"}  # what pandas calls a column of words, and one without any


def format_value(metric: str, value: float) -> str:
    """A value with the digits of the paper's Table III: MSE four, dB and large distances of sets two, others three.

    FSIMc and VSI, which the paper does not have, get four: they stay near 1.
    """
    digits = 4 if metric in ("mse", "fsimc", "vsi") else 2 if metric == "psnr" or abs(value) >= 10 else 3
    return f"{value:.{digits}f}"


def is_stand_in(segmenter: str | None) -> bool:
    """Whether masks came from something else than SAM, the paper's segmenter."""
    return not (segmenter or "").lower().startswith("sam")


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What one metric says of one method, variant and dataset.

    `value`: mean of the pictures' finite values, or that of the set; `low` and `high`: its 95% interval, bootstrap
    of the mean or jackknife over pictures of the set; `best`: no other method has a better value over the pictures
    that all have; `tied`: best, or not significantly worse than the best (Wilcoxon, Holm-corrected `holm` at 0.05);
    `mean_rank`: over the pictures that all methods have. What does not exist is None; `reason` says why `value` is;
    `caution` says what to know of it.
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

    `label`: what tables and pages call it; `notes`: what must be known of all its numbers; `differs`: what tells it
    from the paper's method, see `ccc.report.differing`; `estimates`: by metric.
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
        """Its label where it is seen to be a reference."""
        return self.label.removeprefix("Reference: ")

    @property
    def is_reference(self) -> bool:
        """Whether it is a floor or ceiling, never best."""
        return self.method in REFERENCES

    def value(self, metric: str | None) -> float | None:
        """A metric's value, None where there is none."""
        return self.estimates[metric].value if metric in self.estimates else None

    def named(self, metric: str) -> list[str]:
        """The names that a metric has here: "cnr" is called "cnr_256" where pictures have 256 pixels."""
        return [name for name in self.estimates if metric in (name, find(name).base)]


@dataclasses.dataclass(frozen=True)
class Contest:
    """All methods of one dataset by one metric of single pictures, references left out.

    `pictures`: that all have; `others`: how many were tested against the best, picture by picture; 0 without a test.
    `methods`, `statistic`, `p`: of the Friedman test whether they differ at all; None for fewer than three.
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
        """Whether no picture could have made any difference significant: a Wilcoxon test's p is at least 2 / 2^N."""
        return self.others * 2.0 ** (1 - self.pictures) >= LEVEL


@dataclasses.dataclass(frozen=True)
class Results:
    """A whole run.

    `methods`: in the tables' order of methods, variants and datasets; `columns`: by dataset the paper's column that it
    is compared with; `not_run`: why, by name of the method; `cautions`: what must be known of a dataset's numbers;
    `model`: settings of CCC's model, {} without one; `harmonize`: parameters of Algorithm 1; `weights`: by what uses
    it, a file's name and SHA-256; `leakage`: by dataset, how many of its pictures CCC was trained on; `interval`: how
    those of means are made, "bca" or "bootstrap-t"; `protocols`: by dataset, how its pictures came to their size, where
    `ccc prepare` says it; `values`: a row for each stored value, in columns `VALUES`, where
    metrics of whole sets have an empty image and values that could not be computed have no row.
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
        """Names of all metrics that any method was asked for, in the tables' order."""
        return list(dict.fromkeys(metric for result in self.methods for metric in result.estimates))

    def on(self, dataset: str) -> list[MethodResult]:
        """Results over one dataset."""
        return [result for result in self.methods if result.dataset == dataset]

    def named(self, base: str) -> str | None:
        """The name that a metric has in this run ("cnr" may be "cnr_256"), the first with a value; None without one."""
        names = (metric for metric in self.metrics if base in (metric, find(metric).base))
        return next((name for name in names if any(result.value(name) is not None for result in self.methods)), None)

    def contest(self, dataset: str, metric: str) -> Contest | None:
        """The test between methods; None for a metric without direction or of whole sets."""
        return next((c for c in self.contests if (c.dataset, c.metric) == (dataset, metric)), None)

    @functools.cached_property
    def _pictures(self) -> dict[tuple, pandas.DataFrame]:
        of_pictures = self.values[self.values["image"] != ""]
        return dict(list(of_pictures.groupby(["method", "variant", "dataset"])))

    def pictures(self, result: MethodResult) -> pandas.DataFrame:
        """Values of single pictures: a row each, by name, and a column for each metric that has any."""
        found = self._pictures.get((result.method, result.variant, result.dataset))
        if found is None:
            return pandas.DataFrame(index=pandas.Index([], name="name"))
        columns = list(dict.fromkeys(found["metric"]))
        return found.pivot(index="image", columns="metric", values="value")[columns].rename_axis("name")

    def statistics(self) -> pandas.DataFrame:
        """A row for each estimate, its method, variant, dataset and label in front."""
        rows = [
            {"method": r.method, "variant": r.variant, "dataset": r.dataset, "label": r.label, "metric": e.metric,
             "direction": e.direction, "kind": e.kind} | dataclasses.asdict(e)
            for r in self.methods for e in r.estimates.values()
        ]  # fmt: skip
        return pandas.DataFrame(rows).astype({"best": str, "tied": str}).replace({"True": "true", "False": "false"})

    def write(self, path: str | os.PathLike) -> None:
        """Write `path`, a JSON file, and `values` beside it as parquet. Equal results give equal bytes."""
        path = Path(path)
        with written_whole(path.with_suffix(".parquet")) as aside:
            self.values.to_parquet(aside, index=False)
        stored = dataclasses.asdict(dataclasses.replace(self, values=None))
        stored.pop("values")
        write_json(path, {"format": FORMAT} | stored)

    @classmethod
    def read(cls, path: str | os.PathLike) -> "Results":
        """Read what `write` wrote. Raises CCCError, naming the file, where it is missing or something else."""
        from pydantic import TypeAdapter

        path = Path(path)
        try:
            stored = read_json(path, "summary", "make it with `ccc tables`")
            if not isinstance(stored, dict) or stored.pop("format", None) != FORMAT:
                raise ValueError(f"its format is not {FORMAT}")
            values = read_table(path.with_suffix(".parquet")).to_pandas()
            kinds = {name: pandas.api.types.infer_dtype(values[name], skipna=True) for name in values}
            if set(kinds) != set(VALUES) or kinds.pop("value") != "floating" or not {*kinds.values()} <= TEXTS:
                raise ValueError(f"the columns of {path.stem}.parquet are not {', '.join(VALUES)}")
            return TypeAdapter(cls).validate_python(stored | {"values": values})
        except FileNotFoundError as error:
            raise CCCError(f"{error.filename}: no such file; make it with `ccc tables`") from None
        except (ValueError, TypeError, AttributeError) as error:
            first = str(error).splitlines()[0]
            raise CCCError(f"{path}: not the summary of `ccc tables` ({first}); run it again") from None
