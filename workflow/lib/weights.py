"""Weight files that jobs need: finds them and reports missing ones before the first job."""

import os
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from ccc.assets import weights as files
from ccc.core.errors import CCCError

ROOT = Path(__file__).resolve().parents[2]


def at_hand(given: Mapping[str, str | None], check: bool = True) -> dict[str, str]:
    """Weight files of metrics by name, from the configuration or found.

    `check`: whether to compare given files with the published checksums. Another file is accepted and logged if its
    tensors fit, such as the trunk of AlexNet alone. Raises WorkflowError, before any work, for any other or unreadable
    file.
    """
    wrong = []
    for name, path in given.items():
        try:
            if path and check:
                files.verify(name, path)
        except CCCError as error:
            if Path(path).is_file() and not _output_of(_FIT, name, path):
                logger.info(f"weights.{name}: {path}: not the published file, but its tensors fit")
            else:
                wrong.append(f"weights.{name}: {error}")
        except OSError as error:
            wrong.append(f"weights.{name}: {path}: {error.strerror}")
    if wrong:
        raise WorkflowError("\n  ".join(["The configuration names weight files that are no such:", *wrong]))
    return {name: str(path) for name, given in given.items() if (path := given or files.find(name))}


def missing(rules: Collection[str], config: Mapping) -> list[str]:
    """Missing weights that jobs of these rules would look for: one line each, with the command that gets them."""
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


# Scripts for separate processes: pyiqa and torch take seconds and much memory to load.
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
_FIT = """
import sys
from ccc.cli.inspection import load
from ccc.core.errors import CCCError
try:
    load(*sys.argv[1:])
except CCCError as error:
    print(error)
"""


def missing_of_pyiqa(names: Collection[str]) -> list[str]:
    """One line per metric of pyiqa that cannot be loaded, with the reason."""
    return _output_of(_LOAD, *sorted(names)) if names else []


def _output_of(script: str, *arguments: str) -> list[str]:
    """Lines printed by a script of this checkout; the last line of its error output if it fails silently."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    }
    done = subprocess.run([sys.executable, "-c", script, *arguments], env=environment, capture_output=True, text=True)
    return done.stdout.splitlines() or done.stderr.splitlines()[-1:] * bool(done.returncode)
