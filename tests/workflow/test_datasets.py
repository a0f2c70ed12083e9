"""Public sets as sources of a workflow: named in the configuration, read in place, never fetched by a run."""

import csv
import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import small_sets
import yaml

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = "results/benchmarks/{}/manifest.csv"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout whose catalogue describes small sets, which lie in `sets`; and a way to run Snakemake in it."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "Snakefile", folder)
    for name in ("workflow", "ccc", "config", "profiles"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    small = small_sets.write(folder / "sets")
    facts = {name: dataclasses.asdict(dataset) for name, dataset in small.items()}
    for entry in facts.values():
        del entry["name"]
    (folder / "ccc/assets/photographs.yaml").write_text(yaml.safe_dump(facts))

    def run(config: dict, *arguments: str) -> tuple[int, str]:
        base = {"run": "small", "data": {"source": "embedded", "validation": "embedded"}, "side": 32}
        (folder / "small.yaml").write_text(yaml.safe_dump(base | config))
        environment = os.environ | {"PYTHONPATH": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
        environment.pop("CCC_DATA", None)
        environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        command = [sys.executable, "-m", "snakemake", *arguments, "--cores", "2", "--configfile", "small.yaml"]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
        return done.returncode, done.stdout + done.stderr

    run.folder = folder
    return run


def test_missing_sets_stop_the_run_before_any_work_and_say_what_gets_them(checkout):
    benchmarks = {name: {"source": name} for name in ("coco", "flowers102", "imagenet")}
    status, said = checkout({"benchmarks": benchmarks})
    assert status and "benchmarks.coco.source: COCO val2017 is not at hand" in said
    assert "`ccc data fetch coco flowers102`\n" in said
    assert "sign in at image-net.org" in said and "`ccc data fetch imagenet --from FILE`" in said
    status, said = checkout({"benchmarks": benchmarks, "photographs": "/some where"})
    assert status and "`ccc data fetch coco flowers102 --data '/some where'`\n" in said
    assert not (checkout.folder / "results").exists() and not (checkout.folder / "cache/ccc").exists()


def test_the_official_part_becomes_the_benchmark(checkout):
    names = sorted(small_sets.OFFICIAL)
    config = {"photographs": "sets", "benchmarks": {name: {"source": name, "n": "all"} for name in names}}
    status, said = checkout(config, *(MANIFEST.format(name) for name in names))
    assert status == 0, said
    for name in names:
        with open(checkout.folder / MANIFEST.format(name)) as file:
            assert sorted(row["source"] for row in csv.DictReader(file)) == sorted(small_sets.OFFICIAL[name])
    status, said = checkout(config, "-n", *(MANIFEST.format(name) for name in names))
    assert "Nothing to be done" in said
    with open(checkout.folder / "sets/flowers102/setid.mat", "ab") as file:
        file.write(b" ")
    status, said = checkout(config, "-n", *(MANIFEST.format(name) for name in names))
    assert "flowers102" in said and "prepare" in said and "coco" not in said.split("Job stats")[1]


def test_a_set_whose_archive_holds_more_is_not_trained_on_by_name(checkout):
    training = {"source": "celeba", "validation": "places365-val"}
    config = {"photographs": "sets", "data": training, "benchmarks": {"coco": {"source": "coco"}}}
    status, said = checkout(config, "-n")
    assert status and "data.source: the archive of celeba holds more than CelebA test" in said
    training["source"] = "places365-val"
    status, said = checkout(config, "-n", "-p", "results/shards/train/00000.tar")
    assert status == 0 and "sets/places365-val/val_256.tar" in said, said
