"""The benchmark of training measures what it says."""

import sys

import pytest
import torch

from benchmarks import train

pytestmark = pytest.mark.slow


def test_every_timed_step_runs_the_compiled_network(monkeypatch, capsys):
    """Counting what operators read and write would end the use of the compiled network, without a word."""
    calls = []

    def backend(graph, _):
        return lambda *tensors: calls.append(None) or graph.forward(*tensors)

    compiled = torch.compile
    monkeypatch.setattr(torch, "compile", lambda network: compiled(network, backend=backend))
    flags = "--device cpu --encoder mobilenet_v2 --crop 64 --batch 2 --steps 2 --compile"
    monkeypatch.setattr(sys, "argv", ["train", *flags.split()])
    train.main()
    assert len(calls) == 3 + 2 + 2  # to warm up, compute alone, end to end
    assert "bandwidth bound" in capsys.readouterr().out
