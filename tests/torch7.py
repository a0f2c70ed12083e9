"""Torch7's binary format, written: what `ccc.colorizers._torch7` reads."""

import itertools
import struct

import numpy as np
import torch

from ccc.colorizers import _torch7


class Writer:
    """Writes None, numbers, strings, booleans, dicts, float arrays and objects."""

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
        strides = [stride // value.itemsize for stride in value.strides]
        size = 1 + sum((length - 1) * stride for length, stride in zip(value.shape, strides, strict=True))
        self.text(f"torch.{kind}Tensor")
        self.pack("i", value.ndim)
        for number in (*value.shape, *strides, 1):
            self.pack("q", number)
        self.pack("i", 4)
        self.pack("i", next(self.next))
        self.text("V 1")
        self.text(f"torch.{kind}Storage")
        self.pack("q", size)
        np.lib.stride_tricks.as_strided(value, (size,), (value.itemsize,)).tofile(self.file)


def write(path, value):
    with open(path, "wb") as file:
        Writer(file).write(value)


def colornet(network: torch.nn.Module, state: dict[str, torch.Tensor]) -> dict:
    """What `colornet.t7` holds, as the programs that use it address it: a table of `mean` and an nngraph `model`.

    Nodes 4 and 5 of its forward graph are the low-level and mid-level stacks, 8 the global one up to 512 features, 9
    a linear layer, a ReLU and two Replicates; the low-level stack, which both inputs share, stands there twice.
    Sources: satoshiiizuka/siggraph2016_colorization, colorize.lua (node 9, `mean`, one output); a public Lua program
    that takes nodes 4, 5, 8 and 9 for fine-tuning. That fusion and colour follow is an assumption.
    """

    def layers(name, children, flat=False):
        for key, child in children:
            ours = {field: value for field, value in state.items() if field.startswith(f"{name}.{key}.") and value.ndim}
            arrays = {field.rsplit(".", 1)[1]: value.numpy() for field, value in ours.items()}
            if isinstance(child, torch.nn.Conv2d | torch.nn.Linear):
                kind = "nn.Linear" if arrays["weight"].ndim == 2 else "nn.SpatialConvolution"
                if flat:
                    arrays["weight"], kind = arrays["weight"].reshape(len(arrays["weight"]), -1), kind + "MM"
                arrays |= {"gradWeight": np.zeros((1, 1)), "gradBias": np.zeros(1)}
                yield _torch7.TorchObject(kind, arrays)
            elif arrays:
                yield _torch7.TorchObject("nn.SpatialBatchNormalization", arrays)
            else:
                yield _torch7.TorchObject(f"nn.{type(child).__name__}", {})

    def node(*modules):
        held = _torch7.TorchObject("nn.Sequential", {"modules": dict(enumerate(modules, 1))}) if modules else None
        return _torch7.TorchObject("nngraph.Node", {"data": {"module": held}, "children": {}})

    def stack(name, flat=False):
        return list(layers(name, getattr(network, name).named_children(), flat))

    replicates = [_torch7.TorchObject("nn.Replicate", {"nfeatures": 28, "dim": dim}) for dim in (3, 4)]
    *linear, last, _, relu = stack("linear")
    view = _torch7.TorchObject("nn.View", {"numElements": 25088})
    nodes = [
        *(node(), node(), node(), node(*stack("low")), node(*stack("middle")), node(), node(*stack("low"))),
        *(node(*stack("wide", flat=True), view, *linear), node(last, relu, *replicates)),
        *(node(_torch7.TorchObject("nn.JoinTable", {"dimension": 2})), node(*stack("fusion"), *stack("color"))),
    ]
    model = _torch7.TorchObject("nn.gModule", {"forwardnodes": dict(enumerate(nodes, 1)), "verbose": False})
    return {"mean": state["mean"].item(), "model": model}
