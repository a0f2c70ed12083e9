"""The files of `ccc` that a verb imports, because Snakemake does not track Python imports."""

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
# Settings arrive as command options, which are parameters of rules: their declaration and checks change no result. The
# exception: a segmenter's parameters arrive only if they are set.
SETTINGS, READ = "ccc.settings", {"ccc.settings.segmenter"}


def code(root: Path, *modules: str) -> list[str]:
    """Files of `ccc` under `root` that these modules import, recursively, relative to the working folder.

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
    """The file of a module by dotted name; None without one."""
    path = root.joinpath(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@functools.cache
def imported(root: Path, name: str) -> set[str]:
    """The modules of `ccc` in a module's import statements, anywhere in the file."""
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
