"""Metrics of pyiqa run with their own weights or not at all."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from skimage import data as shipped

import ccc.core.torchvision_ops  # noqa: F401  before torchvision
from ccc.core.errors import CCCError, MissingWeights
from ccc.core.images import write_png
from ccc.metrics import foreign
from ccc.metrics.evaluate import evaluate
from ccc.metrics.pair import Pair

LPIPS = """
import sys, numpy as np
from ccc.metrics import foreign
from ccc.metrics.pair import Pair
pictures = np.load(sys.argv[1])
print(foreign.value_of(Pair(pictures["coffee_gray__test"], pictures["coffee_gray__ref"]), foreign.load("lpips")))
"""


# Imports nothing of what pyiqa asks for and the container (Dockerfile) leaves out.
WITHOUT = """
import sys
from ccc.metrics import foreign, fsimc, vsi
from skimage import data

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1:]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
truth = data.astronaut()[:128, :128]
print(fsimc(truth // 2, truth), vsi(truth // 2, truth))
for name in ("gmsd", "ssimc", "vif"):
    foreign.load(name)
try:
    foreign.load("clipiqa")
except foreign.MissingWeights as error:
    print(error)
"""
LEFT_OUT = """
accelerate addict bitsandbytes clip datasets dill einops facexlib filterpy ftfy future multiprocess pre_commit pytest
regex ruff sentencepiece tokenizers transformers xxhash yapf
""".split()


@pytest.fixture
def home(tmp_path, shared):
    """A TORCH_HOME with the trunk of LPIPS-alex, where pyiqa looks for it; the heads are left to the test."""
    from torchvision.models import alexnet

    state = alexnet().state_dict()
    trunk = torch.load(shared("weights/alexnet_features.pth"), weights_only=True)
    state |= {f"features.{key.removeprefix('features.')}": value for key, value in trunk.items()}
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    (tmp_path / "hub/pyiqa").mkdir()
    torch.save(state, tmp_path / "hub/checkpoints/alexnet-owt-7be5be79.pth")
    return tmp_path


def heads():
    import lpips

    folder = os.path.join(os.path.dirname(lpips.__file__), "weights/v0.1/alex.pth")
    return torch.load(folder, map_location="cpu", weights_only=True)


def run_lpips(home, pictures):
    environment = os.environ | {"TORCH_HOME": str(home)}
    return subprocess.run([sys.executable, "-c", LPIPS, str(pictures)], env=environment, capture_output=True, text=True)


def test_classic_metrics_need_nothing_that_the_container_leaves_out():
    values = []
    for absent in ([], LEFT_OUT):
        run = subprocess.run([sys.executable, "-c", WITHOUT, *absent], capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        values.append(run.stdout.splitlines())
    assert values[0][0] == values[1][0]
    assert "pyiqa:clipiqa cannot be loaded here (ModuleNotFoundError: No module named" in values[1][1]


def test_with_its_weights_it_gives_pyiqas_value(home, shared):
    torch.save(heads(), home / "hub/pyiqa/LPIPS_v0.1_alex-df73285e.pth")
    found = run_lpips(home, shared("goldens/image_pairs.npz"))
    assert float(found.stdout) == pytest.approx(0.4030, abs=1e-4), found.stderr


def test_a_file_of_other_keys_is_refused_and_not_replaced_by_chance(home, shared):
    # pyiqa itself takes it (strict=False) and prints -0.028 or so.
    torch.save(
        {f"wrong.{key}": value for key, value in heads().items()}, home / "hub/pyiqa/LPIPS_v0.1_alex-df73285e.pth"
    )
    found = run_lpips(home, shared("goldens/image_pairs.npz"))
    assert found.returncode and "pyiqa:lpips would run with a random lin" in found.stderr


def test_nothing_is_fetched_and_the_reason_says_what_is_wanted(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(MissingWeights, match=r"^no weights: pyiqa:musiq cannot be loaded here \(put https://.*at "):
        foreign.load("musiq")
    assert torch.hub.download_url_to_file.__module__ == "torch.hub", "what was replaced is back"
    assert torch.nn.Module.load_state_dict.__name__ == "load_state_dict" and torch.load.__name__ == "load"


def test_it_is_a_column_like_any_other(tmp_path):
    for name, picture in (("a", shipped.astronaut()), ("b", shipped.coffee())):
        write_png(tmp_path / f"truth/{name}.png", picture[:64, :64])
        write_png(tmp_path / f"gray/{name}.png", np.repeat(picture[:64, :64, 1:2], 3, axis=2))
    found = evaluate(tmp_path / "gray", tmp_path / "truth", ["pyiqa:gmsd", "mse", "pyiqa:psnr", "pyiqa:musiq"])
    assert list(found.rows[0]) == ["name", "width", "height", "mse", "pyiqa:gmsd", "pyiqa:psnr", "pyiqa:musiq"]
    for row in found.rows:
        assert row["pyiqa:psnr"] == pytest.approx(-10 * np.log10(row["mse"] + 1e-8), rel=1e-5)
    assert (
        found.summary["directions"]["pyiqa:gmsd"] == "lower" and found.summary["directions"]["pyiqa:psnr"] == "higher"
    )
    assert found.summary["versions"]["pyiqa:gmsd"].startswith("pyiqa ")
    assert list(found.summary["missing"]) == ["pyiqa:musiq"] and found.summary["mean"]["pyiqa:musiq"] is None


def test_other_names_are_refused():
    with pytest.raises(CCCError, match="pyiqa has no metric 'musik': did you mean 'musiq'"):
        foreign.load("musik")
    with pytest.raises(CCCError, match="pyiqa:fid measures whole sets"):
        foreign.load("fid")


def test_a_picture_that_pyiqa_refuses_has_no_value_and_its_reason_is_logged_once(capsys):
    small = np.zeros((3, 3, 3), np.uint8)
    foreign._log_once.cache_clear()
    for _ in range(2):
        assert np.isnan(foreign.value_of(Pair(small, small), foreign.load("ssimc")))
    assert capsys.readouterr().err.count("pyiqa:ssimc has no value (RuntimeError: ") == 1
