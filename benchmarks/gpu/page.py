"""The page of what the steps measured, from their JSON files."""

import json
import re
from pathlib import Path

from benchmarks.gpu.steps import GOAL

TITLES = {
    "agreement": "The CPU against the device",
    "precisions": "Training in every precision",
    "resume": "Interruption and resumption, deterministic",
    "speed": "Speed of training",
    "nccl": "One rank of a process group",
    "memory": "Too little memory (6 GiB)",
    "segment": "Segment Anything, random weights",
    "colorizers": "Colorizers, 480x360",
    "sharing": "Two jobs on one device",
    "train": "Training of the models that ship",
}
META = ("failed", "log", "seconds", "skipped")
SPEEDS = ("loader alone", "compute alone", "end to end", "peak memory", "compute bound", "bandwidth bound")


def faults(found: dict) -> list[str]:
    """What went wrong in a step: how it failed, and the figures beyond their bounds."""
    failed = [f"{name}: {value}" for name, value in found.items() if name.rpartition(": ")[2] == "failed"]
    beyond = [name for name, value in found.items() if isinstance(value, dict) and value.get("ok") is False]
    return failed + [f"{name} beyond its bound" for name in beyond]


def render(folder: Path) -> str:
    """Markdown of the JSON files in `folder`, with the `notes.md` beside them; steps without a file are "Not run"."""
    steps = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    facts = {name: value for name, value in steps.get("facts", {}).items() if name not in META}
    lines = [
        "# On a GPU", "", "Written by `python -m benchmarks.gpu --page`; do not edit.", "",
        ", ".join(f"{name} {value}" for name, value in facts.items()) or "No machine is described.", "",
        "Agreement in float32 is without TF32. A bound on a difference is a share of the values. The goal of training: "
        f"{GOAL:,} images/s end to end in bfloat16, the loader never the limit.",
    ]  # fmt: skip
    if (folder / "notes.md").exists():
        lines += ["", (folder / "notes.md").read_text().rstrip()]
    for step, title in TITLES.items():
        lines += ["", f"## {title}", ""]
        if step not in steps:
            lines.append("Not run.")
            continue
        found = steps[step]
        figures = {name: value for name, value in found.items() if name not in META}
        if figures:
            lines += _speeds(figures) if step == "speed" else _figures(figures)
        if "skipped" in found:
            lines.append(f"Skipped: {found['skipped']}.")
        if "failed" in found:
            lines += [*([""] if figures else []), f"**Failed**: {found['failed']}."]
            if found.get("log"):
                lines += ["", "```", *found["log"], "```"]
    return "\n".join(lines) + "\n"


def _figures(figures: dict) -> list[str]:
    lines = ["| what | measured | bound |", "|---|---|---|"]
    for name, value in figures.items():
        bound = ""
        if isinstance(value, dict) and "ok" in value:
            bound = f"{value['bound']:g}" + ("" if value["ok"] else ", **beyond**")
            value = f"{value['value']:.3g}"
        elif isinstance(value, dict):
            value = ", ".join(f"{key} {part}" for key, part in value.items() if key not in ("method", "batch", "size"))
        lines.append(f"| {name} | {value} | {bound} |")
    return lines


def _speeds(figures: dict) -> list[str]:
    """One row for each run of benchmarks/train.py, from the lines that it printed."""
    lines = ["| run | " + " | ".join(SPEEDS) + " |", "|---" * (len(SPEEDS) + 1) + "|"]
    for flags, text in figures.items():
        if flags.endswith(": failed"):
            reason = f"**failed**: {' '.join(text.split())} |" + " |" * (len(SPEEDS) - 1)
            lines.append(f"| `{flags.removesuffix(': failed')}` | {reason}")
            continue
        rows = {name: re.search(rf"{name} +([\d.]+ \S+)", "\n".join(text)) for name in SPEEDS}
        cells = [row[1].rstrip(";") if (row := rows[name]) else "-" for name in SPEEDS]
        lines.append(f"| `{flags}` | " + " | ".join(cells) + " |")
    return lines
