"""Weight files that jobs will want: which are here, and what is told before the first job of those that are not."""

import os
import subprocess
import sys
from collections.abc import Collection, Mapping

from snakemake.exceptions import WorkflowError

from ccc.assets import weights as files
from ccc.core.errors import CCCError


def at_hand(given: Mapping[str, str | None], check: bool = True) -> dict[str, str]:
    """By name the weight files of metrics, those that the configuration gives and those that are found.

    `check`: whether to compare those that are given with their published checksums. Raises WorkflowError, before any
    work, where one is of another kind or cannot be read.
    """
    wrong = []
    for name, path in given.items():
        try:
            if path and check:
                files.verify(name, path)
        except CCCError as error:
            wrong.append(f"weights.{name}: {error}")
        except OSError as error:
            wrong.append(f"weights.{name}: {path}: {error.strerror}")
    if wrong:
        raise WorkflowError("\n  ".join(["The configuration names weight files that are no such:", *wrong]))
    return {name: str(path) for name, given in given.items() if (path := given or files.find(name))}


def missing(rules: Collection[str], config: Mapping) -> list[str]:
    """What jobs of these rules find for themselves and is not here: a line each, with the command that gets it."""
    wanted = {}
    if "train" in rules and config["training"]["pretrained"] is True:
        wanted["training.pretrained"] = config["training"]["encoder"]
    segmenter = config["segmenter"]
    if "segment" in rules and not segmenter["checkpoint"] and segmenter["name"] in files.known():
        wanted["segmenter.checkpoint"] = segmenter["name"]
    lines = []
    for key, name in wanted.items():
        try:
            files.locate(name)
        except CCCError as error:
            lines.append(f"{key}: {error}")
    return lines


# In a process of its own: pyiqa takes seconds and much memory to load.
_LOAD = """
import sys
from ccc.core.errors import CCCError
from ccc.metrics.foreign import load
for name in sys.argv[1:]:
    try:
        load(name)
    except CCCError as error:
        print(f"metrics: {error}; or set `allow_missing: true`")
"""


def missing_of_pyiqa(names: Collection[str], root: str | os.PathLike) -> list[str]:
    """A line for each of these metrics of pyiqa that cannot be loaded, with what it wants; `root`: of the checkout."""
    if not names:
        return []
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    }
    command = [sys.executable, "-c", _LOAD, *sorted(names)]
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True).stdout.splitlines()
