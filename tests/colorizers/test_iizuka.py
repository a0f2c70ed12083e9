"""Iizuka 2016: what can be checked without Torch7."""

import itertools
import struct

import numpy as np
import pytest
import torch

from ccc import colorizers
from ccc.colorizers import _torch7, iizuka
from ccc.core.errors import CCCError


class Writer:
    """Torch7's binary format, for the tests: None, numbers, strings, booleans, dicts, float arrays, objects."""

    def __init__(self, file):
        self.file, self.indices, self.next, self.alive = file, {}, itertools.count(1), []

    def pack(self, code, value):
        self.file.write(struct.pack("<" + code, value))

    def text(self, value):
        self.pack("i", len(value))
        self.file.write(value.encode())

    def write(self, value):
        if value is None:
            self.pack("i", 0)
        elif isinstance(value, bool):
            self.pack("i", 5)
            self.pack("i", value)
        elif isinstance(value, int | float):
            self.pack("i", 1)
            self.pack("d", value)
        elif isinstance(value, str):
            self.pack("i", 2)
            self.text(value)
        else:
            self.pack("i", 3 if isinstance(value, dict) else 4)
            if id(value) in self.indices:
                self.pack("i", self.indices[id(value)])
                return
            self.alive.append(value)
            self.indices[id(value)] = next(self.next)
            self.pack("i", self.indices[id(value)])
            self.body(value)

    def body(self, value):
        if isinstance(value, dict):
            self.pack("i", len(value))
            for key, item in value.items():
                self.write(key)
                self.write(item)
            return
        self.text("V 1")
        if isinstance(value, _torch7.TorchObject):
            self.text(value.kind)
            self.write(value.fields)
            return
        kind = {"float32": "Float", "float64": "Double"}[value.dtype.name]
        self.text(f"torch.{kind}Tensor")
        self.pack("i", value.ndim)
        for number in (*value.shape, *(stride // value.itemsize for stride in value.strides), 1):
            self.pack("q", number)
        self.pack("i", 4)
        self.pack("i", next(self.next))
        self.text("V 1")
        self.text(f"torch.{kind}Storage")
        self.pack("q", value.size)
        value.tofile(self.file)


def write(path, value):
    with open(path, "wb") as file:
        Writer(file).write(value)


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


def test_every_truncation_is_refused(tmp_path):
    write(tmp_path / "a.t7", {"mean": 0.25, 1: _torch7.TorchObject("nn.X", {"weight": np.ones((2, 3), np.float32)})})
    whole = (tmp_path / "a.t7").read_bytes()
    for size in range(len(whole)):
        (tmp_path / "a.t7").write_bytes(whole[:size])
        with pytest.raises(CCCError):
            _torch7.read(tmp_path / "a.t7")


def published(network: iizuka.Iizuka) -> dict:
    """What the published file is described to hold: a graph of stacks, the low-level one twice."""

    def stack(name, flat=False):
        modules = []
        for child in getattr(network, name):
            if isinstance(child, torch.nn.Conv2d | torch.nn.Linear):
                weight = child.weight.detach().numpy()
                kind = "nn.Linear" if weight.ndim == 2 else "nn.SpatialConvolution"
                if flat:
                    weight, kind = weight.reshape(len(weight), -1), "nn.SpatialConvolutionMM"
                modules.append(_torch7.TorchObject(kind, {"weight": weight, "bias": child.bias.detach().numpy()}))
            elif isinstance(child, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
                if name != "fusion":
                    arrays = {key: value.numpy() for key, value in child.state_dict().items() if value.ndim}
                    modules.append(_torch7.TorchObject("nn.SpatialBatchNormalization", arrays))
            else:
                modules.append(_torch7.TorchObject(f"nn.{type(child).__name__}", {}))
        return _torch7.TorchObject("nn.Sequential", {"modules": dict(enumerate(modules, 1))})

    def node(module):
        return _torch7.TorchObject("nngraph.Node", {"data": {"module": module}, "children": {}})

    local = [stack("low"), stack("middle"), None, stack("low")]
    wide = [stack("wide", flat=True), stack("linear")]
    nodes = [node(None), *(node(module) for module in [*local, *wide, stack("fusion"), stack("color")])]
    model = _torch7.TorchObject("nn.gModule", {"forwardnodes": dict(enumerate(nodes, 1)), "verbose": False})
    return {"mean": 0.44, "model": model}


def test_parameters_shapes_file_and_pipeline(parity, keeps_sizes, tmp_path, astronaut):
    network = parity.fill(iizuka.Iizuka())
    network.mean.fill_(0.44)
    assert sum(parameter.numel() for parameter in network.parameters()) == iizuka.INFO.parameters
    with torch.inference_mode():
        assert network(torch.zeros(1, 1, 64, 40), torch.zeros(1, 1, 224, 224)).shape == (1, 2, 32, 20)
    path = tmp_path / "colornet.t7"
    write(path, published(network))
    loaded = colorizers.load("iizuka", weights=path, device="cpu")
    path.unlink()
    state = loaded.network.state_dict()
    for key, value in network.state_dict().items():
        if not key.startswith("fusion.1."):  # that BatchNorm was left out of the file: it changes nothing
            torch.testing.assert_close(state[key], value)
    torch.testing.assert_close(loaded.network.fusion[1](torch.ones(1, 256, 1, 1)), torch.ones(1, 256, 1, 1))
    keeps_sizes(loaded)


def test_file_with_another_layer_is_refused(tmp_path):
    network = iizuka.Iizuka()
    network.color[0] = torch.nn.Conv2d(256, 100, 3)
    write(tmp_path / "a.t7", published(network))
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


def test_luma_is_kept():
    luma = np.linspace(0.2, 0.8, 12).reshape(3, 4)
    ab = np.random.default_rng(0).uniform(-20, 20, (3, 4, 2))
    np.testing.assert_allclose(iizuka.recombine(luma, ab) @ [0.299, 0.587, 0.114], luma, atol=1e-4)
