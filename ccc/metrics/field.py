"""The field's protocol: metrics that papers report for pictures of 256x256, and a row for their tables."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ccc.core.errors import CCCError
from ccc.core.latex import escaped
from ccc.metrics.folders import Match, manifest
from ccc.metrics.registry import find

SIDE = 256
PROTOCOLS = {  # as `ccc prepare --protocol` makes them
    "center_crop": "the middle square of each picture, scaled to 256x256",
    "squash": "each picture scaled to 256x256, whatever its aspect",
}
METRICS = (
    "fid_2048", "fid_2048_clean", "fid_2048_torchvision", "colorfulness_abs", "delta_colorfulness_abs_of_means",
    "colorfulness", "delta_colorfulness", "psnr", "ssim", "lpips_alex", "lpips_vgg",
)  # fmt: skip
_ARROWS = {"lower": r" $\downarrow$", "higher": r" $\uparrow$", None: ""}


def check(protocol: str, matches: Sequence[Match], truth: str | os.PathLike) -> None:
    """Raise CCCError for pictures of another size than 256x256 or made by another protocol.

    `truth`: their folder; where `ccc prepare` made it, the manifest beside it says by which.
    """
    wrong = [match.name for match in matches if (match.width, match.height) != (SIDE, SIDE)]
    if wrong:
        raise CCCError(
            f"{len(wrong)} of {len(matches)} pictures are not {SIDE}x{SIDE}, {wrong[0]} for one: `ccc prepare "
            f"PHOTOGRAPHS -o FOLDER -n all --protocol {protocol}` brings them to it; then colour FOLDER/gray"
        )
    if (made := stated(truth)) and made != protocol:
        raise CCCError(f"{_around(truth) / 'manifest.csv'}: the pictures were made by {made}, not by {protocol}")


def stated(truth: str | os.PathLike) -> str:
    """The protocol by which `ccc prepare` made the pictures of a folder; "" where no manifest beside it names one."""
    return ", ".join(sorted({row.get("protocol") or "" for row in manifest(_around(truth))}))


def _around(folder: str | os.PathLike) -> Path:
    return Path(os.path.abspath(folder)).parent  # not where a link leads


def latex(protocol: str, summary: Mapping, title: str) -> str:
    """The row of a LaTeX table, under a comment that names protocol, pictures and columns; n/a for a missing value.

    `summary`: of `ccc.metrics.evaluate.Evaluation`; `title`: what to call the method.
    """
    titles, values = [], []
    for name in METRICS:
        fact, value = find(name), summary["set"].get(name, summary["mean"].get(name))
        titles.append(fact.title + _ARROWS[fact.direction])
        values.append("n/a" if value is None else f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}")
    return (
        f"% {summary['images']:,} pictures, {protocol}: {PROTOCOLS[protocol]}\n% Method & {' & '.join(titles)} \\\\\n"
        f"{escaped(title)} & {' & '.join(values)} \\\\"
    )
