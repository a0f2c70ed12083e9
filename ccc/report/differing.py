"""Differences of a row's method from the paper's, read from the notes in its pictures, its model and its weights."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ccc.assets import PUBLISHED, weights
from ccc.core.files import sha256
from ccc.decoding import decoding, not_the_papers
from ccc.report import published
from ccc.report.cells import Cell
from ccc.report.overview import unlike_the_paper
from ccc.settings.baselines import RENDER_FACTORS, Baselines
from ccc.settings.harmonization import PRINTED, Algorithm
from ccc.settings.segmenter import SegmenterChoice

PAPERS_SEGMENTER = SegmenterChoice.model_json_schema()["properties"]["name"]["paper"]
NOTE = re.compile(r"--(method|option|max-size|weights) (.+?)(?= --|$)")  # in a picture's metadata, by `ccc colorize`


def differing(
    cell: Cell, plain: Cell | None, model: Mapping[str, object], harmonize: Mapping[str, object]
) -> tuple[str, ...]:
    """Differences of a cell's method from the paper's, in words; () if none, or if the paper lacks the method.

    Only without differences can ours be compared with the paper's figures. `plain`: the cell before harmonization, or
    the same; `model`: from `ccc.report.overview.read_model`, {} without one; `harmonize`: parameters of Algorithm 1.
    """
    theirs, notes = published.counterpart(cell.method), _notes(plain)
    method = dict(notes).get("method")
    if theirs is None and method != "ccc":
        return ()
    if method is None:
        return ("pictures of unknown making: they carry no note of `ccc colorize`, or several",)
    said = _of_ccc(notes, model) if method == "ccc" else _of_baseline(method, notes)
    said += [f"seen at {size} pixels at most" for name, size in notes if name == "max-size"]
    return tuple(said + (_of_harmonization(cell, method, harmonize) if cell.variant == "sam" else []))


def said(cell: Cell, unlike: Mapping[tuple, tuple[str, ...]], labels: Mapping[tuple, str]) -> list[str]:
    """The note on a row's differences from the paper's method; [] without any.

    `unlike`: as `differing` gives it, `labels`: of the rows, both by key of the cell, in the tables' order. Three
    differences or more that a row above of its dataset has too are said by the label of that one.
    """
    if not (parts := unlike[cell.key]):
        return []
    theirs = published.titles()[published.counterpart(cell.method) or published.HARMONIZED]
    above = [key for key in list(unlike)[: list(unlike).index(cell.key)] if key[2] == cell.dataset]
    alike = {key: len({*unlike[key]} & {*parts}) for key in above}
    most = max(above, key=lambda key: (alike[key], -len(unlike[key])), default=None)
    if most is not None and alike[most] > 2:
        but = " and ".join(part for part in unlike[most] if part not in parts)
        like = f"as {labels[most]}{but and f', but not {but}'}"
        parts = (like, *(part for part in parts if part not in unlike[most]))
    return [f"not the paper's {theirs}: {'; '.join(parts)}"]


def packaged(cells: Iterable[Cell]) -> bool:
    """Whether the model that comes with the package is the only one that pictures say CCC made them with."""
    notes = [dict(NOTE.findall(made)) for cell in cells for made in cell.made]
    models = {note.get("weights", "").rpartition(":")[2] for note in notes if note.get("method") == "ccc"}
    return len(models) == 1 and models == {sha256(PUBLISHED)[:12]}


def _options(notes: list[tuple[str, str]]) -> dict[str, str]:
    return dict(value.split("=", 1) for name, value in notes if name == "option")


def _of_ccc(notes: list[tuple[str, str]], model: Mapping[str, object]) -> list[str]:
    file = dict(notes).get("weights", "its model")
    if not file.endswith(f":{str(model.get('sha256'))[:12]}"):
        return [f"{file}, a model whose settings were not given"]
    options = _options(notes)
    chosen = decoding(model, **options)
    said = unlike_the_paper(model)
    said += [f"decoding: {', '.join(unlike)} (paper: argmax)"] if (unlike := not_the_papers(chosen)) else []
    said += [f"input size {options['input_size']}"] if "input_size" in options else []
    return said + ([f"{model['steps']} steps (the paper gives no number)"] if said and model.get("steps") else [])


def _of_baseline(method: str, notes: list[tuple[str, str]]) -> list[str]:
    """Weights that are not the published ones by checksum, and options that are not the published defaults."""
    sums = {
        facts["file"]: facts["sha256"] for facts in weights.known().values() if f"method {method}" in facts["used_by"]
    }
    said = []
    files = [value.rpartition(":") for name, value in notes if name == "weights"]
    for file, _, checksum in files:
        theirs = [sums[file]] if file in sums else list(sums.values())  # a renamed file can be any of them
        if not any(theirs):
            said.append(f"weights {file}, of which no SHA-256 was published to compare {checksum} with")
        elif not any(known and (known.startswith(checksum) or checksum.startswith(known)) for known in theirs):
            said.append(f"weights {file} (SHA-256 {checksum}), which are not the published ones")
    given = _options(notes)
    if not files:
        said.append("pictures from a folder" if "folder" in given else "no weights")
    section = getattr(Baselines(), method, None)
    defaults: dict[str, Any] = section.model_dump() if section else {}
    model = given.get("model", defaults.get("model"))
    unsaid = {"render_factor": str(RENDER_FACTORS.get(model))}  # the value that null means
    if method == "su" and "boxes" not in given:
        said.append("without the boxes of its detector")
    return said + [
        f"{name.replace('_', ' ')} {value} (published: {defaults[name]})"
        for name, value in given.items()
        if name in defaults and name not in ("boxes", "folder") and value not in (str(defaults[name]), unsaid.get(name))
    ]


def _of_harmonization(cell: Cell, method: str, harmonize: Mapping[str, object]) -> list[str]:
    """Masks and parameters of Algorithm 1 that are not the paper's."""
    said = [] if cell.segmenter == PAPERS_SEGMENTER else [f"masks of {cell.segmenter} (paper: {PAPERS_SEGMENTER})"]
    missing = [name for name in PRINTED if name not in harmonize]
    if missing:
        return [*said, f"Algorithm 1 with unknown {', '.join(missing)}"]
    papers = Algorithm().model_dump()
    chosen = Algorithm.checked({name: harmonize[name] for name in papers if name in harmonize}).model_dump()
    upsample = (
        harmonize.get("upsample") if method == "ccc" else None
    ) or "bilinear"  # only CCC's maps are upsampled again
    changed = {**chosen, "upsample": upsample}.items() - {**papers, "upsample": "bilinear"}.items()
    return said + [
        f"{name.replace('_', ' ')} {value} (paper: {papers.get(name, 'bilinear')})" for name, value in sorted(changed)
    ]


def lineage(cell: Cell, plain: Mapping[tuple[str, str], Cell], model: Mapping[str, object]) -> list[str]:
    """Notes on the model of a row: which other row is of it too, and which trained model its training started from.

    `plain`: the cells before harmonization, by method and dataset; `model`: as in `differing`.
    """
    notes, papers = (dict(_notes(plain.get((method, cell.dataset)))) for method in (cell.method, "ccc"))
    file, said = notes.get("weights", ""), []
    if cell.method == "ccc_photo" and file and file == papers.get("weights"):
        said.append(f"the same model as {plain['ccc', cell.dataset].title}, but with the decoding for photographs")
    if model.get("init") and notes.get("method") == "ccc" and file.endswith(f":{str(model.get('sha256'))[:12]}"):
        said.append(f"a model whose training started from {model['init']}, and not that one itself")
    return said


def _notes(plain: Cell | None) -> list[tuple[str, str]]:
    """Options of `ccc colorize` that made all of a cell's pictures; [] if they are of several, or of unknown making."""
    return NOTE.findall(plain.made[0]) if plain and len(plain.made) == 1 else []
