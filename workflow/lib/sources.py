"""Finds the photographs of the configuration and checks that they exist."""

import functools
import itertools
import os
from pathlib import Path

from snakemake.exceptions import WorkflowError

from ccc.assets import photographs as datasets
from ccc.core.errors import CCCError
from ccc.data import fingerprint as files
from ccc.data.sources import Source


def source(name: str, data: str) -> str | None:
    """Location of photographs: "embedded", the archive of a public set (None if missing), or a path, relative to the
    folder `data`."""
    if name == "embedded":
        return name
    if name in datasets.known():
        folder = datasets.find(datasets.known()[name], data)
        return folder and str(folder / datasets.known()[name].archive)
    return str(Path(data) / name)


def split_file(name: str, data: str) -> list[str]:
    """The file that lists the official split of a public set; [] for any other source."""
    dataset = datasets.known().get(name)
    return [str(Path(source(name, data)).parent / dataset.split["file"])] if dataset and dataset.split else []


def photographs(name: str | None, part: str, data: str) -> str | None:
    """The path from which a job reads photographs; for embedded ones that of this part.

    It is a parameter and no input: Snakemake compares dates of inputs, which mean nothing for a folder, and fails every
    job whose input is dated in the future. None without photographs: a trained model needs none.
    """
    if name is None:
        return None
    return embedded(name, part)[0] if name == "embedded" else source(name, data)


def embedded(name: str, part: str) -> list[str]:
    """Inputs of a job that reads photographs: the folder of embedded ones, [] for others."""
    return [f"results/embedded/{part}"] if name == "embedded" else []


@functools.cache
def fingerprint(name: str, data: str) -> str:
    """The fingerprint of the photographs: a parameter whose change runs the job again."""
    return "" if name == "embedded" else content(source(name, data), *split_file(name, data))


def content(*paths: str | None, suffixes=files.SUFFIXES) -> str:
    """`ccc.data.fingerprint.fingerprint` of the paths. Raises WorkflowError for an unreadable file."""
    try:
        return "files " + files.fingerprint(*filter(None, paths), suffixes=suffixes)
    except OSError as error:
        raise WorkflowError(f"{error.filename}: {error.strerror}") from None
    except CCCError as error:  # of a list
        raise WorkflowError(str(error)) from None


def check_sources(config: dict) -> None:
    """Raise a WorkflowError that names every missing file of the configuration and how to get it."""
    training, benchmarks, data = config["data"], config["benchmarks"], config["photographs"]
    wanted = {f"benchmarks.{name}.source": benchmarks[name]["source"] for name in sorted(benchmarks)}
    if not config["model"]:
        wanted |= {"data.source": training["source"], "data.validation": training["validation"]}
    public = {key: datasets.known()[name] for key, name in wanted.items() if name in datasets.known()}
    for key, dataset in public.items():
        if key.startswith("data.") and not dataset.whole:
            raise WorkflowError(
                f"{key}: the archive of {dataset.name} holds more than {dataset.title}; unpack what you mean and name "
                "its folder"
            )
    away = {key: dataset for key, dataset in public.items() if source(dataset.name, data) is None}
    missing = [f"  {key}: {dataset.title} is not at hand" for key, dataset in away.items()]
    missing += [
        f"  {key}: {wrong}"
        for key, name in wanted.items()
        if name != "embedded" and key not in public and (wrong := _no_source(source(name, data)))
    ]
    missing += [
        f"  {key}: {path} is not there"
        for key, path in _named_files(config).items()
        if path and not os.path.exists(path)
    ]
    if missing:
        absent = "" if os.path.isdir(data) else ", which is not there"
        hint = (
            f"relative paths start from `photographs`, now {data!r}{absent}: --config photographs=FOLDER, or put your "
            "own paths into the configuration file; one benchmark is enough"
        )
        steps = datasets.how_to_get(list(away.values()), data)
        lines = [
            "The configuration names files that are missing:",
            *missing,
            *(f"  To have it: {step}" for step in steps),
            *([f"  ({hint})"] if any(".source" in line or ".validation" in line for line in missing) else []),
        ]
        raise WorkflowError("\n".join(lines))
    if wrong := too_many_shards(config):
        raise WorkflowError("\n  ".join(["The configuration is wrong:", *wrong]))


def too_many_shards(config: dict) -> list[str]:
    """One line per split with more shards than photographs, if these can be counted before indexing."""
    settings, lines = config["data"], []
    splits = (("source", "shards", "limit"), ("validation", "validation_shards", "validation_limit"))
    for source_key, shards_key, limit_key in splits if not config["model"] else ():
        shards, limit = settings[shards_key], settings[limit_key]
        found = at_most(settings[source_key], shards, config["photographs"])
        if limit and limit < found:
            lines.append(f"data.{shards_key}: {shards} are more than data.{limit_key}, {limit} photographs")
        elif found < shards:
            lines.append(f"data.{shards_key}: {shards} are more than the photographs of data.{source_key}, {found}")
    return lines


def no_batch(config: dict) -> list[str]:
    """A line if there are fewer training photographs than a batch has, and they can be counted before indexing."""
    settings, batch = config["data"], config["training"]["batch_size"]
    found = min(at_most(settings["source"], batch, config["photographs"]), settings["limit"] or batch)
    wrong = f"training.batch_size: {batch} are more than the photographs of data.source, {found}"
    return [wrong] if found < batch else []


def at_most(name: str, number: int, data: str) -> int:
    """The number of photographs of a source, counted up to `number`; `number` if unknown."""
    if name in datasets.known():
        return min(datasets.known()[name].count, number)
    if name == "embedded" or number == 1:
        return number
    try:
        opened = Source(source(name, data))
        if opened.kind == "compressed tar":
            return number
        return sum(1 for _ in itertools.islice(opened.scan(), number))
    except (CCCError, OSError):
        return number  # reported elsewhere, or by the job that reads it


def _no_source(path: str) -> str | None:
    """Why a path holds no readable photographs; None if it does. Reads only the first bytes of an archive."""
    if not os.path.exists(path) and "{" not in path:
        return f"{path} is not there"
    try:
        opened = Source(path)
        if opened.kind in ("folder", "list"):
            next(opened.scan())
    except (CCCError, OSError) as error:
        return str(error)
    return None


def _named_files(config: dict) -> dict[str, str | None]:
    """Files and folders other than photographs, by key of the configuration."""
    return {
        "model": config["model"],
        "segmenter.checkpoint": config["segmenter"]["checkpoint"],
        "baselines.su.boxes": config["baselines"]["su"]["boxes"],
        "baselines.gain.folder": config["baselines"]["gain"]["folder"],
        **{f"weights.{name}": path for name, path in config["weights"].items()},
    }
