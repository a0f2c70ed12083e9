"""Which families of metrics a run computes, and what each of them needs."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from ccc.assets import weights as files
from ccc.core.errors import CCCError
from ccc.metrics import registry

# By network, the file of the truth's features without .npz.
FEATURES = {"inception_fid": "features", "inception_torchvision": "features_torchvision"}


class Family(NamedTuple):
    """What the cells of one family depend on."""

    module: str  # that holds it, as `workflow.lib.code` takes it
    metrics: list[str]  # the configuration's, none where it names none
    weights: dict[str, str]  # files at hand, by name
    codebook: bool
    features: str  # of the truth: the name of their file without .npz; empty for none


def chosen(
    metrics: Collection[str], weights: Mapping[str, str], codebook: bool, allow_missing: bool = False
) -> dict[str, Family]:
    """The families of a run by name. The log names the metrics whose weights are missing, with what gets them.

    `metrics`: the configuration's names, none for the default ones; `weights`: weight files that are at hand by name;
    `codebook`: whether there is one; `allow_missing`: whether a metric that the configuration names may be without its
    weights. Raises WorkflowError, with the nearest name, for a metric that there is not, and for one that may not.
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
    """Modules of all families, as `workflow.lib.code` takes them: whoever asks for a metric by name loads them all."""
    return {registry.module(name).removeprefix("ccc.") for name in registry.families()}


def without_weights(metrics: Collection[registry.Metric], weights: Mapping[str, str]) -> list[str]:
    """A line for each weight file that metrics need and that is not at hand: which they are, and what gets it.

    What metrics of pyiqa need is not known before they are loaded: their cells say it.
    """
    waiting: dict[str, list[str]] = {}
    for metric in metrics:
        if metric.needs in files.known() and metric.needs not in weights:
            waiting.setdefault(metric.needs, []).append(metric.name)
    return [
        f"{', '.join(names)}: {files.known()[need]['file']} is missing, get it with `ccc weights fetch {need}`"
        for need, names in waiting.items()
    ]


def of_pyiqa(jobs) -> set[str]:
    """Names of the metrics of pyiqa that Snakemake's `jobs` measure; the configuration has named each of them."""
    measured = {job.wildcards.family for job in jobs if job.rule.name == "evaluate"}
    return {name.removeprefix(registry.FOREIGN_FAMILY) for name in measured if name.startswith(registry.FOREIGN_FAMILY)}
