"""The report: one folder of static files that opens from disk."""

import csv
import html
import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import jinja2

from ccc import __version__
from ccc.codebook import Codebook
from ccc.errors import CCCError
from ccc.files import folder_aside, put_folder, write_text
from ccc.images import read_rgb, resize_short_side, write_png
from ccc.metrics.registry import find
from ccc.report.cells import REFERENCES, read_cells, row_label
from ccc.report.codebook import describe, draw
from ccc.report.tables import build_tables
from ccc.report.training_data import training_data

PACKAGES = ("torch", "torchvision", "snakemake", "webdataset", "numpy", "pillow", "scikit-image", "scipy", "lpips")


def write_report(
    folder: str | os.PathLike,
    run: str,
    metrics: Sequence[str | os.PathLike],
    results: str | os.PathLike,
    columns: Mapping[str, str] | None = None,
    codebook: str | os.PathLike | None = None,
    training: str | os.PathLike | None = None,
    max_pictures: int = 10,
    progress=iter,
    shards: Sequence[str | os.PathLike] = (),
) -> Path:
    """Write `index.html` and `pictures/` into `folder`; return the page's path.

    `run`: its name; `metrics`: JSON files of `ccc evaluate`; `results`: the folder with `benchmarks` and `colorized`;
    `columns`: see `ccc.report.tables.build_tables`; `codebook`: of `ccc codebook`; `training`: of `ccc train`;
    `max_pictures`: how many of each dataset are shown, the first by name; `shards`: tars of `ccc shard`, whose numbers
    are told (`ccc.report.training_data`). Raises CCCError where a picture of a cell
    is missing.
    """
    folder, results = Path(folder), Path(results)
    cells = read_cells(metrics)
    with folder_aside(folder) as aside:
        pictures = aside / "pictures"
        pictures.mkdir()
        datasets = _datasets(cells, results, pictures, max_pictures, progress)
        book = Codebook.load(codebook) if codebook else None
        if book:
            draw(book, pictures / "codebook.svg")
        if training:
            shutil.copyfile(Path(training) / "preview.png", pictures / "preview.png")
        put_folder(pictures, folder / "pictures")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ccc.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    missing = sorted({f"{find(name).title}: {reason}" for cell in cells for name, reason in cell.missing.items()})
    text = environment.get_template("index.html").render(
        run=run,
        tables=build_tables(cells, columns or {}),
        datasets=datasets,
        methods=sorted({row_label(cells, *cell.key[:2]) for cell in cells}),
        segmenters=sorted({cell.segmenter for cell in cells if cell.segmenter}),
        missing=missing,
        codebook=describe(book) if book else None,
        training=_training(training) if training else None,
        training_data=training_data(results, shards),
        versions=_versions(),
        harmonization=(folder / "harmonization.html").exists(),
    )
    write_text(folder / "index.html", text)
    return folder / "index.html"


def _versions() -> list[tuple[str, str]]:
    found = [("ccc", __version__), ("python", platform.python_version())]
    return found + [(name, metadata.version(name)) for name in PACKAGES]


def _datasets(cells, results: Path, aside: Path, max_pictures: int, progress) -> list[dict]:
    """What each dataset's section shows; thumbnails are written into `aside` as they are met."""
    order = sorted({cell.key[:2] for cell in cells}, key=lambda row: (row[0] in REFERENCES, row))
    found = []
    for dataset in sorted({cell.key[2] for cell in cells}):
        mine = {cell.key[:2]: cell for cell in cells if cell.key[2] == dataset}
        per_picture = {row: {line["name"]: line for line in cell.pictures} for row, cell in mine.items()}
        names = sorted(next(iter(per_picture.values())))
        base = results / "benchmarks" / dataset
        columns = [("Gray", base / "gray", None)]
        columns += [
            (row_label(cells, *row), results / "colorized" / row[0] / row[1] / dataset, row)
            for row in order
            if row in mine and row != ("gray", "plain") and row != ("gray", "sam")
        ]
        columns.append(("Truth", base / "truth", None))
        rows = []
        for number, name in enumerate(progress(names[:max_pictures])):
            pictures = []
            for place, (label, source, row) in enumerate(columns):
                path = source / f"{name}.png"
                if not path.is_file():
                    raise CCCError(f"{path}: is missing, though its metrics are there; colorize this dataset again")
                target = f"{dataset}-{number:03d}-{place:02d}.png"  # names of pictures may hold anything
                picture = read_rgb(path)
                write_png(aside / target, picture if min(picture.shape[:2]) <= 256 else resize_short_side(picture, 256))
                line = per_picture[row][name] if row else {}
                shown = [name for base in ("psnr", "cnr") if row for name in mine[row].named(base)]
                facts = [f"{find(name).title} {float(line[name]):.2f}" for name in shown if line.get(name)]
                if line.get("changed_share"):
                    facts.append(f"changed {float(line['changed_share']):.0%}")
                pictures.append({"label": label, "file": f"pictures/{target}", "facts": ", ".join(facts)})
            rows.append({"name": name, "pictures": pictures})
        found.append({"name": dataset, "count": len(names), "rows": rows})
    return found


def _training(folder) -> dict:
    with open(Path(folder) / "history.csv", newline="") as file:
        history = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    return {"history": history, "drawing": _curves(history, ("loss", "validation_loss")) if len(history) > 1 else ""}


def _curves(history: Sequence[Mapping], names: Sequence[str], width: int = 480, height: int = 200) -> str:
    values = [row[name] for name in names for row in history]
    low, high = min(values), max(values)
    last = history[-1]["step"]
    lines = []
    for number, name in enumerate(names):
        points = " ".join(
            f"{40 + row['step'] / last * (width - 50):.1f},"
            f"{10 + (high - row[name]) / ((high - low) or 1) * (height - 40):.1f}"
            for row in history
        )
        style = "" if number == 0 else ' stroke-dasharray="5 3"'
        lines.append(f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="2"{style}/>')
    axis = (
        f'<text x="0" y="18">{high:.2f}</text><text x="0" y="{height - 28}">{low:.2f}</text>'
        f'<text x="{width - 90}" y="{height - 8}">step {last:.0f}</text>'
    )
    title = html.escape(f"{names[0]} (line) and {names[1]} (dashed) by step")
    head = f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{title}" font-size="12" fill="currentColor">'
    return head + axis + "".join(lines) + "</svg>"
