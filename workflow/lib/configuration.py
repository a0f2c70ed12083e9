"""The configuration: its defaults and what is wrong in it, from the schema."""

import difflib
from pathlib import Path

import jsonschema
import yaml
from snakemake.exceptions import WorkflowError

SCHEMA = Path(__file__).parents[1] / "schemas/config.schema.yaml"


def checked_config(given: dict) -> dict:
    """The configuration with the schema's defaults; a readable WorkflowError where it is wrong."""
    schema = yaml.safe_load(SCHEMA.read_text())
    filled = with_defaults(given, schema)
    errors = sorted(
        jsonschema.Draft202012Validator(schema).iter_errors(filled),
        key=lambda error: list(error.path),
    )
    if errors:
        raise WorkflowError("\n".join(["The configuration is wrong:", *(f"  {explain(error)}" for error in errors)]))
    return filled


def with_defaults(value, schema):
    """`value` with the defaults of the schema where a key is missing."""
    if not isinstance(value, dict):
        return value
    filled = dict(value)
    for name, sub in schema.get("properties", {}).items():
        if name not in filled and "default" in sub:
            filled[name] = sub["default"]
        if name in filled:
            filled[name] = with_defaults(filled[name], sub)
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        for name in set(filled) - set(schema.get("properties", {})):
            filled[name] = with_defaults(filled[name], others)
    return filled


def explain(error) -> str:
    """One line about one error of the schema."""
    where = ".".join(map(str, error.path)) or "top level"
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        unknown = [name for name in error.instance if name not in known]
        hints = [
            (
                f"{name!r} (did you mean {near[0]!r}?)"
                if (near := difflib.get_close_matches(name, known, 1))
                else repr(name)
            )
            for name in map(str, unknown)
        ]
        return f"{where}: unknown key {', '.join(hints)}; there are {', '.join(known)}"
    text = error.schema.get("description")
    meaning = f". It is: {text}" if text else ""
    return f"{where}: {error.message}{meaning}"
