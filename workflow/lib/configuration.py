"""Reads the configuration with all defaults; errors stop the run before any work."""

import os
from collections.abc import Iterable

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from ccc.assets import PUBLISHED
from ccc.core.errors import CCCError
from ccc.core.files import safetensors_metadata
from ccc.settings.configuration import read_configuration
from ccc.settings.training import Training, model_settings
from workflow.lib.commands import options


def checked_config(given: dict, files: Iterable[str | os.PathLike] = ()) -> dict:
    """`given` under current names with the defaults of `ccc.settings`; `files`: those that it comes from.

    Raises a WorkflowError that lists all errors.
    """
    try:
        for path in files:
            with open(path, encoding="utf-8-sig") as file:
                refuse_repeated(path, yaml.compose(file, yaml.SafeLoader))
        config = read_configuration(given, logger.warning).model_dump()
        if config["model"] is True:
            config["model"] = os.path.relpath(PUBLISHED)
        if config["model"] and os.path.exists(config["model"]):
            check_model(config["model"])
        check_start(config["training"], bool(config["model"]))
        return config
    except CCCError as error:
        lines = ["The configuration is wrong:", *str(error).splitlines()]
        raise WorkflowError("\n  ".join(lines)) from None


def refuse_repeated(path: str | os.PathLike, node: yaml.Node | None, visited: frozenset = frozenset()) -> None:
    """Raise CCCError for a key that stands twice in a mapping, of which YAML keeps the last alone."""
    if isinstance(node, yaml.MappingNode) and node not in visited:  # an alias may name a mapping around it
        seen = set()
        for key, value in node.value:
            if key.value in seen and key.value != "<<":
                raise CCCError(f"{path}, line {key.start_mark.line + 1}: {key.value} is given twice; merge the two")
            seen |= {key.value} if isinstance(key.value, str) else set()
            refuse_repeated(path, value, visited | {node})


def check_model(path: str) -> None:
    """Raise CCCError for a file without the metadata of a model."""
    try:
        model_settings({"settings": "{}"} | safetensors_metadata(path))
    except ValueError as error:
        raise CCCError(f"model: {path}: its settings are none ({error}); train the model again") from None


def check_start(training: dict, trained: bool) -> None:
    """Raise CCCError if the initial model has another encoder or decoder, or is no model."""
    if trained or not training["init"]:
        return
    path = PUBLISHED if training["init"] is True else training["init"]
    found = {"decoder": "plain"} | safetensors_metadata(path)  # older models do not name their decoder
    if "encoder" not in found:
        raise CCCError(f"training.init: {path} is no model of `ccc train`")
    wrong = {name: found[name] for name in ("encoder", "decoder") if found[name] != training[name]}
    if wrong:
        needed = " and ".join(f"training.{name}: {value}" for name, value in wrong.items())
        raise CCCError(f"training.init: to start from {os.path.basename(path)}, set {needed}")


def starting_weights(training: dict) -> list[str]:
    """Files from which training starts, except ImageNet weights found by `ccc weights`."""
    init = os.path.relpath(PUBLISHED) if training["init"] is True else training["init"]
    return [path for path in (training["pretrained"], init) if isinstance(path, str)]


def recipe_options(training: dict) -> list[str]:
    """Options of `ccc train`, without `workers`, that differ from the defaults: a new setting retrains no model."""
    defaults = Training().model_dump()
    chosen = {name: value for name, value in training.items() if value != defaults[name] and name != "workers"}
    switched_off = [f"--no-{name.replace('_', '-')}" for name, value in chosen.items() if value is False]
    return switched_off + options(chosen)
