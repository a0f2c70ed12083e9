"""The families of metrics of a run and their requirements."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from ccc.assets import weights as files
from ccc.core.errors import CCCError
from ccc.metrics import registry

# File of the truth's features by network, without .npz.
FEATURES = {"inception_fid": "features", "inception_torchvision": "features_torchvision"}


class Family(NamedTuple):
    """Dependencies of the cells of one family."""

    module: str  # its module, as `workflow.lib.code` takes it
    metrics: list[str]  # named in the configuration; [] for the default ones
    weights: dict[str, str]  # available files by name
    codebook: bool
    features: str  # of the truth: the name of their file without .npz; empty for none


def chosen(
    metrics: Collection[str], weights: Mapping[str, str], codebook: bool, allow_missing: bool = False
) -> dict[str, Family]:
    """The families of a run by name. Logs the metrics with missing weights and how to get these.

    `metrics`: the configuration's names, none for the default ones; `weights`: available weight files by name;
    `codebook`: whether there is one; `allow_missing`: whether metrics named in the configuration may lack weights.
    Raises WorkflowError, with the nearest name, for an unknown metric, and for one without required weights.
    """
    try:
        found = registry.choose(list(metrics), codebook)
    except CCCError as error:
        raise WorkflowError(f"metrics: {error}") from None
    lines = without_weights(found, weights)
    if lines and metrics and not allow_missing:
        hint = "or set `allow_missing: true` for n/a in their columns"
        raise WorkflowError("\n  ".join(["metrics: some cannot be computed:", *lines, hint]))
    for line in lines:
        logger.info(f"n/a: {line}")
    families = {}
    for name in dict.fromkeys(metric.family for metric in found):
        mine = [metric for metric in found if metric.family == name]
        needs = {metric.needs for metric in mine}
        families[name] = Family(
            module=registry.module(name).removeprefix("ccc."),
            metrics=[wanted for wanted in metrics if wanted in {metric.name for metric in mine}],
            weights={need: path for need, path in weights.items() if need in needs},
            codebook=codebook and "codebook" in needs,
            features=next((FEATURES[need] for need in FEATURES if need in needs and need in weights), ""),
        )
    return families


def every() -> set[str]:
    """Modules of all families, as `workflow.lib.code` takes them: a look-up by name loads them all."""
    return {registry.module(name).removeprefix("ccc.") for name in registry.families()}


def without_weights(metrics: Collection[registry.Metric], weights: Mapping[str, str]) -> list[str]:
    """One line per missing weight file: the metrics that need it and the command that gets it.

    Metrics of pyiqa reveal their requirements only when loaded; their cells report them.
    """
    waiting: dict[str, list[str]] = {}
    for metric in metrics:
        if metric.needs in files.known() and metric.needs not in weights:
            waiting.setdefault(metric.needs, []).append(metric.name)
    return [
        f"{', '.join(names)}: {files.known()[need]['file']} is missing, get it with `ccc weights fetch {need}`"
        f"{files.enough(need)}"
        for need, names in waiting.items()
    ]


def of_pyiqa(jobs) -> set[str]:
    """Names of the metrics of pyiqa that Snakemake's `jobs` compute."""
    measured = {job.wildcards.family for job in jobs if job.rule.name == "evaluate"}
    return {name.removeprefix(registry.FOREIGN_FAMILY) for name in measured if name.startswith(registry.FOREIGN_FAMILY)}
