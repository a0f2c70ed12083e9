"""Which files of `ccc` a verb runs: Snakemake does not track what Python imports."""

import ast
import functools
import os
from pathlib import Path

# Modules that cannot change a result: a help text, a progress bar, a download, a video.
EXEMPT = {
    "ccc",
    "ccc.cli",
    "ccc.cli.progress",
    "ccc.assets.catalogue",
    "ccc.assets.download",
    "ccc.colorizers._tracks",
    "ccc.colorizers.video",
}
# What a setting is comes as an option of the command, a parameter of its rule: how it is declared and checked changes
# no result. Of a segmenter's own parameters only those given come so.
SETTINGS, READ = "ccc.settings", {"ccc.settings.segmenter"}


def code(root: Path, *modules: str) -> list[str]:
    """The files of `ccc` beneath `root` that these modules import, all the way down, as paths from the working folder.

    `code(root, "cli.shard")` starts from ccc/cli/shard.py.
    """
    queue, seen = [f"ccc.{start}" for start in modules], set()
    while queue:
        name = queue.pop()
        if name not in seen and not exempt(name):
            seen.add(name)
            queue += imported(root, name)
    return sorted(os.path.relpath(module_file(root, name)) for name in seen)


def exempt(name: str) -> bool:
    """Whether a module cannot change a result."""
    return name in EXEMPT or (name.startswith(SETTINGS) and name not in READ)


@functools.cache
def module_file(root: Path, name: str) -> Path | None:
    """The file of a module of dotted name; None where there is none."""
    path = root.joinpath(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@functools.cache
def imported(root: Path, name: str) -> set[str]:
    """The modules of `ccc` that a module names in its import statements, wherever they stand in it."""
    found = set()
    for node in ast.walk(ast.parse(module_file(root, name).read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for full in names:
            parts = full.split(".")
            found |= {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
    return {dotted for dotted in found if dotted.split(".")[0] == "ccc" and module_file(root, dotted)}
