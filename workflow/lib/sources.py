"""Where photographs lie, and whether they are there."""

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
    """Where photographs lie: the embedded ones, a public set's archive (None where it is not at hand), or a path,
    which starts from the folder `data` where it is relative."""
    if name == "embedded":
        return name
    if name in datasets.known():
        folder = datasets.find(datasets.known()[name], data)
        return folder and str(folder / datasets.known()[name].archive)
    return str(Path(data) / name)


def split_file(name: str, data: str) -> list[str]:
    """The file that says which pictures of a public set are the official ones; none for any other source."""
    dataset = datasets.known().get(name)
    return [str(Path(source(name, data)).parent / dataset.split["file"])] if dataset and dataset.split else []


def photographs(name: str | None, part: str, data: str) -> str | None:
    """The path that a job reads photographs from; of the embedded ones that of this part.

    It is a parameter and no input: Snakemake looks at the date of an input, which of a folder says nothing, and fails
    every job whose input is dated in the future. None for none: a run of a trained model needs none to train on.
    """
    if name is None:
        return None
    return embedded(name, part)[0] if name == "embedded" else source(name, data)


def embedded(name: str, part: str) -> list[str]:
    """What the job that reads photographs waits for: the folder of embedded ones, nothing where they lie elsewhere."""
    return [f"results/embedded/{part}"] if name == "embedded" else []


@functools.cache
def fingerprint(name: str, data: str) -> str:
    """The fingerprint of the photographs that would be read: a parameter whose change runs the job again."""
    return "" if name == "embedded" else content(source(name, data), *split_file(name, data))


def content(*paths: str | None, suffixes=files.SUFFIXES) -> str:
    """`ccc.data.fingerprint.fingerprint` of what is given; a readable WorkflowError where something may not be read."""
    try:
        return "files " + files.fingerprint(*filter(None, paths), suffixes=suffixes)
    except OSError as error:
        raise WorkflowError(f"{error.filename}: {error.strerror}") from None
    except CCCError as error:  # of a list
        raise WorkflowError(str(error)) from None


def check_sources(config: dict) -> None:
    """Raise a WorkflowError that names every missing file of the configuration, with what gets it."""
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
        hint = f"relative photograph paths start from `photographs`, now {data!r}: --config photographs=FOLDER"
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
    """A line for each split of more shards than photographs, as far as these can be counted before they are indexed."""
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


def at_most(name: str, number: int, data: str) -> int:
    """How many photographs a source has, counted up to `number`; `number` where it cannot be told."""
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
        return number  # told elsewhere, or by the job that reads it


def _no_source(path: str) -> str | None:
    """Why no photographs can be read from a path; None where they can. Of an archive only the first bytes are read."""
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
    """Files and folders besides photographs, by the key that names them."""
    return {
        "model": config["model"],
        "segmenter.checkpoint": config["segmenter"]["checkpoint"],
        "baselines.su.boxes": config["baselines"]["su"]["boxes"],
        "baselines.gain.folder": config["baselines"]["gain"]["folder"],
        **{f"weights.{name}": path for name, path in config["weights"].items()},
    }
