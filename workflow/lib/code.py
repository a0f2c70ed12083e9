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
    "ccc.assets.download",
    "ccc.colorizers.video",
    # What a setting is comes as an option of the command; how it is declared and checked changes no result.
    "ccc.settings",
    "ccc.settings.base",
    "ccc.settings.options",
}


def code(root: Path, *modules: str) -> list[str]:
    """The files of `ccc` beneath `root` that these modules import, all the way down, as paths from the working folder.

    `code(root, "cli.shard")` starts from ccc/cli/shard.py.
    """
    queue, seen = [f"ccc.{start}" for start in modules], set()
    while queue:
        name = queue.pop()
        if name not in seen and name not in EXEMPT:
            seen.add(name)
            queue += imported(root, name)
    return sorted(os.path.relpath(module_file(root, name)) for name in seen)


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
