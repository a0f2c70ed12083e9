"""CIC against the reference network."""

import pytest
import torch

from ccc import colorizers
from ccc.colorizers import cic
from ccc.core.errors import CCCError, MissingWeights


@pytest.fixture
def network(parity):
    return parity.fill(cic.Eccv16())


def test_names_shapes_and_parameters(parity):
    network = cic.Eccv16()
    parity.check_keys(network, "eccv16")
    assert sum(parameter.numel() for parameter in network.parameters()) == cic.INFO.parameters


@torch.inference_mode()
def test_returns_what_the_reference_returns(parity, network):
    gray = parity.draw(1234, (1, 1, 256, 256)) * 100
    parity.check_output(network(gray), "eccv16")
    logits = network.logits(gray)
    assert logits.mean().item() == pytest.approx(-0.0176122, abs=1e-6)
    assert logits.std().item() == pytest.approx(0.6232479, abs=1e-6)


def test_pipeline(parity, network, keeps_sizes):
    colorizer = cic.LabSquare(network, "cpu")
    parity.check_pipeline(colorizer, "cic")
    keeps_sizes(colorizer)


def test_lightness_of_the_picture_is_kept(parity, network, astronaut):
    from ccc.color import gray_of, lightness

    gray = gray_of(astronaut[:64, :48])
    colored = cic.LabSquare(network, "cpu").colorize(gray)
    assert abs(lightness(colored) - lightness(gray[..., None].repeat(3, axis=-1))).mean() < 1


def test_no_weights_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("CCC_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("TORCH_HOME", raising=False)
    file = "colorization_release_v2-9b330a0b.pth"
    with pytest.raises(MissingWeights, match=f"^no weights: {file} .*`ccc weights fetch cic`"):
        colorizers.load("cic")


def test_weights_of_another_network_are_refused(tmp_path):
    state = cic.Eccv16().state_dict()
    state["model4.2.weight"] = state["model4.2.weight"][:, :, :1]
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(CCCError, match=r"other.pth: .*mismatch for model4.2.weight: .*\(\[512, 512, 1, 3\]\)"):
        colorizers.load("cic", weights=tmp_path / "other.pth")
    (tmp_path / "other.pth").unlink()
