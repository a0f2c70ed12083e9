"""What a run was made of: versions, seeds, configuration and checksums, so that it can be made again."""

import os
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata

from ccc import __version__
from ccc.files import sha256

FORMAT = "ccc-provenance-1"


def gather(files: Sequence[str | os.PathLike], configuration: Mapping) -> dict:
    """Describe a run, as a JSON object without time or place: equal runs in equal environments give equal objects.

    `files`: what the run is to be known by, such as manifests, statistics of shards, codebook and model;
    `configuration`: as the workflow filled it. Returns format; `versions` of ccc, Python and the platform; `packages`,
    every installed distribution by its normalized name; `seeds` by their dotted place in the configuration;
    `configuration`; `checksums`, SHA-256 by path. Raises OSError for a file that cannot be read.
    """
    return {
        "format": FORMAT,
        "versions": {"ccc": __version__, "python": platform.python_version(), "machine": platform.machine()},
        "packages": _packages(),
        "seeds": dict(_seeds(configuration)),
        "configuration": dict(configuration),
        "checksums": {os.fspath(path): sha256(path) for path in sorted(map(os.fspath, files))},
    }


def _packages() -> dict[str, str]:
    found = {}
    for distribution in metadata.distributions():
        name = (distribution.metadata["Name"] or "").lower().replace("_", "-").replace(".", "-")
        if name:
            found.setdefault(name, distribution.version)
    return dict(sorted(found.items()))


def _seeds(part: Mapping, place: str = ""):
    for name, value in part.items():
        if isinstance(value, Mapping):
            yield from _seeds(value, f"{place}{name}.")
        elif name == "seed":
            yield f"{place}{name}", value
