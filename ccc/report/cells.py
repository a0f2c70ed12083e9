"""Stored results of `ccc evaluate`: one cell per method, variant and dataset, merged from its families' files."""

import dataclasses
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, NotRequired, get_args

import numpy as np
import pandas
import pydantic
from typing_extensions import TypedDict

from ccc.core.errors import CCCError
from ccc.core.files import part_of_path, regular
from ccc.core.stored import LOOSE, Count, read_json, reading
from ccc.metrics.registry import FORMAT, find

Variant = Literal["plain", "sam"]
VARIANTS = get_args(Variant)
Name = Annotated[str, pydantic.AfterValidator(part_of_path)]  # of files of tables and pages
_BY_METRIC = (
    "mean", "median", "sd", "n", "set", "interval", "missing", "cautions", "infinite", "versions", "directions",
)  # fmt: skip
# Order of the metrics in tables, whatever their family; others follow in stored order.
ORDER = (
    "mse", "psnr", "ssim", "uiqi", "cnr", "cnr_56", "cnr_min5", "cnr_codebook", "cnr_precision", "cnr_recall",
    "cnr_precision_pixels", "cnr_recall_pixels", "lpips_alex", "lpips_vgg", "fsimc", "vsi", "ciede2000", "mse_ab",
    "colorfulness", "colorfulness_abs", "delta_colorfulness", "delta_colorfulness_abs_of_means", "fid_64", "fid_192",
    "fid_768", "fid_2048", "fid_2048_clean", "fid_2048_torchvision", "kid_2048_clean", "kid_2048_clean_unpaired",
    "cnr_pooled",
)  # fmt: skip
SIZE = ["width", "height"]  # columns of the CSV that hold no metric


@pydantic.with_config(LOOSE)
class _Stored(TypedDict):
    """The keys that are read from the JSON of `ccc evaluate`."""

    format: Literal[FORMAT]  # ty: ignore[invalid-type-form]  a constant
    method: Name
    variant: Variant
    dataset: Name
    images: Count
    title: NotRequired[str | None]
    segmenter: NotRequired[str | None]
    notes: NotRequired[list[str]]
    made: NotRequired[list[str]]
    protocol: NotRequired[str]
    mean: dict[str, float | None]
    median: dict[str, float | None]
    sd: dict[str, float | None]
    n: dict[str, Count]
    set: dict[str, float | None]
    interval: dict[str, Annotated[list[float], pydantic.Field(min_length=2, max_length=2)] | None]
    missing: dict[str, str]
    cautions: dict[str, str]
    infinite: dict[str, Count]
    versions: dict[str, str | int]
    directions: dict[str, Literal["lower", "higher"] | None]


@dataclasses.dataclass(frozen=True)
class Cell:
    """One method and variant over one dataset.

    `made`: the notes in its pictures' metadata on how they were made; `stored`: by metric, the file's entries named in
    `_BY_METRIC`, None if absent; `pictures`: a row per picture, by name, with its size and values, NaN if missing;
    `protocol`: the protocol of `ccc prepare` that made the pictures, "" for none.
    """

    method: str
    variant: str
    dataset: str
    title: str
    segmenter: str | None
    notes: tuple[str, ...]
    made: tuple[str, ...]
    images: int
    stored: dict[str, dict]
    pictures: pandas.DataFrame
    protocol: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """Method, variant and dataset: unique in a report."""
        return self.method, self.variant, self.dataset

    def value(self, metric: str) -> float | None:
        """A metric's value for the whole set, else its mean over pictures; None without either."""
        stored = self.stored[metric]
        return stored["mean"] if stored["set"] is None else stored["set"]

    def values(self, metric: str) -> pandas.Series:
        """A metric's values by picture, NaN dropped; empty for metrics of whole sets."""
        return self.pictures.get(metric, pandas.Series(dtype=float)).dropna()

    def reason(self, metric: str) -> str:
        """Why a metric has no value, or a caution about it; "" without either."""
        stored = self.stored[metric]
        if stored["missing"]:
            return stored["missing"]
        if infinite := stored["infinite"]:
            share = "all" if infinite == self.images else f"{infinite} of {self.images}"
            return f"infinite for {share} pictures, which equal their truth and are left out of the mean"
        return "not computed in this run" if self.value(metric) is None else stored["cautions"] or ""


