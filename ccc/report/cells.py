"""Stored results of `ccc evaluate`, one cell for each method, variant and dataset, put together from its families."""

import csv
import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from ccc.core.errors import CCCError
from ccc.metrics.registry import FORMAT, find

VARIANTS = ("plain", "sam")
_BY_METRIC = (
    "mean", "median", "sd", "n", "set", "interval", "missing", "cautions", "infinite", "versions", "directions",
)  # fmt: skip
# How metrics follow each other in tables, whichever family they come from; those that are not here follow as stored.
ORDER = (
    "mse", "psnr", "ssim", "uiqi", "cnr", "cnr_56", "cnr_min5", "cnr_codebook", "lpips_alex", "lpips_vgg", "fsimc",
    "vsi", "ciede2000", "mse_ab", "colorfulness", "colorfulness_abs", "delta_colorfulness", "fid_64", "fid_192",
    "fid_768", "fid_2048", "fid_2048_clean", "kid_2048_clean", "cnr_pooled",
)  # fmt: skip
FACTS = ("name", "width", "height")  # the columns of a CSV that are no figures


@dataclasses.dataclass(frozen=True)
class Cell:
    """One method and variant over one dataset. `pictures`: a row for each picture, values as written in the CSV."""

    method: str
    variant: str
    dataset: str
    title: str
    segmenter: str | None
    notes: tuple[str, ...]
    images: int
    side: int | None  # short side of all pictures, in pixels; None where they differ
    mean: dict[str, float | None]
    median: dict[str, float | None]
    sd: dict[str, float | None]
    n: dict[str, int]
    set: dict[str, float | None]
    interval: dict[str, list[float] | None]  # of the metrics in `set`
    missing: dict[str, str]
    cautions: dict[str, str]
    infinite: dict[str, int]
    versions: dict[str, object]
    directions: dict[str, str | None]
    pictures: tuple[dict[str, str], ...]

    @property
    def key(self) -> tuple[str, str, str]:
        """Method, variant and dataset: no two cells of a report share it."""
        return self.method, self.variant, self.dataset

    def value(self, metric: str) -> float | None:
        """The cell's figure for a metric's name: its mean over pictures, or that of the whole set; None without one."""
        return self.set.get(metric, self.mean.get(metric))

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics that were asked for, with or without a value."""
        return list(self.directions)

    def values(self, metric: str) -> dict[str, float]:
        """By picture, a metric's finite or infinite values; empty for one of whole sets and one without values."""
        return {row["name"]: float(row[metric]) for row in self.pictures if row.get(metric)}

    def reason(self, metric: str) -> str:
        """Why a metric has no value, or what to know of it; "" where there is nothing to say."""
        if metric in self.missing:
            return self.missing[metric]
        if infinite := self.infinite.get(metric):
            share = "all" if infinite == self.images else f"{infinite} of {self.images}"
            return f"infinite for {share} pictures, which equal their truth and are left out of the mean"
        if self.value(metric) is None:
            return "not computed in this run"
        return self.cautions.get(metric, "")


def read_cells(paths: Iterable[str | os.PathLike], titles: Mapping[str, str] | None = None) -> list[Cell]:
    """Read cells, in the order given; files of one cell, such as those of its families, are put together.

    `paths`: JSON files of `ccc evaluate` with their CSV beside them, or folders that hold them at any depth; `titles`:
    what to call methods, by name, whatever their files call them. Raises CCCError, naming the file, for one that is
    missing, is no such file, holds a metric of a cell that another one held already, or is of other pictures.
    """
    files = []
    for path in map(Path, paths):
        files += sorted(path.rglob("*.json")) if path.is_dir() else [path]
    if not files:
        raise CCCError("no stored metrics: give JSON files of `ccc evaluate`, or a folder that holds them")
    cells: dict[tuple, Cell] = {}
    for file in files:
        cell = _read(file)
        cells[cell.key] = _together(cells[cell.key], cell, file) if cell.key in cells else cell
    titled = (dataclasses.replace(cell, title=(titles or {}).get(cell.method, cell.title)) for cell in cells.values())
    return list(map(_ordered, titled))


def _together(first: Cell, second: Cell, file: Path) -> Cell:
    """One cell of the metrics of both. Raises CCCError, naming the second's file, where they cannot be of one."""
    where = f"{file}: holds {'/'.join(second.key)}"
    if twice := [name for name in second.metrics if name in first.metrics]:
        raise CCCError(f"{where}, {twice[0]} included, as another file given does; give one of them")
    facts = [[tuple(row.get(name) for name in FACTS) for row in cell.pictures] for cell in (first, second)]
    if facts[0] != facts[1] or first.side != second.side:
        raise CCCError(f"{where} of other pictures than another file of it; run `ccc evaluate` for both again")
    merged = {name: getattr(first, name) | getattr(second, name) for name in _BY_METRIC}
    pictures = tuple(a | b for a, b in zip(first.pictures, second.pictures, strict=True))
    return dataclasses.replace(first, **merged, pictures=pictures)


def _ordered(cell: Cell) -> Cell:
    """The cell with its metrics in the order of tables; columns that are no metrics follow."""
    rank = {name: ORDER.index(base) for name in cell.metrics if (base := find(name).base or name) in ORDER}

    def place(name: str) -> int:
        return -1 if name in FACTS else rank.get(name, len(ORDER) + (name not in cell.metrics))

    def ordered(values: dict) -> dict:
        return {name: values[name] for name in sorted(values, key=place)}

    facts = {name: ordered(getattr(cell, name)) for name in _BY_METRIC}
    return dataclasses.replace(cell, **facts, pictures=tuple(map(ordered, cell.pictures)))


def _read(path: Path) -> Cell:
    table = path.with_suffix(".csv")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.get("format") != FORMAT:
            raise ValueError(f"format is {data.get('format')!r}, not {FORMAT!r}")
        with table.open(encoding="utf-8", newline="") as file:
            pictures = tuple(csv.DictReader(file))
        if data["variant"] not in VARIANTS:
            raise ValueError(f"variant is {data['variant']!r}, not one of {', '.join(VARIANTS)}")
        if any("name" not in row or None in row for row in pictures):
            raise ValueError(f"{table.name} lacks a column `name`, or has a row of more values than columns")
        return Cell(
            method=data["method"],
            variant=data["variant"],
            dataset=data["dataset"],
            title=data.get("title") or data["method"],
            segmenter=data.get("segmenter"),
            notes=tuple(data.get("notes", ())),
            images=data["images"],
            side=data["side"],
            **{name: data[name] for name in _BY_METRIC},
            pictures=pictures,
        )
    except FileNotFoundError as error:
        raise CCCError(f"{error.filename}: no such file; run `ccc evaluate` for it") from None
    except KeyError as error:
        raise CCCError(f"{path}: lacks {error}; run `ccc evaluate` again") from None
    except (ValueError, TypeError, AttributeError, csv.Error) as error:
        raise CCCError(f"{path}: not the metrics of `ccc evaluate` ({error}); run it again") from None
