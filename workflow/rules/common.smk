import ast
import difflib
import fcntl
import functools
import json
import os
import re
import shlex
import socket
import sys
from pathlib import Path

import jsonschema
import yaml
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT))

from ccc.assets import (
    photographs as datasets,
)  # of this checkout; none of these imports torch
from ccc.assets import weights as weight_files
from ccc.core.errors import CCCError, MissingWeights
from ccc.core.files import safetensors_metadata

# Jobs end with the process that started them: those of a killed run do not write into the next one
# (ccc/core/processes.py).
os.environ.update(CCC_PARENT=str(os.getpid()))
# What a conda environment installs (workflow/envs/ccc.post-deploy.sh).
os.environ.update(CCC_CHECKOUT=str(ROOT))


def hold_folder():
    """One run at a time works in a folder; a second one is refused.

    Snakemake's own lock outlives a killed run and has to be removed by hand; the kernel's ends with the process.
    """
    global FOLDER_LOCK  # held until the process ends
    FOLDER_LOCK = open(".snakemake/run.lock", "a+")
    try:
        fcntl.flock(FOLDER_LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        FOLDER_LOCK.seek(0)
        raise WorkflowError(
            f"another run works in {os.getcwd()}: {FOLDER_LOCK.read().strip()}. "
            "Wait for it, end it, or give this one another folder with --directory"
        )
    except OSError as error:
        logger.warning(
            f"{os.getcwd()}: no locks on this file system ({error.strerror}): see to it that one run works here"
        )
    FOLDER_LOCK.truncate(0)
    FOLDER_LOCK.write(f"process {os.getpid()} on {socket.gethostname()}")
    FOLDER_LOCK.flush()


def checked_config(given):
    """The configuration with the schema's defaults; a readable error where it is wrong."""
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    filled = with_defaults(given, schema)
    errors = sorted(
        jsonschema.Draft202012Validator(schema).iter_errors(filled),
        key=lambda error: list(error.path),
    )
    if errors:
        lines = [
            "The configuration is wrong:",
            *(f"  {explain(error)}" for error in errors),
        ]
        raise WorkflowError("\n".join(lines))
    return filled


def with_defaults(value, schema):
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


def explain(error):
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


config = checked_config(config)
RUN = config["run"]
REPORT = f"reports/{RUN}"
SEGMENTER = config["segmenter"]["name"]


def source(path):
    """Where photographs lie: the embedded ones, a public set's archive (None where it is not at hand), or a path,
    which starts from `data` where it is relative."""
    if path == "embedded":
        return path
    if path in datasets.known():
        folder = datasets.find(datasets.known()[path], config["data"])
        return folder and str(folder / datasets.known()[path].archive)
    return str(Path(config["data"]) / path)


def split_file(path):
    """The file that says which pictures of a public set are the official ones; none for any other source."""
    dataset = datasets.known().get(path)
    return (
        [str(Path(source(path)).parent / dataset.split["file"])]
        if dataset and dataset.split
        else []
    )


def photographs(path, part):
    """What the job that reads photographs waits for, the path itself or the embedded photographs of that part."""
    if path == "embedded":
        return f"results/embedded/{part}"
    return source(path)


def method_files():
    """One file a method, in a fixed order: dropped into workflow/methods, it is part of the benchmark."""
    return sorted(str(path) for path in (ROOT / "workflow/methods").glob("*.smk"))


METHOD_NAMES = [Path(path).stem for path in method_files()]
NOT_RUN = {}  # by method, why it cannot run: filled by the files of workflow/methods


def method_weights(method, *names):
    """Path of a method's weight file, the first of `names` that is here; where none is, the method is not run."""
    for name in names:
        try:
            return str(weight_files.locate(name))
        except MissingWeights:
            pass
    missing = f"{weight_files.known()[names[0]]['file']} is missing, get it with `ccc weights fetch {names[0]}`"
    NOT_RUN.setdefault(method, missing)
    return str(weight_files.folders()[0] / weight_files.known()[names[0]]["file"])


def kept_folder(key, dataset):
    """Where the folder named under `baselines` in the configuration keeps what belongs to a benchmark's pictures.

    The showcase, which gathers pictures of the others, finds them through the whole folder.
    """
    section, name = key.split(".")
    folder = Path(config["baselines"][section][name])
    return str(folder / dataset if (folder / dataset).is_dir() else folder)


def kept_files(key, dataset):
    """The files in `kept_folder`, inputs of the job that reads them; none where the folder is not configured."""
    section, name = key.split(".")
    if not config["baselines"][section][name]:
        return []
    folder = Path(kept_folder(key, dataset))
    return sorted(path.as_posix() for path in folder.rglob("*") if path.is_file())


def methods():
    """The methods of this run. With `auto`, those that can run, and the others are named in the log."""
    if config["methods"] == "auto":
        for name, reason in not_run().items():
            logger.info(f"not run: {name}: {reason}")
        return [name for name in METHOD_NAMES if name not in NOT_RUN]
    for name in config["methods"]:
        if name not in METHOD_NAMES:
            near = difflib.get_close_matches(name, METHOD_NAMES, 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise WorkflowError(
                f"methods: no workflow/methods/{name}.smk: {hint}there are {', '.join(METHOD_NAMES)}; "
                "a new method is one file saved there (README, Add a method)"
            )
    missing = [
        f"  {name}: {NOT_RUN[name]}" for name in config["methods"] if name in NOT_RUN
    ]
    if missing:
        raise WorkflowError("\n".join(["methods: some cannot run:", *missing]))
    return config["methods"]


def not_run():
    """By method that `auto` leaves out, why."""
    return NOT_RUN if config["methods"] == "auto" else {}


VARIANTS = ["plain", "sam"] if config["harmonize"]["enabled"] else ["plain"]
BENCHMARKS = sorted(config["benchmarks"])
DATASETS = BENCHMARKS + (["showcase"] if config["showcase"]["enabled"] else [])


def check_sources():
    """Missing photographs stop the run before any work, with what gets them."""
    training, benchmarks = config["training"], config["benchmarks"]
    wanted = {
        f"benchmarks.{name}.source": benchmarks[name]["source"] for name in BENCHMARKS
    }
    if not config["model"]:
        wanted |= {
            "training.source": training["source"],
            "training.validation": training["validation"],
        }
    public = {
        key: datasets.known()[path]
        for key, path in wanted.items()
        if path in datasets.known()
    }
    for key, dataset in public.items():
        if key.startswith("training.") and not dataset.whole:
            raise WorkflowError(
                f"{key}: the archive of {dataset.name} holds more than {dataset.title}; unpack what you mean and name "
                "its folder"
            )
    away = {
        key: dataset for key, dataset in public.items() if source(dataset.name) is None
    }
    missing = [
        f"  {key}: {dataset.title} is not at hand" for key, dataset in away.items()
    ]
    missing += [
        f"  {key}: {source(path)} is not there"
        for key, path in wanted.items()
        if path != "embedded" and key not in public and not os.path.exists(source(path))
    ]
    files = {
        "model": config["model"],
        "segmenter.checkpoint": config["segmenter"]["checkpoint"],
        "baselines.su.boxes": config["baselines"]["su"]["boxes"],
        "baselines.gain.folder": config["baselines"]["gain"]["folder"],
    }
    files |= {f"weights.{name}": path for name, path in config["weights"].items()}
    missing += [
        f"  {key}: {path} is not there"
        for key, path in files.items()
        if path and not os.path.exists(path)
    ]
    if missing:
        hint = f"relative photograph paths start from `data`, now {config['data']!r}; set it with --config data=FOLDER"
        lines = [
            "The configuration names files that are missing:",
            *missing,
            *(
                f"  To have it: {step}"
                for step in datasets.how_to_get(list(away.values()), config["data"])
            ),
            f"  ({hint})",
        ]
        raise WorkflowError("\n".join(lines))


check_sources()


def options(section, only=None):
    """A part of the configuration as `--name value`; what is null, false or an empty list is left out."""
    words = []
    for name, value in section.items():
        if (only is None or name in only) and value not in (None, False, []):
            flag = name.replace("_", "-")
            words.append(f"--{flag}")
            words += (
                []
                if value is True
                else list(map(str, value if isinstance(value, list) else [value]))
            )
    return words


def assignments(flag, section):
    """A part of the configuration as repeated `--flag name=value`; what is null is left out."""
    return [
        word
        for name, value in section.items()
        if value is not None
        for word in (
            flag,
            f"{name}={json.dumps(value) if not isinstance(value, str) else value}",
        )
    ]


def shard_names(split, count):
    return [f"results/shards/{split}/{number:05d}.tar" for number in range(count)]


def beside(paths, suffix):
    """The files of the same names with another suffix."""
    return [Path(path).with_suffix(suffix).as_posix() for path in paths]


TRAINING_SHARDS = shard_names("train", config["training"]["shards"])
VALIDATION_SHARDS = shard_names("validation", config["training"]["validation_shards"])
SHARD_COUNTS = {"train": len(TRAINING_SHARDS), "validation": len(VALIDATION_SHARDS)}


TRAINING = config["training"]
CHOICES = {
    "train": options(TRAINING, only=("classes", "per_class", "limit", "seed")),
    "validation": options(
        {"limit": TRAINING["validation_limit"], "seed": TRAINING["seed"]}
        if TRAINING["validation_limit"]
        else {}
    ),
}
SHAPE = options(
    {
        "size": TRAINING["size"],
        "map_size": TRAINING["size"] // 4,
        "fit": TRAINING["fit"],
    }
)
CODEBOOK_SHARDS = {"train": TRAINING_SHARDS, "validation": VALIDATION_SHARDS}[
    config["codebook"]["split"]
]
PHOTOGRAPHS = {
    "train": photographs(TRAINING["source"], "train"),
    "validation": photographs(TRAINING["validation"], "validation"),
}
BENCHMARK_PHOTOGRAPHS = {
    name: photographs(entry["source"], "benchmark")
    for name, entry in config["benchmarks"].items()
}
BENCHMARK_OPTIONS = {
    name: options(
        {
            "count": entry["n"],
            "seed": entry["seed"],
            "side": config["side"],
            "dataset": (
                entry["source"] if entry["source"] in datasets.known() else None
            ),
        }
    )
    for name, entry in config["benchmarks"].items()
}
BENCHMARK_SPLITS = {
    name: split_file(entry["source"]) for name, entry in config["benchmarks"].items()
}


SHOWCASE_PICTURES = [
    word for name in config["showcase"]["pictures"] for word in ("--picture", name)
]


def title(method):
    """What a method is called in tables: the configuration's word, else its own, with the model where it has several."""
    called = config["titles"].get(method, method)
    if method == "ccc" and method not in config["titles"]:
        return f"CCC ({trained_on()})"
    model = config["baselines"].get(method, {}).get("model")
    return f"{called} ({model})" if model else called


# Weight files of metrics, named in the configuration or found: one that arrives or changes reruns the evaluation.
METRIC_WEIGHTS = {
    name: str(path)
    for name, given in config["weights"].items()
    if (path := given or weight_files.find(name))
}


def trained_on():
    """What CCC's training photographs are called: a model that was given says it itself."""
    if not config["model"]:
        return TRAINING["name"] or "unnamed photographs"
    settings = json.loads(safetensors_metadata(config["model"]).get("settings", "{}"))
    return settings.get("trained_on") or Path(config["model"]).name


def rerun_command():
    """What makes this run again: the command line's configuration files and values, paths from the working folder."""
    words = ["snakemake", "--cores", "all"]
    snakefile = os.path.relpath(workflow.main_snakefile)
    words += ["--snakefile", snakefile] if snakefile != "Snakefile" else []
    given = [os.path.relpath(path) for path in workflow.overwrite_configfiles]
    words += ["--configfile", *given] if given else []
    values = workflow.config_settings.config
    words += (["--config"] if values else []) + [
        f"{key}={value if isinstance(value, str) else json.dumps(value)}"
        for key, value in values.items()
    ]
    return shlex.join(words)


def starting_weights():
    """Files that training starts from; ImageNet weights that `ccc weights` finds are not among them."""
    named = {name: config["train"][name] for name in ("pretrained", "init")}
    if named["init"] is True:
        named["init"] = os.path.relpath(ROOT / "ccc/assets/ccc-scenes.safetensors")
    return [path for path in named.values() if isinstance(path, str)]


def find_encoder():
    """Raise where training would start from ImageNet weights that are not here: now, not after the hours of sharding."""
    trains = any(job.rule.name == "train" for job in workflow.dag.needrun_jobs())
    if config["train"]["pretrained"] is True and trains:
        try:
            weight_files.locate(config["train"]["encoder"])
        except CCCError as error:
            raise WorkflowError(f"train.pretrained: {error}")


def model_path():
    return config["model"] or f"results/train/{RUN}/ccc.safetensors"


def segmenter_checkpoint(dataset):
    """The weight file of the segmenter; for the segmenter `masks` the dataset's own masks."""
    given = config["segmenter"]["checkpoint"]
    if not given or SEGMENTER != "masks":
        return given
    return next(
        (
            path
            for path in (f"{given}/{dataset}", f"{given}/{dataset}.json")
            if os.path.exists(path)
        ),
        given,
    )


ALGORITHM = ("min_pixels", "delta_a", "delta_b", "mode_bin", "order", "mode")


ABLATION = (
    f"--count {config['harmonize']['ablation']['pictures']}"
    f" --delta {' '.join(map(str, config['harmonize']['ablation']['deltas']))}"
    f" --min-pixels {' '.join(map(str, config['harmonize']['ablation']['min_pixels']))}"
)


HARMONIZATION_TEMPLATE = os.path.relpath(
    ROOT / "ccc/report/templates/harmonization.html"
)
HARMONIZATION = [f"{REPORT}/harmonization.html"] if "sam" in VARIANTS else []


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
    return [
        f"results/metrics/{method}/{variant}/{dataset}{suffix}"
        for method in METHODS
        for variant in VARIANTS
        for dataset in DATASETS
    ]


# What a run is known by. Statistics of a shard hold the checksum of its tar, a manifest those of its pictures.
PROVENANCE = [
    *(f"results/benchmarks/{name}/manifest.csv" for name in DATASETS),
    model_path(),
    *METRIC_WEIGHTS.values(),
    *(
        []
        if config["model"]
        else [
            *beside(TRAINING_SHARDS + VALIDATION_SHARDS, ".json"),
            "results/codebook.json",
        ]
    ),
]


# What the pages are made of besides Python.
TEMPLATES = sorted(
    os.path.relpath(path)
    for part in ("templates", "static")
    for path in (ROOT / "ccc/report" / part).iterdir()
)

# Modules that cannot change a result: a help text, a progress bar, a download, a video.
EXEMPT = {
    "ccc",
    "ccc.cli",
    "ccc.cli.progress",
    "ccc.assets.download",
    "ccc.colorizers.video",
}


@functools.cache
def module_file(name):
    for path in (
        ROOT.joinpath(*name.split(".")).with_suffix(".py"),
        ROOT.joinpath(*name.split("."), "__init__.py"),
    ):
        if path.is_file():
            return path
    return None


@functools.cache
def imported(name):
    """The modules of `ccc` that a module names in its import statements, wherever they stand in it."""
    found = set()
    for node in ast.walk(ast.parse(module_file(name).read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module] + [
                f"{node.module}.{alias.name}" for alias in node.names
            ]
        else:
            continue
        for full in names:
            parts = full.split(".")
            found |= {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
    return {
        dotted
        for dotted in found
        if dotted.split(".")[0] == "ccc" and module_file(dotted)
    }


def code(*modules):
    """The files of `ccc` that these modules import, all the way down: inputs of the jobs that run them.

    Snakemake does not track what Python imports. `code("cli.shard")` starts from ccc/cli/shard.py.
    """
    queue, seen = [f"ccc.{start}" for start in modules], set()
    while queue:
        name = queue.pop()
        if name not in seen and name not in EXEMPT:
            seen.add(name)
            queue += imported(name)
    return sorted(os.path.relpath(module_file(name)) for name in seen)


wildcard_constraints:
    dataset="|".join(map(re.escape, DATASETS)),
    method="|".join(map(re.escape, METHOD_NAMES)),
    variant="plain|sam",
    part="gray|truth",
    split="train|validation",
    upsample="nearest|bilinear",
    number=r"\d{5}",
