"""Tables I and II: what CCC adds to the method it builds on, and the hyper-parameters in force."""

import json
import os
from collections.abc import Mapping

from ccc.codebook import Codebook
from ccc.core.errors import CCCError
from ccc.core.files import safetensors_metadata
from ccc.report import published as paper_figures
from ccc.report.layout import NOT_AVAILABLE, Column, Group, Notes, Row, Table, Value

_HARMONIZE = {"δ_a": "delta_a", "δ_b": "delta_b", "Ψ": "min_pixels"}


def table_1() -> Table:
    """The paper's Table I, and where each part stands here."""
    entry = paper_figures.raw()["table_1"]
    columns = (Column("CIC", "published"), Column("CCC", "published"), Column("here", "ours"))
    rows = [Row(name, "part", tuple(map(Value, values))) for name, *values in entry["rows"]]
    return Table("I", entry["title"], (Group("", columns),), tuple(rows), tuple(entry["notes"]), head="Part")


def table_2(model: str | os.PathLike | None = None, harmonize: Mapping[str, object] | None = None) -> Table:
    """The paper's Table II, and the same values of this run.

    `model`: file of `ccc train`, whose metadata hold what it was trained with; `harmonize`: min_pixels, delta_a and
    delta_b of Algorithm 1. What is not given is n/a. Raises CCCError for a file that is no model of CCC.
    """
    entry, notes = paper_figures.raw()["table_2"], Notes()
    here: dict[str, str] = {}
    facts = ()
    if model is not None:
        codebook, settings = Codebook.load(model), _settings(model)
        here |= {"α": codebook.grid.alpha, "β": codebook.grid.beta, "Δ": codebook.grid.delta}
        phi = settings.get("phi") or 1 / codebook.size
        here |= {"Υ": settings.get("upsilon"), "Φ": f"{phi:.4f}"}
        facts = notes(_trained(codebook, settings))
    here |= {symbol: (harmonize or {}).get(name) for symbol, name in _HARMONIZE.items()}
    values = []
    for symbol in entry["columns"]:
        if here.get(symbol) is not None:
            values.append(Value(f"{here[symbol]:g}" if isinstance(here[symbol], float) else str(here[symbol])))
        else:
            reason = "no harmonization in this run" if symbol in _HARMONIZE else "no model of CCC in this run"
            values.append(Value(NOT_AVAILABLE, notes=notes(f"n/a: {reason}"), reason=reason))
    columns = tuple(Column(symbol, "ours") for symbol in entry["columns"])
    rows = (Row("Paper", "part", tuple(map(Value, entry["values"]))), Row("This run", "part", tuple(values), facts))
    return Table("II", entry["title"], (Group("", columns),), rows, tuple(notes.texts), head="Values")


def _settings(path: str | os.PathLike) -> dict:
    try:
        return json.loads(safetensors_metadata(path)["settings"])
    except (KeyError, ValueError) as error:
        raise CCCError(f"{path}: its metadata hold no settings ({error}); train the model again") from None


def _trained(codebook: Codebook, settings: Mapping) -> str:
    """Everything else that the model was trained with, the paper's values in brackets where they differ."""
    paper = {"encoder": "densenet121", "batch_size": 64, "learning_rate": 0.001, "beta1": 0.5, "beta2": 0.999}
    known = {name: settings[name] for name in (*paper, "trained_on", "steps", "reduction") if settings.get(name)}
    words = [
        f"{name.replace('_', ' ')} {value}" + (f" (paper: {paper[name]})" if value != paper.get(name, value) else "")
        for name, value in known.items()
    ]
    return ", ".join([f"{codebook.size} classes (paper: 215)", *words])
