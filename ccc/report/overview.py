"""Tables I and II: what CCC adds to the method it builds on, and the hyper-parameters in force."""

import json
import os
from collections.abc import Mapping

from ccc.codebook import Codebook
from ccc.core.errors import CCCError
from ccc.core.files import safetensors_metadata
from ccc.report import published as paper_figures
from ccc.report.layout import Column, Notes, Row, Table, Value
from ccc.report.results import NOT_AVAILABLE

_HARMONIZE = {"δ_a": "delta_a", "δ_b": "delta_b", "Ψ": "min_pixels"}
PAPER = {"encoder": "densenet121", "batch_size": 64, "learning_rate": 0.001, "beta1": 0.5, "beta2": 0.999}


def read_model(path: str | os.PathLike) -> dict:
    """What a model of `ccc train` was made with: `classes`, `alpha`, `beta`, `delta`, `phi` as used, and its settings.

    Raises CCCError for a file that is no model of CCC.
    """
    codebook = Codebook.load(path)
    try:
        settings = json.loads(safetensors_metadata(path)["settings"])
    except (KeyError, ValueError) as error:
        raise CCCError(f"{path}: its metadata hold no settings ({error}); train the model again") from None
    kept = {
        name: settings[name] for name in (*PAPER, "upsilon", "trained_on", "steps", "reduction") if name in settings
    }
    grid = {name: getattr(codebook.grid, name) for name in ("alpha", "beta", "delta")}
    return kept | grid | {"classes": codebook.size, "phi": settings.get("phi") or 1 / codebook.size}


def table_1() -> Table:
    """The paper's Table I, and where each part stands here."""
    entry = paper_figures.raw()["table_1"]
    columns = (Column("CIC", "published"), Column("CCC", "published"), Column("here", "ours"))
    rows = [Row(name, "part", tuple(map(Value, values))) for name, *values in entry["rows"]]
    return Table("I", entry["title"], columns, tuple(rows), tuple(entry["notes"]), head="Part")


def table_2(model: Mapping[str, object], harmonize: Mapping[str, object]) -> Table:
    """The paper's Table II, and the same values of this run; what is not in them is n/a.

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
    """Everything else that the model was trained with, the paper's values in brackets where they differ."""
    known = {name: model[name] for name in (*PAPER, "trained_on", "steps", "reduction") if model.get(name)}
    words = [
        f"{name.replace('_', ' ')} {value}" + (f" (paper: {PAPER[name]})" if value != PAPER.get(name, value) else "")
        for name, value in known.items()
    ]
    return ", ".join([f"{model['classes']} classes (paper: 215)", *words])
