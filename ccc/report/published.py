"""The paper's figures, and what can be said about them from themselves."""

import dataclasses
import functools
import math
from decimal import Decimal
from pathlib import Path

import yaml

SHOWCASE = "showcase"  # our dataset that stands in Table III
FIGURE_9 = "Fig. 9"  # the paper's eight pictures: a showcase is compared only where it is said to be these


@dataclasses.dataclass(frozen=True)
class Method:
    """A method of the paper's tables: its name, the names it may have here, whether its pictures were harmonized."""

    name: str
    ours: tuple[str, ...]
    harmonized: bool = False


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric of the paper's tables, the columns here that stand beside it, and what the paper leaves open."""

    name: str
    ours: tuple[str, ...]
    open: str = ""
    difference: bool = True


@dataclasses.dataclass(frozen=True)
class PublishedTable:
    """One printed table. `values[method, dataset, metric]` are strings as printed, method names made uniform."""

    number: str  # "III"
    title: str
    pictures: int
    datasets: tuple[str, ...]
    metrics: tuple[str, ...]
    irreproducible: tuple[str, ...]
    values: dict[tuple[str, str, str], str]

    @property
    def methods(self) -> list[str]:
        """Names of the methods in it, in the paper's order."""
        return list(dict.fromkeys(method for method, _, _ in self.values))


@dataclasses.dataclass(frozen=True)
class Published:
    """Tables III to VII of the paper by roman number, and the methods and metrics in them by name."""

    source: str
    methods: dict[str, Method]
    metrics: dict[str, Metric]
    tables: dict[str, PublishedTable]

    @property
    def datasets(self) -> list[str]:
        """Names of all columns that a dataset here may stand beside."""
        return list(dict.fromkeys(name for table in self.tables.values() for name in table.datasets))

    def method_of(self, ours: str) -> Method | None:
        """The paper's method that `ours`, a method's name here, is; None for a method that the paper does not have."""
        return next((method for method in self.methods.values() if ours in method.ours), None)


@functools.cache
def load() -> Published:
    """Read `published.yaml`, which lies beside this file. Source: the paper's Tables III-VII."""
    data = yaml.safe_load((Path(__file__).parent / "published.yaml").read_text(encoding="utf-8"))
    methods, uniform = {}, {}
    for entry in data["methods"]:
        name = entry["name"]
        methods[name] = Method(name, tuple(entry["ours"]), entry.get("harmonized", False))
        uniform |= dict.fromkeys([name, *entry.get("printed", [])], name)
    metrics = {
        name: Metric(name, tuple(entry["ours"]), entry.get("open", ""), entry.get("difference", True))
        for name, entry in data["metrics"].items()
    }
    tables = {}
    for number, entry in data["tables"].items():
        places = [(dataset, metric) for dataset in entry["datasets"] for metric in entry["metrics"]]
        values = {
            (uniform[printed], *place): value
            for printed, row in entry["rows"].items()
            for place, value in zip(places, row, strict=True)
        }
        tables[number] = PublishedTable(
            number,
            entry["title"],
            entry["pictures"],
            tuple(entry["datasets"]),
            tuple(entry["metrics"]),
            tuple(entry.get("irreproducible", [])),
            values,
        )
    return Published(data["source"], methods, metrics, tables)


@dataclasses.dataclass(frozen=True)
class PsnrGap:
    """A published pair of MSE and PSNR: `floor` = -10 log10(MSE) is the least mean PSNR that this MSE allows.

    `possible` allows for the rounding of both printed figures.
    """

    table: str
    method: str
    dataset: str
    mse: str
    psnr: str
    floor: float
    gap: float
    possible: bool


def psnr_gaps(table: str) -> list[PsnrGap]:
    """Compare each MSE of a published table ("III" or "IV") with the PSNR beside it.

    -log10 is convex, so by Jensen's inequality the mean of the pictures' PSNRs is at least the PSNR of their mean MSE
    (peak 1). `gap` is published PSNR minus that floor, in dB: below zero, the two figures cannot come from the same
    pixels of the same pictures.
    """
    values = load().tables[table].values
    gaps = []
    for (method, dataset, metric), mse in values.items():
        if metric == "MSE":
            psnr = values[method, dataset, "PSNR"]
            floor = -10 * math.log10(float(mse))
            least = -10 * math.log10(float(mse) + half_digit(mse))
            possible = float(psnr) + half_digit(psnr) >= least
            gaps.append(PsnrGap(table, method, dataset, mse, psnr, floor, float(psnr) - floor, possible))
    return gaps


def half_digit(printed: str) -> float:
    """Half a unit of the last printed digit: 0.00005 for ".0043"."""
    return 0.5 * 10.0 ** Decimal(printed).as_tuple().exponent
