"""Larsson 2016: what can be checked without Caffe."""

import numpy as np
import pytest
import torch

from ccc import colorizers
from ccc.colorizers import larsson
from ccc.core.errors import CCCError


def test_parameter_count_is_that_of_the_published_file():
    network = larsson.network_on_meta()
    assert sum(parameter.numel() for parameter in network.parameters()) == 147_041_024 == larsson.INFO.parameters
    assert network.h_fc1.weight.shape == (1024, 12_417, 1, 1)


def test_enlargement_is_caffes_bilinear_filler():
    np.testing.assert_allclose(larsson.bilinear_kernel(2)[0, 0, 1] / 0.75, [0.25, 0.75, 0.75, 0.25])
    x = torch.rand(2, 3, 5, 4)
    ours = larsson.enlarge(x, 4)
    theirs = torch.nn.functional.interpolate(x, scale_factor=4, mode="bilinear", align_corners=False)
    torch.testing.assert_close(ours[..., 2:-2, 2:-2], theirs[..., 2:-2, 2:-2])  # the same but for fading borders
    assert (ours[..., 0, :] < theirs[..., 0, :]).all()


@torch.inference_mode()
def test_network_and_pipeline(parity, astronaut):
    network = parity.fill(larsson.Larsson())
    gray = parity.draw(3, (1, 1, 64, 96))
    histograms = network(gray)
    assert histograms.shape == (1, 2, 32, 64, 96)
    torch.testing.assert_close(histograms[..., 8:-8, 8:-8].sum(dim=2), torch.ones(1, 2, 48, 80))
    # The hypercolumn written out: every part enlarged, then joined, then one convolution.
    parts = network.hypercolumn(gray)
    column = torch.cat([larsson.enlarge(part, factor) if factor > 1 else part for factor, part in parts.items()], dim=1)
    hidden = network.h_fc1(column).relu()
    heads = [larsson.enlarge(head(hidden).softmax(dim=1), 4) for head in (network.prediction_h, network.prediction_c)]
    torch.testing.assert_close(histograms, torch.stack(heads, dim=1), atol=1e-5, rtol=0)
    del column, hidden
    colorizer = larsson.LarssonColorizer(network, "cpu")
    assert colorizer.colorize(np.full((1, 600), 90, np.uint8)).shape == (1, 600, 3)
    colored = colorizer.colorize(astronaut[:70, :90])
    assert colored.shape == (70, 90, 3) and colored.dtype == np.uint8


def test_scaled_size_leaves_a_margin():
    assert larsson.LarssonColorizer.scaled_size(256, 256) == (256, 256)
    assert larsson.LarssonColorizer.scaled_size(512, 768) == (256, 384)
    assert larsson.LarssonColorizer.scaled_size(100, 1000) == (50, 500)
    assert larsson.LarssonColorizer.scaled_size(1, 3000) == (1, 500)


def test_decoding():
    one = np.eye(32)
    gray = np.array([0.5])
    flat = np.full((1, 32), 1 / 32)
    np.testing.assert_allclose(larsson.decode(flat, flat, gray), [[0.5, 0.5, 0.5]], atol=1e-6)  # no hue: no colour
    red = larsson.decode(one[:1], one[10:11], gray)[0]
    assert red[0] > red[1] and red[0] > red[2]
    assert red.mean() == pytest.approx(0.5)  # gray is kept as the mean
    assert red.max() - red.min() == pytest.approx(10.5 / 32, abs=1e-6)  # chroma: the median's bin


def test_chroma_fades_as_the_released_code_has_it():
    """autocolorize/extraction.py compares the mean over the 32 bins, not their sum, with 0.03."""
    hue, chroma = np.zeros((1, 32)), np.eye(32)[20:21]
    for opposed, resultant in ((0.0, 1.0), (0.25, 0.5), (0.4, 0.2)):
        hue[0, 0], hue[0, 16] = 1 - opposed, opposed
        rgb = larsson.decode(hue, chroma, np.array([0.5]))[0]
        assert rgb.max() - rgb.min() == pytest.approx(20.5 / 32 * min(resultant / 32 / 0.03, 1), abs=1e-6)


def test_caffe_file_round_trip(tmp_path):
    h5py = pytest.importorskip("h5py")
    conv, bias, head = np.random.rand(64, 1, 3, 3), np.random.rand(64), np.random.rand(32, 1024)
    path = tmp_path / "model.caffemodel.h5"
    with h5py.File(path, "w") as file:
        file["data/conv1_1/0"], file["data/conv1_1/1"] = conv.astype("f4"), bias.astype("f4")
        file["data/prediction_h/0"] = head.astype("f4")  # without its 1x1
        file["data/upscale/0"] = np.ones((1, 1, 4, 4), "f4")
        file.create_group("data/relu1")
    state = larsson.read_caffe(path)
    assert sorted(state) == ["conv1_1.bias", "conv1_1.weight", "prediction_h.weight"]
    np.testing.assert_allclose(state["conv1_1.weight"], conv, rtol=1e-6)
    np.testing.assert_allclose(state["prediction_h.weight"][..., 0, 0], head, rtol=1e-6)
    with h5py.File(path, "a") as file:
        file["data/fc8/0"] = np.ones((3, 4), "f4")
    with pytest.raises(CCCError, match="layer fc8 is left over"):
        larsson.read_caffe(path)


def test_truncated_and_partial_caffe_files_are_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file["data/conv1_1/0"] = np.ones((64, 1, 3, 3), "f4")
    with pytest.raises(CCCError, match="model.h5: .*Missing key.*conv1_1.bias"):
        colorizers.load("larsson", weights=path, device="cpu")
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(CCCError, match="model.h5: truncated or not HDF5"):
        colorizers.load("larsson", weights=path, device="cpu")
