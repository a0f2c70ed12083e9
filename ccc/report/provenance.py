"""Provenance of a run: versions, seeds, checksums; revision, hardware, time."""

import datetime
import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import psutil

from ccc import __version__
from ccc.core.files import sha256

FORMAT = "ccc-provenance-1"

# The packages that can change a run's numbers: decoding, computing, random numbers, metrics.
PACKAGES = (
    "torch", "torchvision", "timm", "segment-anything", "snakemake", "webdataset", "simplejpeg", "pillow",
    "opencv-python-headless", "numpy", "numba", "scipy", "scikit-image", "lpips", "pyiqa", "pytorch-fid",
)  # fmt: skip


def provenance(now: datetime.datetime | None = None) -> dict[str, str]:
    """Facts about this moment and machine, by title; `now`: the time to state, None for the current one."""
    now = now or datetime.datetime.now(datetime.UTC)
    facts = {"Written": f"{now:%Y-%m-%d %H:%M} UTC", "Revision": revision()} | hardware()
    versions = [f"ccc {__version__}", f"Python {platform.python_version()}"]
    versions += [f"{name} {metadata.version(name)}" for name in PACKAGES]
    return facts | {"Versions": ", ".join(versions)}


def revision() -> str:
    """Commit of the running code and whether files differ from it, in words; "unknown" outside a git checkout."""
    return commit().replace("-dirty", ", with changes that are not committed") or "unknown: the code is in no checkout"


def commit() -> str:
    """Commit of the git checkout that this package lies in, with "-dirty" if files changed; "" outside a checkout."""
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / ".git").exists():
        return ""
    describe = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    try:
        return subprocess.run(describe, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def hardware() -> dict[str, str]:
    """The processor, memory and graphics card that this process sees."""
    cores = len(psutil.Process().cpu_affinity())
    memory = f"{psutil.virtual_memory().total / 2**30:.0f} GiB"
    facts = {"Processor": f"{_processor()}, {cores} cores usable", "Memory": memory}
    try:
        query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        found = subprocess.run(query, capture_output=True, text=True, check=True).stdout.split("\n")
        facts["Graphics card"] = ", ".join(name.strip() for name in found if name.strip()) or "none"
    except (OSError, subprocess.CalledProcessError):
        facts["Graphics card"] = "none seen"
    return facts | {"System": f"{platform.system()} {platform.release()}, {platform.machine()}"}


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.*)", facts.read_text() if facts.exists() else "", re.M)
    return found[1].strip() if found else platform.processor() or platform.machine()


def gather(files: Sequence[str | os.PathLike], configuration: Mapping) -> dict:
    """Describe a run, as a JSON object without time or place: equal runs in equal environments give equal objects.

    `files`: inputs and products that identify the run, such as manifests, statistics of shards, codebook and model;
    `configuration`: as the workflow filled it. Returns format; `versions` of ccc (`revision`: as of `commit`), Python
    and the platform; `packages`, every installed distribution by its normalized name; `seeds` by their dotted place in
    the configuration; `configuration`; `checksums`, SHA-256 by path. Raises OSError for a file that cannot be read.
    """
    return {
        "format": FORMAT,
        "versions": {
            "ccc": __version__,
            "revision": commit(),
            "python": platform.python_version(),
            "machine": platform.machine(),
        },
        "packages": _packages(),
        "seeds": dict(_seeds(configuration)),
        "configuration": dict(configuration),
        "checksums": {path: sha256(path) for path in sorted(map(str, files))},
    }


def _packages() -> dict[str, str]:
    names = ((found.metadata["Name"] or "", found.version) for found in metadata.distributions())
    found = [(re.sub(r"[._]", "-", name).lower(), version) for name, version in names if name]
    return dict(sorted(dict(reversed(found)).items()))  # the first of duplicates, which is the imported one


def _seeds(part: Mapping, place: str = ""):
    for name, value in part.items():
        if isinstance(value, Mapping):
            yield from _seeds(value, f"{place}{name}.")
        elif name == "seed":
            yield f"{place}{name}", value
