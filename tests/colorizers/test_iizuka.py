"""Iizuka 2016: what can be checked without Torch7."""

import struct

import numpy as np
import pytest
import torch
from skimage.color import lab2rgb
from torch7 import colornet, write

from ccc import colorizers
from ccc.colorizers import _torch7, iizuka
from ccc.core.errors import CCCError


def test_torch7_round_trip(tmp_path):
    tensor = np.arange(6, dtype=np.float64).reshape(2, 3)
    shared = _torch7.TorchObject("nn.Linear", {"weight": tensor, "train": False})
    write(tmp_path / "a.t7", {"mean": 0.25, "n": 3, "text": "abc", "none": None, 1: shared, 2: shared})
    value = _torch7.read(tmp_path / "a.t7")
    assert (value["mean"], value["n"], value["text"], value["none"]) == (0.25, 3, "abc", None)
    assert value[1] is value[2] and value[1].kind == "nn.Linear" and value[1].get("train") is False
    np.testing.assert_array_equal(value[1].get("weight"), tensor)


@pytest.mark.parametrize(
    "content", [b"", b"hello world, this is text", struct.pack("<ii", 3, 1) + struct.pack("<i", 9)]
)
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a.t7").write_bytes(content)
    with pytest.raises(CCCError, match="a.t7: truncated, or not a binary Torch7 file"):
        _torch7.read(tmp_path / "a.t7")


def test_a_tensor_of_impossible_steps_is_refused(tmp_path):
    write(tmp_path / "a.t7", np.ones((1, 4), np.float32))
    whole, steps = (tmp_path / "a.t7").read_bytes(), struct.pack("<qq", 4, 1)
    assert whole.count(steps) == 1
    (tmp_path / "a.t7").write_bytes(whole.replace(steps, struct.pack("<qq", 1 << 62, 1)))
    with pytest.raises(CCCError, match="a.t7: truncated, or not a binary Torch7 file"):
        _torch7.read(tmp_path / "a.t7")


def test_every_truncation_is_refused(tmp_path):
    write(tmp_path / "a.t7", {"mean": 0.25, 1: _torch7.TorchObject("nn.X", {"weight": np.ones((2, 3), np.float32)})})
    whole = (tmp_path / "a.t7").read_bytes()
    for size in range(len(whole)):
        (tmp_path / "a.t7").write_bytes(whole[:size])
        with pytest.raises(CCCError):
            _torch7.read(tmp_path / "a.t7")


def test_parameters_shapes_file_and_pipeline(parity, keeps_sizes, tmp_path, astronaut):
    network = parity.fill(iizuka.Iizuka())
    network.mean.fill_(0.44)
    assert sum(parameter.numel() for parameter in network.parameters()) == iizuka.INFO.parameters
    with torch.inference_mode():
        assert network(torch.zeros(1, 1, 64, 40), torch.zeros(1, 1, 224, 224)).shape == (1, 2, 32, 20)
    path = tmp_path / "colornet.t7"
    write(path, colornet(network, network.state_dict()))
    loaded = colorizers.load("iizuka", weights=path, device="cpu")
    path.unlink()
    state = loaded.network.state_dict()
    for key, value in network.state_dict().items():
        if not key.startswith("linear.7."):  # that BatchNorm is not in the file: it changes nothing
            torch.testing.assert_close(state[key], value)
    torch.testing.assert_close(loaded.network.linear[7](torch.ones(1, 256)), torch.ones(1, 256))
    keeps_sizes(loaded)


def test_file_with_another_layer_is_refused(tmp_path):
    network = iizuka.Iizuka()
    network.color[0] = torch.nn.Conv2d(256, 100, 3)
    write(tmp_path / "a.t7", colornet(network, network.state_dict()))
    with pytest.raises(CCCError, match=r"a.t7: layer color.0 has \(128, 256, 3, 3\).*\(100, 256, 3, 3\)"):
        iizuka.read_torch7(tmp_path / "a.t7")
    (tmp_path / "a.t7").unlink()
    write(tmp_path / "a.t7", {"weights": 1})
    with pytest.raises(CCCError, match="not the published model"):
        iizuka.read_torch7(tmp_path / "a.t7")


def test_torch7_scaling():
    plane = np.random.default_rng(0).random((6, 8))
    area_mean = plane.reshape(3, 2, 4, 2).mean((1, 3))
    np.testing.assert_allclose(iizuka.scale(plane, 3, 4), area_mean, rtol=1e-5)
    up = iizuka.scale(plane, 11, 15)
    np.testing.assert_allclose(up[[0, 0, -1, -1], [0, -1, 0, -1]], plane[[0, 0, -1, -1], [0, -1, 0, -1]], rtol=1e-5)
    np.testing.assert_allclose(up[::2, ::2], plane, rtol=1e-5)  # between corners
    np.testing.assert_allclose(iizuka.scale(plane, 5, 3).mean(), plane.mean(), rtol=1e-5)


def test_colours_that_no_rgb_has_are_not_clipped():
    """torch/image, generic/image.c, lab2rgb: a linear value below 0 goes through the straight part of sRGB's curve."""
    lab = np.array([[50.0, 100.0, -60.0], [50.0, -100.0, 60.0], [50.0, 0.0, 0.0]])
    rgb = iizuka._rgb_from_lab(lab)
    inside = lab2rgb(lab)  # of scikit-image, which clips
    assert (rgb.min(axis=1)[:2] < -0.5).all()
    np.testing.assert_allclose(rgb.clip(0, 1), inside, atol=2e-3)


def test_luma_is_kept():
    luma = np.linspace(0.2, 0.8, 12).reshape(3, 4)
    ab = np.random.default_rng(0).uniform(-20, 20, (3, 4, 2))
    np.testing.assert_allclose(iizuka.recombine(luma, ab) @ [0.299, 0.587, 0.114], luma, atol=1e-4)
