"""Tables I and II: what CCC adds to the method it builds on, and the hyper-parameters in force."""

import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from ccc.assets import PUBLISHED
from ccc.assets.photographs import named
from ccc.codebook import Codebook
from ccc.core.files import safetensors_metadata, sha256
from ccc.core.stored import reading
from ccc.report import published as paper_figures
from ccc.report.layout import Column, Notes, Row, Table, Value
from ccc.report.results import NOT_AVAILABLE
from ccc.settings.data import PAPERS_THRESHOLD
from ccc.settings.decoding import PAPERS_DECODING
from ccc.settings.training import Recipe, model_settings

_HARMONIZE = {"δ_a": "delta_a", "δ_b": "delta_b", "Ψ": "min_pixels"}
PRINTED = {  # in the paper
    "encoder": "densenet121", "batch_size": 64, "learning_rate": 0.001, "beta1": 0.5, "beta2": 0.999,
    "decoder": "plain", "input": "squares of 224", "balance": "cbce, upsilon 0.5", "trained_on": "Places365",
}  # fmt: skip
_ELSEWHERE = {"upsilon", "phi", "pretrained", "init"}  # the words of `balance` and `trained_on` hold them
_UNSTATED = {"cooldown", "sync_batchnorm", "compile", "deterministic", "select", "seed"}  # no reading of the paper
PAPER = (
    {
        name: facts.get("paper", facts["default"])
        for name, facts in Recipe.model_json_schema()["properties"].items()
        if name in Recipe().fixed().keys() - _UNSTATED - _ELSEWHERE
    }
    | {"alpha": 10, "beta": 100, "delta": 20, "threshold": PAPERS_THRESHOLD, "mapping": "ab"}
    | PRINTED
)


def read_model(path: str | os.PathLike) -> dict:
    """Settings of a model of `ccc train`, by name.

    `classes`, `alpha`, `beta`, `delta`, `threshold`, `mapping`, `phi` as used; `input`, `balance` and `trained_on`
    worded as in `PRINTED`; `started_from`, the training before, and `init`, the file name of the trained model that it
    started from, "" for none; the file's `sha256`. Raises CCCError for a file that is no model of CCC.
    """
    codebook, metadata = Codebook.load(path), safetensors_metadata(path)
    with reading(path, "its metadata hold no settings", "train the model again"):
        settings = model_settings(metadata)
    init = settings.get("init") or ""
    names = (*PAPER, *PAPERS_DECODING, "upsilon", "steps")
    kept = {name: settings[name] for name in names if name in settings and name != "balance"}
    grid = {name: getattr(codebook.grid, name) for name in ("alpha", "beta", "delta")}
    facts = {
        "decoder": metadata.get("decoder", "plain"), "trained_on": _data(settings), "sha256": sha256(path),
        "started_from": _start(settings), "init": PUBLISHED.name if init is True else PurePath(init).name,
        "classes": codebook.size, "phi": settings.get("phi") or 1 / codebook.size,
        "threshold": codebook.threshold, "mapping": codebook.mapping,
    }  # fmt: skip
    if "input_size" in settings:
        shape = "squares" if settings.get("fit") == "stretch" else "a short side"
        facts["input"] = f"{shape} of {settings['input_size']}"
    if {"balance", "upsilon"} <= settings.keys():
        facts["balance"] = f"{settings['balance']}, upsilon {settings['upsilon']:g}"
        if abs(facts["phi"] * codebook.size - 1) > 0.02:  # the paper prints .0046 for 1 / 215
            facts["balance"] += f", phi {facts['phi']:g}"
    return kept | grid | facts


def _data(settings: Mapping[str, Any]) -> str:
    """What a model was trained on; the paper's word only for all of its photographs and no pretraining."""
    name, pictures = settings.get("trained_on") or "unnamed photographs", settings.get("pictures")
    whole = named("places365-train").pictures
    if name != PRINTED["trained_on"] or not pictures or abs(pictures - whole) > 0.01 * whole:  # some cannot be read
        name += f", {pictures:,} photographs" if pictures else ""
    start = _start(settings)
    return f"{name} after {start}" if start else name


def _start(settings: Mapping[str, Any]) -> str:
    """The training that a model's training went on from; "" for none."""
    if pretrained := settings.get("pretrained"):
        return "ImageNet" if pretrained is True else PurePath(str(pretrained)).name
    return "another model's training" if settings.get("init") else ""


def unlike_the_paper(model: Mapping[str, object]) -> list[str]:
    """Differences of a model from the paper's, in words."""
    return [_fact(model, name) for name in _unlike(model)]


def _unlike(model: Mapping[str, object]) -> list[str]:
    """Names of the settings that differ, those that the paper prints first; a file may be older than the others."""
    own = {**PAPER, **dict.fromkeys(PRINTED), **model}
    return [name for name in PRINTED | PAPER if own[name] != PAPER[name]]


def _fact(model: Mapping[str, object], name: str) -> str:
    """A setting of a model, with the paper's in brackets if it differs."""
    value = model.get(name, "unknown")
    papers = f" (paper: {_word(PAPER[name])})" if PAPER.get(name, value) != value else ""
    return f"{name.replace('_', ' ')} {_word(value)}{papers}"


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool | None) else str(value)


def table_1() -> Table:
    """The paper's Table I, and where to find each part here."""
    entry = paper_figures.raw()["table_1"]
    columns = (Column("CIC", "published"), Column("CCC", "published"), Column("here", "ours"))
    rows = [Row(name, "part", tuple(map(Value, values))) for name, *values in entry["rows"]]
    return Table("I", entry["title"], columns, tuple(rows), tuple(entry["notes"]), head="Part")


def table_2(model: Mapping[str, object], harmonize: Mapping[str, object]) -> Table:
    """The paper's Table II, and the values of this run, n/a if missing.

    `model`: as `read_model` gives it; `harmonize`: min_pixels, delta_a and delta_b of Algorithm 1.
    """
    entry, notes = paper_figures.raw()["table_2"], Notes()
    here = {symbol: model.get(name) for symbol, name in zip("αβΔΥ", ("alpha", "beta", "delta", "upsilon"), strict=True)}
    here["Φ"] = f"{model['phi']:.4f}" if model else None
    facts = notes(_trained(model)) if model else ()
    here |= {symbol: harmonize.get(name) for symbol, name in _HARMONIZE.items()}
    values = []
    for symbol in entry["columns"]:
        if here.get(symbol) is not None:
            values.append(Value(f"{here[symbol]:g}" if isinstance(here[symbol], float) else str(here[symbol])))
        else:
            reason = "no harmonization in this run" if symbol in _HARMONIZE else "no model of CCC in this run"
            values.append(Value(NOT_AVAILABLE, notes=notes(f"n/a: {reason}"), reason=reason))
    columns = tuple(Column(symbol, "ours") for symbol in entry["columns"])
    rows = (Row("Paper", "part", tuple(map(Value, entry["values"]))), Row("This run", "part", tuple(values), facts))
    return Table("II", entry["title"], columns, rows, tuple(notes.texts), head="Values")


def _trained(model: Mapping[str, object]) -> str:
    """The other training settings, with the paper's values in brackets where they differ."""
    names = dict.fromkeys((*PRINTED, "steps", "reduction", *_unlike(model)))
    facts = [_fact(model, name) for name in names if name in model]
    return ", ".join([f"{model['classes']} classes (paper: 215)", *facts])
