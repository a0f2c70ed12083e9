"""Published figures, a YAML file for each paper, and contradictions in this paper's.

`paper.yaml` holds Tables I to VII of the paper that is implemented here. Every other file holds one table of another:
where its benchmarks are run, a table of its own stands ours beside it (docs/field.md).
"""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas
import yaml

from ccc.core.errors import CCCError

FOLDER = Path(__file__).parent
NUMBERS = {"III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7}
SHOWCASE = "showcase"  # our dataset that stands in Table III
FIGURE_9 = "Fig. 9"  # the paper's eight pictures: a showcase is compared only where it is said to be these


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric of a published table and the columns here that stand beside it, by name.

    `open`: what its paper leaves unsaid; `difference`: False where so much is unsaid that one would mean nothing.
    """

    title: str
    ours: tuple[str, ...]
    open: str = ""
    difference: bool = True


ALIASES = {  # names that a published method may have here, beside its own in the YAML
    "eccv16": "cic",
    "zhang17": "zhang",
    "siggraph17": "zhang",
    "instcolorization": "su",
    "dlnet": "gain",
    "dd": "ddcolor",
}
HARMONIZED = "ccc"  # the method whose published pictures may have gone through Algorithm 1
IRREPRODUCIBLE = {"III": ("mse", "psnr")}  # by table, metrics whose printed figures contradict each other: `psnr_gaps`


@dataclasses.dataclass(frozen=True)
class PublishedTable:
    """One printed table.

    `number`: "III" of the paper's own, "" of another's; `name`: of the files that it becomes; `pictures`: by dataset;
    `metrics`: by name; `values[method, dataset, metric]`: strings as printed, by our names of methods; `titles`: the
    printed names by ours; `notes`: what must be known of all its figures; `protocol`: of `ccc prepare`, by which its
    pictures came to their size, "" where its paper does not say.
    """

    number: str
    name: str
    title: str
    pictures: dict[str, int]
    metrics: dict[str, Metric]
    values: dict[tuple[str, str, str], str]
    titles: dict[str, str]
    notes: tuple[str, ...] = ()
    protocol: str = ""

    @property
    def datasets(self) -> list[str]:
        """Its datasets, in its order."""
        return list(self.pictures)

    @property
    def methods(self) -> list[str]:
        """Names of the methods in it, in its order."""
        return list(dict.fromkeys(method for method, _, _ in self.values))

    def counterpart(self, method: str) -> str | None:
        """Its method that `method`, a name here, is; None without one."""
        return counterpart(method, self.titles)


def raw(name: str = "paper") -> dict:
    """A file of this folder as it is, by its name without `.yaml`."""
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


@functools.cache
def titles() -> dict[str, str]:
    """The paper's names of its methods, by ours."""
    return raw()["titles"]


def counterpart(method: str, known: Mapping[str, str] | None = None) -> str | None:
    """The published method that `method`, a name here, is, of `known` or of the paper's; None if not among them."""
    name = ALIASES.get(method, method)
    return name if name in (known or titles()) else None


@functools.cache
def load() -> dict[str, PublishedTable]:
    """The paper's Tables III to VII by roman number."""
    data = raw()
    return {
        number: _table(data | data[f"table_{arabic}"], f"table_{arabic}", number) for number, arabic in NUMBERS.items()
    }


@functools.cache
def others() -> list[PublishedTable]:
    """Tables of other papers, by the names of their files."""
    names = sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != "paper")
    return [_table(raw(name), f"field_{name}", "") for name in names]


def _table(entry: Mapping, name: str, number: str) -> PublishedTable:
    places = [(FIGURE_9 if dataset == SHOWCASE else dataset, metric) for dataset, metric in entry["columns"]]
    values = {
        (method, *place): value
        for method, row in entry["rows"].items()
        for place, value in zip(places, row, strict=True)
        if value
    }
    return PublishedTable(
        number, name, entry["title"], {dataset: entry["pictures"][dataset] for dataset, _ in places},
        {metric: Metric(**entry["metrics"][metric]) for _, metric in places}, values, entry["titles"],
        tuple(entry.get("notes", ())), entry.get("protocol", ""),
    )  # fmt: skip


def datasets() -> list[str]:
    """Names of all columns that a dataset here may stand beside."""
    return list(dict.fromkeys(name for table in [*load().values(), *others()] for name in table.datasets))


def check_columns(columns: Mapping[str, str]) -> None:
    """Raise CCCError for a dataset whose counterpart no published table has."""
    for dataset, column in columns.items():
        if column not in datasets():
            raise CCCError(f"{dataset}: published tables have no column {column!r}; there are {', '.join(datasets())}")


def psnr_gaps(table: str) -> pandas.DataFrame:
    """Compare each MSE of a published table ("III" or "IV") with the PSNR beside it, in a row each.

    -log10 is convex, so by Jensen's inequality the mean of the pictures' PSNRs is at least the PSNR of their mean MSE
    (peak 1), `floor` = -10 log10(MSE). `gap` is published PSNR minus that, in dB: below zero, the two figures cannot
    come from the same pixels of the same pictures, where rounding of both does not explain it: `possible`. `method` is
    as the paper calls it, `mse` and `psnr` as it prints them.
    """
    values = load()[table].values
    rows = [(titles()[m], mse, values[m, d, "psnr"]) for (m, d, metric), mse in values.items() if metric == "mse"]
    frame = pandas.DataFrame(rows, columns=["method", "mse", "psnr"])
    mse, psnr = frame["mse"].astype(float), frame["psnr"].astype(float)
    least = -10 * np.log10(mse + frame["mse"].map(half_digit)) - frame["psnr"].map(half_digit)
    floor = -10 * np.log10(mse)
    return frame.assign(floor=floor, gap=psnr - floor, possible=psnr >= least)


def digits(printed: str) -> int:
    """How many digits follow the decimal point: 4 for ".0043"."""
    return len(printed.partition(".")[2])


def half_digit(printed: str) -> float:
    """Half a unit of the last printed digit: 0.00005 for ".0043"."""
    return 0.5 * 10.0 ** -digits(printed)
