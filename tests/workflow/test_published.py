"""Replicas of all published weight files, from one mirror through the whole workflow: nine methods, ten pictures."""

import csv
import hashlib
import subprocess
import sys

import pytest
import replicas
import yaml
from skimage import data

from ccc.assets import weights
from ccc.core.images import write_png

pytestmark = pytest.mark.slow

METHODS = ["ccc", "cic", "zhang", "su", "deoldify", "ddcolor", "larsson", "iizuka", "gain"]


@pytest.fixture
def mirrored(checkout, server):
    """A checkout whose catalogue has the sizes and checksums of the replicas, which the server mirrors."""
    project = checkout("published")
    project.weights = project.folder / "weights"
    catalogue = project.folder / "ccc/assets/weights.yaml"
    known = yaml.safe_load(catalogue.read_text())
    for name, facts in known.items():
        path = replicas.write(name, project.folder)
        server.files[path.name] = content = path.read_bytes()
        path.unlink()
        facts |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "at_least": None, "md5": None}
    catalogue.write_text(yaml.safe_dump(known))
    for number in range(10):
        picture = (data.astronaut, data.coffee, data.chelsea, data.rocket)[number % 4]()
        write_png(project.folder / f"photographs/ten/{number}.png", picture[20 * number :][:48, 100:164])
        write_png(project.folder / f"photographs/gain/ten/{number}.png", picture[20 * number :][:48, 100:164])
    return project


def test_every_file_comes_from_a_mirror_and_nine_methods_colour_ten_pictures(mirrored, server):
    environment = mirrored.environment()
    fetch = [sys.executable, "-m", "ccc", "weights", "fetch", "--all", "--from-mirror", server.address("good", "")]
    run = subprocess.run(fetch, cwd=mirrored.folder, env=environment, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    assert len(run.stdout.splitlines()) == len(weights.known()) and run.stdout.count(": sha256 as published") > 20
    mirrored.configure({
        "methods": METHODS, "model": True, "side": "keep", "metrics": ["psnr"],
        "benchmarks": {"ten": {"source": "photographs/ten", "n": "all"}},
        "baselines": {
            "deoldify": {"render_factor": 4}, "ddcolor": {"model": "tiny", "input_size": 256},
            "gain": {"folder": "photographs/gain"},
        },
        "harmonize": {"enabled": False},
    })  # fmt: skip
    run = mirrored.run()
    assert run.returncode == 0, run.output
    for method in METHODS:
        assert len(list((mirrored.folder / f"results/colorized/{method}/plain/ten").glob("*.png"))) == 10, method
    page = (mirrored.folder / "reports/tiny/index.html").read_text()
    for title in ("CIC", "Zhang et al.", "Su et al.", "DeOldify", "DDColor (tiny)", "Larsson et al.", "Iizuka et al."):
        assert title in page, title
    with open(mirrored.folder / "reports/tiny/tables/results.csv", newline="") as file:
        measured = [
            (row["method"], row["image"]) for row in csv.DictReader(file) if row["metric"] == "psnr" and row["value"]
        ]
    assert {(method, str(number)) for method in METHODS for number in range(10)} <= set(measured)
