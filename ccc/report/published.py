"""The paper's figures, and what can be said about them from themselves."""

import dataclasses
import functools
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas
import yaml

from ccc.core.errors import CCCError

NUMBERS = {"III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7}
SHOWCASE = "showcase"  # our dataset that stands in Table III
FIGURE_9 = "Fig. 9"  # the paper's eight pictures: a showcase is compared only where it is said to be these


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric of the paper's tables and the columns here that stand beside it.

    `open`: what the paper leaves unsaid; `difference`: False where so much is unsaid that one would mean nothing.
    """

    title: str
    ours: tuple[str, ...]
    open: str = ""
    difference: bool = True


# By the metric's name in published.yaml. PAPER.md 3.5 and 3.6 have the evidence.
METRICS = {
    "mse": Metric("MSE", ("mse",)),
    "psnr": Metric("PSNR", ("psnr",)),
    "ssim": Metric("SSIM", ("ssim",), "the paper does not state the window of SSIM; ours is a gaussian of 1.5 pixels"),
    "uiqi": Metric("UIQI", ("uiqi",), "the paper does not state the window of UIQI; ours is the original 8x8"),
    "lpips": Metric(
        "LPIPS",
        ("lpips_alex",),
        "the paper does not name the network of LPIPS; ours is AlexNet, the usual default, and VGG gives higher "
        "values: no difference is formed",
        difference=False,
    ),
    "fid": Metric(
        "FID",
        ("fid_64", "fid_2048_clean"),
        "the paper does not name the Inception layer of FID; its figures have the size of 64 features (pytorch-fid's "
        "choice for few pictures, here FID (64)), while 2048 features give tens to hundreds with so few pictures: no "
        "difference is formed",
        difference=False,
    ),
    "cnr": Metric(
        "CNR",
        ("cnr",),
        "the paper does not state the size at which CNR counts classes; ours counts 400 classes among all pixels, at "
        "the size in its name: no difference is formed",
        difference=False,
    ),
}
ALIASES = {  # names that a method of the paper may have here, beside its own in published.yaml
    "eccv16": "cic",
    "zhang17": "zhang",
    "siggraph17": "zhang",
    "instcolorization": "su",
    "dlnet": "gain",
    "dd": "ddcolor",
}
HARMONIZED = "ccc"  # the method whose published pictures may have gone through Algorithm 1
IRREPRODUCIBLE = {"III": ("mse", "psnr")}  # see `psnr_gaps`


@dataclasses.dataclass(frozen=True)
class PublishedTable:
    """One printed table. `values[method, dataset, metric]` are strings as printed, by our names of methods."""

    number: str  # "III"
    title: str
    pictures: int
    datasets: tuple[str, ...]
    metrics: tuple[str, ...]
    values: dict[tuple[str, str, str], str]

    @property
    def methods(self) -> list[str]:
        """Names of the methods in it, in the paper's order."""
        return list(dict.fromkeys(method for method, _, _ in self.values))

    @property
    def irreproducible(self) -> tuple[str, ...]:
        """Metrics whose printed figures contradict each other."""
        return IRREPRODUCIBLE.get(self.number, ())


def raw() -> dict:
    """`published.yaml`, which lies beside this file, as it is: table_1 to table_7, and titles by method."""
    return yaml.safe_load((Path(__file__).parent / "published.yaml").read_text(encoding="utf-8"))


@functools.cache
def titles() -> dict[str, str]:
    """The paper's names of its methods, by ours."""
    return raw()["titles"]


@functools.cache
def load() -> dict[str, PublishedTable]:
    """The paper's Tables III to VII by roman number."""
    data, tables = raw(), {}
    for number, arabic in NUMBERS.items():
        entry = data[f"table_{arabic}"]
        places = [(FIGURE_9 if dataset == SHOWCASE else dataset, metric) for dataset, metric in entry["columns"]]
        values = {
            (method, *place): value
            for method, row in entry["rows"].items()
            for place, value in zip(places, row, strict=True)
        }
        datasets = tuple(dict.fromkeys(dataset for dataset, _ in places))
        metrics = tuple(dict.fromkeys(metric for _, metric in places))
        tables[number] = PublishedTable(number, entry["title"], 8 if number == "III" else 50, datasets, metrics, values)
    return tables


def datasets() -> list[str]:
    """Names of all columns that a dataset here may stand beside."""
    return list(dict.fromkeys(name for table in load().values() for name in table.datasets))


def check_columns(columns: Mapping[str, str]) -> None:
    """Raise CCCError for a dataset whose counterpart the paper does not have."""
    for dataset, paper in columns.items():
        if paper not in datasets():
            raise CCCError(f"{dataset}: the paper has no column {paper!r}; there are {', '.join(datasets())}")


def counterpart(method: str) -> str | None:
    """The paper's method that `method`, a name here, is; None for one that the paper does not have."""
    name = ALIASES.get(method, method)
    return name if name in titles() else None


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


def half_digit(printed: str) -> float:
    """Half a unit of the last printed digit: 0.00005 for ".0043"."""
    return 0.5 * 10.0 ** Decimal(printed).as_tuple().exponent
