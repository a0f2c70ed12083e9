"""The workflow needs no network, and no name in it is taken for a command."""

import subprocess
import sys

import pytest

from ccc.core.images import write_png

pytestmark = pytest.mark.slow


def test_no_stage_reaches_for_the_network(unbroken):
    guard = unbroken.folder / "guard/network"
    assert not guard.exists(), guard.read_text()
    for attempt in (
        "import urllib.request as r; r.urlopen('http://192.0.2.1/')",
        "import socket; socket.create_connection(('example.org', 80))",
    ):
        run = subprocess.run(
            [sys.executable, "-c", attempt], env=unbroken.environment(), capture_output=True, text=True
        )
        assert run.returncode and "no network in tests" in run.stderr
    assert len(guard.read_text().splitlines()) == 2
    guard.unlink()


HOSTILE = "$(touch pwned) `touch pwned` ; touch pwned # 'it\"s &"


def test_names_are_names(copied, astronaut):
    folder = copied.folder / HOSTILE
    names = ["-rf", "a\nb", "$(touch pwned)", "; touch pwned", 'it\'s "so" {name}', "<script>alert(1)</script>"]
    for number, name in enumerate(names):
        write_png(folder / "photographs" / f"{name.replace('/', '')}.png", astronaut[40 * number :][:64, 100:180])
    copied.configure(
        {
            "photographs": HOSTILE,
            "run": "hostile",
            "model": "results/train/tiny/ccc.safetensors",
            "data": {"source": "photographs", "validation": "photographs", "name": HOSTILE},
            "benchmarks": {"names": {"source": "photographs", "n": "all"}},
            "methods": ["gray"],
            "titles": {"gray": HOSTILE + "{dataset} <b>&"},
            "segmenter": {"parameters": {"scale": 50, "min_size": 20}},
        }
    )
    run = copied.run()
    assert run.returncode == 0, run.output
    assert not list(copied.folder.rglob("pwned"))
    pictures = {path.stem for path in (copied.folder / "results/colorized/gray/sam/names").glob("*.png")}
    assert len(pictures) == len(names) and "$(touch pwned)" in pictures
    page = (copied.folder / "reports/hostile/index.html").read_text()
    assert "<script>alert" not in page and "<b>&" not in page and "&lt;b&gt;&amp;" in page