def read_cells(paths: Iterable[str | os.PathLike], titles: Mapping[str, str] | None = None) -> list[Cell]:
    """Read cells in the given order; files of one cell, such as those of its families, are merged.

    `paths`: JSON files of `ccc evaluate` with their CSV beside them, or folders that hold them at any depth; `titles`:
    display names by method, which override those in the files. Raises CCCError, naming the file, if it is missing or
    invalid, repeats a metric of a cell, or was measured on other pictures.
    """
    files, paths = [], list(map(Path, paths))
    for path in paths:
        files += sorted(path.rglob("*.json")) if path.is_dir() else [path]
    if not files:
        where = f" in {', '.join(map(str, paths))}" if paths else ""
        raise CCCError(f"no stored metrics{where}: give JSON files of `ccc evaluate`, or a folder that holds them")
    cells: dict[tuple, Cell] = {}
    for file in files:
        cell = _read(file, titles or {})
        cells[cell.key] = _merged(cells[cell.key], cell, file) if cell.key in cells else cell
    return list(map(_ordered, cells.values()))


def _merged(first: Cell, second: Cell, file: Path) -> Cell:
    """Merge two files of one cell. Raises CCCError, naming the second file, if they do not fit together."""
    where = f"{file}: holds {'/'.join(second.key)}"
    if twice := [name for name in second.stored if name in first.stored]:
        raise CCCError(f"{where}, {twice[0]} included, as another file given does; give one of them")
    if not first.pictures.filter(SIZE).equals(second.pictures.filter(SIZE)):
        raise CCCError(f"{where} of other pictures than another file of it; run `ccc evaluate` for both again")
    pictures = first.pictures.join(second.pictures[second.pictures.columns.difference(first.pictures.columns)])
    made = tuple(sorted({*first.made, *second.made}))
    return dataclasses.replace(first, made=made, stored=first.stored | second.stored, pictures=pictures)


def _ordered(cell: Cell) -> Cell:
    """The cell with its metrics in the order of tables, then the other columns."""

    def place(name: str) -> tuple:
        base = find(name).base or name if name in cell.stored else ""
        return name not in SIZE, ORDER.index(base) if base in ORDER else len(ORDER) + (name not in cell.stored)

    stored = {name: cell.stored[name] for name in sorted(cell.stored, key=place)}
    return dataclasses.replace(cell, stored=stored, pictures=cell.pictures[sorted(cell.pictures, key=place)])


def _read(path: Path, titles: Mapping[str, str]) -> Cell:
    table = path.with_suffix(".csv")
    again = "run `ccc evaluate` for it again"
    with reading(table, "not the metrics of `ccc evaluate`", again):
        data = read_json(path, "file of metrics", again, _Stored)
        # Read as text: by default, pandas takes a name such as NA for a missing one.
        text = pandas.read_csv(regular(table), dtype=str, keep_default_na=False)
        if "name" not in text or not isinstance(text.index, pandas.RangeIndex):  # the latter: rows exceed the header
            raise ValueError("it has no column `name`, or rows of more fields than its first line")
        pictures = text.set_index("name").replace("", None).astype(float)
        _check(pictures, data)
        stored = {name: {part: data[part].get(name) for part in _BY_METRIC} for name in data["directions"]}
        facts = {name: data[name] for name in ("method", "variant", "dataset", "images")}
        return Cell(
            **facts, title=titles.get(data["method"]) or data.get("title") or data["method"], stored=stored,
            segmenter=data.get("segmenter"), notes=tuple(data.get("notes", ())), made=tuple(data.get("made", ())),
            pictures=pictures, protocol=data.get("protocol", ""),
        )  # fmt: skip


def _check(pictures: pandas.DataFrame, data: Mapping) -> None:
    """Raise ValueError if the CSV repeats a picture or holds another number of pictures or values than the JSON."""
    if pictures.index.has_duplicates:
        raise ValueError("a picture stands in it twice")
    if len(pictures) != data["images"] or not len(pictures):
        raise ValueError(f"it has {len(pictures)} pictures, the JSON beside it {data['images']}")
    if not data["directions"]:
        raise ValueError("the JSON beside it has no metrics")
    for name in data["directions"]:
        try:
            find(name)
        except CCCError as error:
            raise ValueError(f"the JSON beside it: {error}") from None
    for name in data["n"].keys() & set(pictures):
        if (count := int(np.isfinite(pictures[name]).sum())) != data["n"][name]:
            raise ValueError(f"it has {count} values of {name}, the JSON beside it {data['n'][name]}")
