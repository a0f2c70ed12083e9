"""Which families of metrics a run computes, and what each of them needs."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from snakemake.exceptions import WorkflowError

from ccc.core.errors import CCCError
from ccc.metrics import registry


class Family(NamedTuple):
    """What the cells of one family depend on."""

    module: str  # that holds it, as `workflow.lib.code` takes it
    metrics: list[str]  # the configuration's, none where it names none
    weights: dict[str, str]  # files at hand, by name
    codebook: bool
    features: bool  # of the truth


def chosen(metrics: Collection[str], weights: Mapping[str, str], codebook: bool) -> dict[str, Family]:
    """The families of a run by name.

    `metrics`: the configuration's names, none for the default ones; `weights`: weight files that are at hand by name;
    `codebook`: whether there is one. Raises WorkflowError, with the nearest name, for a metric that there is not.
    """
    try:
        found = registry.choose(list(metrics), codebook)
    except CCCError as error:
        raise WorkflowError(f"metrics: {error}") from None
    families = {}
    for name in dict.fromkeys(metric.family for metric in found):
        mine = [metric for metric in found if metric.family == name]
        needs = {metric.needs for metric in mine}
        families[name] = Family(
            module=registry.module(name).removeprefix("ccc."),
            metrics=[wanted for wanted in metrics if wanted in {metric.name for metric in mine}],
            weights={need: path for need, path in weights.items() if need in needs},
            codebook=codebook and "codebook" in needs,
            features=any(metric.gather and metric.needs in weights for metric in mine),
        )
    return families
