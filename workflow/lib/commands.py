"""Command lines from parts of the configuration."""

import json
import os
import shlex
from collections.abc import Collection, Mapping


def options(section: Mapping, only: Collection[str] | None = None) -> list[str]:
    """A section of the configuration as `--name value`, without null, false and empty lists."""
    words = []
    for name, value in section.items():
        left_out = value is None or value is False or value == []  # but not 0, which equals False
        if (only is None or name in only) and not left_out:
            words.append("--" + name.replace("_", "-"))
            words += [] if value is True else list(map(str, value if isinstance(value, list) else [value]))
    return words


def assignments(flag: str, section: Mapping) -> list[str]:
    """A section of the configuration as repeated `--flag name=value`, without null."""
    return [
        word
        for name, value in section.items()
        if value is not None
        for word in (flag, f"{name}={value if isinstance(value, str) else json.dumps(value)}")
    ]


def braces(names: Collection[str]) -> str:
    """Names as a brace expansion of bash, which multiplies out: one argument of `bash -c` holds 128 KiB at most."""
    quoted = ["'" + name.replace("'", "'\"'\"'") + "'" for name in names]  # commas too, unlike `shlex.quote`
    return f"{{{','.join(quoted)}}}" if len(quoted) > 1 else "".join(quoted)


def rerun_command(workflow) -> str:
    """The command that repeats this run from anywhere: its Snakefile, folder, configuration files and values.

    `ccc report` replaces `{folder}` with the working folder, so that a moved folder counts as the same run.
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
