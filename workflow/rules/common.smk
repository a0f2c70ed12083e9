import functools
import json
import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT))  # this checkout's packages; none of these imports torch

from ccc.assets import photographs as datasets
from ccc.assets import weights as weight_files
from ccc.core.errors import CCCError
from ccc.settings.options import Options
from ccc.settings.training import Training
from workflow.lib import code as source_code
from workflow.lib import methods as method_files
from workflow.lib import sources
from workflow.lib.commands import assignments, options, rerun_command
from workflow.lib.configuration import checked_config
from workflow.lib.folder_lock import hold_folder
from workflow.lib.methods import kept_files, kept_folder, segmenter_checkpoint

# Jobs end with the process that started them: those of a killed run do not write into the next one
# (ccc/core/processes.py).
os.environ.update(CCC_PARENT=str(os.getpid()))
# What a conda environment installs (workflow/envs/ccc.post-deploy.sh).
os.environ.update(CCC_CHECKOUT=str(ROOT))

config = checked_config(config)
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
title = functools.partial(method_files.title, config=config)
method_weights = COLORIZERS.weights


def shard_names(split, count):
    return [f"results/shards/{split}/{number:05d}.tar" for number in range(count)]


def beside(paths, suffix):
    """The files of the same names with another suffix."""
    return [Path(path).with_suffix(suffix).as_posix() for path in paths]


TRAINING_SHARDS = shard_names("train", config["data"]["shards"])
VALIDATION_SHARDS = shard_names("validation", config["data"]["validation_shards"])
SHARD_COUNTS = {"train": len(TRAINING_SHARDS), "validation": len(VALIDATION_SHARDS)}
STATISTICS = beside(TRAINING_SHARDS + VALIDATION_SHARDS, ".json")

# Weight files of metrics, named in the configuration or found: one that arrives or changes reruns the evaluation.
METRIC_WEIGHTS = {
    name: str(path)
    for name, given in config["weights"].items()
    if (path := given or weight_files.find(name))
}


def starting_weights():
    """Files that training starts from; ImageNet weights that `ccc weights` finds are not among them."""
    named = {name: config["training"][name] for name in ("pretrained", "init")}
    if named["init"] is True:
        named["init"] = os.path.relpath(ROOT / "ccc/assets/ccc-scenes.safetensors")
    return [path for path in named.values() if isinstance(path, str)]


def find_encoder():
    """Raise where training would start from ImageNet weights that are not here: now, not after the hours of sharding."""
    trains = any(job.rule.name == "train" for job in workflow.dag.needrun_jobs())
    if config["training"]["pretrained"] is True and trains:
        try:
            weight_files.locate(config["training"]["encoder"])
        except CCCError as error:
            raise WorkflowError(f"training.pretrained: {error}")


def model_path():
    return config["model"] or f"results/train/{RUN}/ccc.safetensors"


def upsampled(upsample, dataset):
    """CCC's pictures of a dataset, their class maps brought to full size by `upsample`."""
    if upsample == config["colorize"]["upsample"]:
        return f"results/colorized/ccc/plain/{dataset}"
    return f"results/upsampled/{upsample}/{dataset}"


def before_harmonizing(method, dataset):
    """The pictures that Algorithm 1 takes: the method's own, but for CCC with an upsampling of its own."""
    upsample = config["harmonize"]["upsample"]
    if method == "ccc" and upsample:
        return upsampled(upsample, dataset)
    return f"results/colorized/{method}/plain/{dataset}"


def cells(suffix):
    return expand(
        f"results/metrics/{{method}}/{{variant}}/{{dataset}}{suffix}",
        method=METHODS,
        variant=VARIANTS,
        dataset=DATASETS,
    )


wildcard_constraints:
    dataset="|".join(map(re.escape, DATASETS)),
    method="|".join(map(re.escape, COLORIZERS.names)),
    variant="plain|sam",
    part="gray|truth",
    split="train|validation",
    upsample="nearest|bilinear",
    number=r"\d{5}",
