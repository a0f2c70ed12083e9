"""Command lines from parts of the configuration."""

import json
import os
import shlex
from collections.abc import Collection, Mapping


def options(section: Mapping, only: Collection[str] | None = None) -> list[str]:
    """A part of the configuration as `--name value`; what is null, false or an empty list is left out."""
    words = []
    for name, value in section.items():
        left_out = value is None or value is False or value == []  # but not 0, which equals False
        if (only is None or name in only) and not left_out:
            words.append("--" + name.replace("_", "-"))
            words += [] if value is True else list(map(str, value if isinstance(value, list) else [value]))
    return words


def assignments(flag: str, section: Mapping) -> list[str]:
    """A part of the configuration as repeated `--flag name=value`; what is null is left out."""
    return [
        word
        for name, value in section.items()
        if value is not None
        for word in (flag, f"{name}={value if isinstance(value, str) else json.dumps(value)}")
    ]


def rerun_command(workflow) -> str:
    """What makes this run again from anywhere: its Snakefile, folder, configuration files and values.

    `{folder}` stands for the working folder, which `ccc report` puts there: one that moved is no other run.
    """

    def place(path) -> str:
        return os.path.join("{folder}", os.path.relpath(path))

    words = ["snakemake", "--cores", "all", "--snakefile", place(workflow.main_snakefile), "--directory", "{folder}"]
    given = [place(path) for path in workflow.overwrite_configfiles]
    words += ["--configfile", *given] if given else []
    values = workflow.config_settings.config
    words += ["--config"] if values else []
    words += [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in values.items()]
    return shlex.join(words)
