import functools
import json
import os
import re
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT))  # this checkout's packages; none of these imports torch

from ccc.assets import PUBLISHED as PACKAGED
from ccc.assets import photographs as datasets
from ccc.settings.decoding import PAPERS_DECODING
from ccc.settings.harmonization import PRINTED, Algorithm
from workflow.lib import code as source_code
from workflow.lib import families
from workflow.lib import methods as method_files
from workflow.lib import sources, weights
from workflow.lib.commands import assignments, braces, options, rerun_command
from workflow.lib.configuration import (
    checked_config,
    recipe_options,
    starting_weights,
)
from workflow.lib.ending import unavailable
from workflow.lib.folder_lock import hold_folder
from workflow.lib.incomplete import LIST_FILES, deleted, incomplete
from workflow.lib.methods import kept_folder, segmenter_checkpoint, segmenter_weights
from workflow.lib.output import quiet_output

# Jobs end with this process (ccc/core/processes.py); conda environments install this checkout (workflow/envs).
os.environ.update(CCC_PARENT=str(os.getpid()), CCC_CHECKOUT=str(ROOT))

config = checked_config(config, workflow.configfiles)


def obstacles(rules):
    """Lines about the weights and photographs that jobs of these rules lack."""
    lines = weights.missing(rules, config)
    return lines + (sources.no_batch(config) if "train" in rules else [])


if workflow.is_main_process and not workflow.output_settings.verbose:
    quiet_output(logger, workflow.output_settings.dryrun, obstacles)

sources.check_sources(config)

RUN = config["run"]
REPORT = f"reports/{RUN}"
SEGMENTER = config["segmenter"]["name"]
VARIANTS = ["plain", "sam"] if config["harmonize"]["enabled"] else ["plain"]
BENCHMARKS = sorted(config["benchmarks"])
DATASETS = BENCHMARKS + (["showcase"] if config["showcase"]["enabled"] else [])
COLORIZERS = method_files.Methods()

code = functools.partial(source_code.code, ROOT)
photographs = functools.partial(sources.photographs, data=config["photographs"])
fingerprint = functools.partial(sources.fingerprint, data=config["photographs"])
title = functools.partial(method_files.title, config=config)
method_weights = COLORIZERS.weights


def beside(paths, suffix):
    """The same paths with another suffix."""
    return [Path(path).with_suffix(suffix).as_posix() for path in paths]


SHARD_COUNTS = {
    "train": config["data"]["shards"],
    "validation": config["data"]["validation_shards"],
}
TRAINING_SHARDS, VALIDATION_SHARDS = (
    expand(f"results/shards/{split}/{{number:05d}}.tar", number=range(count))
    for split, count in SHARD_COUNTS.items()
)
STATISTICS = beside(TRAINING_SHARDS + VALIDATION_SHARDS, ".json")

# Weight files of metrics, configured or found: a new or changed file reruns the evaluation.
METRIC_WEIGHTS = weights.at_hand(config["weights"], check=workflow.is_main_process)


def check_jobs():
    """Raise before the first job if weights or photographs are missing for any job, not after hours of work."""
    jobs = list(workflow.dag.needrun_jobs())
    rules = {job.rule.name for job in jobs}
    lines = obstacles(rules)
    if not config["allow_missing"]:
        lines += weights.missing_of_pyiqa(families.of_pyiqa(jobs))
    if lines:
        raise WorkflowError("\n".join(lines))


def report_ending():
    """Log the report's path and its missing values if the run made it."""
    if "all" in {job.rule.name for job in workflow.dag.jobs}:
        for line in [*unavailable(cells(".json")), f"the report: {REPORT}/index.html"]:
            logger.info(line)


def model_path():
    return config["model"] or f"results/train/{RUN}/ccc.safetensors"


def before_harmonizing(method, dataset):
    """The pictures for Algorithm 1: the method's own, except for `ccc` with another upsampling."""
    if method == "ccc" and config["harmonize"]["upsample"] == "nearest":
        return f"results/upsampled/nearest/{dataset}"
    return f"results/colorized/{method}/plain/{dataset}"


CELL = "results/metrics/{method}/{variant}/{dataset}/{family}"


def cell_parts():
    parts = {"method": METHODS, "variant": VARIANTS, "dataset": DATASETS}
    return {"family": FAMILIES} | parts


def cells(suffix):
    return expand(CELL + suffix, **cell_parts())


def incomplete_folders(wildcards):
    """Mark folders to make again; returns no input. Snakemake calls it before it decides what to run."""
    found = deleted(LISTED_FOLDERS)
    for dataset in DATASETS:
        folders = [f"results/benchmarks/{dataset}/{part}" for part in ("gray", "truth")]
        folders += expand(
            f"results/colorized/{{method}}/{{variant}}/{dataset}",
            method=METHODS,
            variant=VARIANTS,
        )
        if "sam" in VARIANTS and "ccc" in METHODS:
            folders.append(f"results/upsampled/nearest/{dataset}")
        found |= incomplete(dataset, folders)
    for folder, names in found.items():
        logger.info(f"{folder}: {len(names)} missing, such as {names[0]}: made again")
        workflow.dag.forcefiles.add(folder)
    return []


wildcard_constraints:
    dataset="|".join(map(re.escape, DATASETS)),
    method="|".join(map(re.escape, COLORIZERS.names)),
    variant="plain|sam",
    part="gray|truth",
    split="train|validation",
    number=r"\d{5}",
