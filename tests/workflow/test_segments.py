"""Segment Anything's path through the workflow, with its smallest network and random weights; a job that is killed."""

import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import yaml
from pycocotools.coco import COCO
from random_sam import random_checkpoint
from skimage import data

from ccc.core.images import write_png
from ccc.segment.sam import build

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
# Kills the process of `ccc segment` as the out-of-memory killer would, once it has written two pictures' masks.
KILLER = """
import os, signal
whole = os.replace
written = []
def replace(source, target):
    whole(source, target)
    if "/segments/" in str(target) and str(target).endswith(".json"):
        written.append(target)
        if len(written) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
if os.environ.get("KILL_SEGMENT"):
    os.replace = replace
"""
CELL = "results/metrics/oracle/sam/people/pixel.json"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "Snakefile", folder)
    for name in ("workflow", "ccc", "config", "profiles"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "killer").mkdir()
    (folder / "killer/sitecustomize.py").write_text(KILLER)
    for number in range(3):  # some seconds each
        write_png(folder / "photos" / f"{number}.png", data.astronaut()[100 * number :][:100, 100:240])
    random_checkpoint(partial(build, "mobile_sam"), folder / "random.pth")
    parameters = {"points_per_side": 3, "pred_iou_thresh": 0, "stability_score_thresh": 0, "box_nms_thresh": 1}
    config = {
        "run": "small",
        "data": {"source": "photos", "validation": "photos"},
        "benchmarks": {"people": {"source": "photos", "n": "all"}},
        "side": 64,
        "methods": ["oracle"],
        "metrics": ["psnr"],
        "showcase": {"enabled": False},
        "segmenter": {"name": "mobile_sam", "checkpoint": "random.pth", "parameters": parameters},
        "harmonize": {"min_pixels": 50, "mode": "joint", "order": "given", "mode_bin": 2},
    }
    (folder / "config/small.yaml").write_text(yaml.safe_dump(config))
    return folder


def snakemake(folder: Path, *arguments: str, status: int = 0, **environment: str) -> str:
    environment = os.environ | {"PYTHONPATH": f"{folder / 'killer'}:{folder}"} | environment
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = [sys.executable, "-m", "snakemake", *arguments, "--cores", "2", "--configfile", "config/small.yaml"]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    assert run.returncode == status, run.stdout + run.stderr
    return run.stdout + run.stderr


def test_random_sam_through_the_workflow_resumed_after_a_kill(checkout):
    segments = checkout / "results/segments/mobile_sam"
    assert "Error in rule segment" in snakemake(checkout, CELL, status=1, KILL_SEGMENT="yes")
    first = {path.name: path.stat().st_mtime_ns for path in (segments / "people").glob("*.json")}
    assert len(first) == 2 and not (segments / "people.json").exists()

    snakemake(checkout, CELL)
    times = {path.name: path.stat().st_mtime_ns for path in (segments / "people").glob("*.json")}
    assert len(times) == 3 and first.items() <= times.items()  # those of before the kill were not made again
    log = (checkout / "logs/segment/mobile_sam/people.log").read_text()
    assert "1 segmented, 2 there already" in log and "pictures/s on cpu" in log

    api = COCO(segments / "people.json")
    assert len(api.getImgIds()) == 3 and len(api.getAnnIds()) > 8
    assert all(api.annToMask(annotation).sum() == annotation["area"] for annotation in api.loadAnns(api.getAnnIds()))
    summary = json.loads((checkout / CELL).read_text())
    assert summary["segmenter"] == "mobile_sam" and summary["changes"]["changed_share"] > 0
    assert summary["changes"]["mean_ab_shift"] > 0


def test_a_parameter_of_algorithm_1_reruns_it_and_not_the_segmenter(checkout):
    path = checkout / "config/small.yaml"
    old = path.read_text()
    config = yaml.safe_load(old)
    config["harmonize"]["delta_a"] = 3
    path.write_text(yaml.safe_dump(config))
    try:
        output = snakemake(checkout, CELL, "-n")
        assert "\nharmonize oracle " in output and "\nsegment " not in output and "\ncolorize" not in output
    finally:
        path.write_text(old)
    config["segmenter"]["parameters"]["points_per_sid"] = 4
    path.write_text(yaml.safe_dump(config))
    try:
        assert "did you mean 'points_per_side'?" in snakemake(checkout, CELL, "-n", status=1)
    finally:
        path.write_text(old)
