"""What one step does with the settings: rates, moments of Adam, clipping, and the precision of the network."""

import numpy as np
import pytest
import torch

from ccc.codebook import Codebook
from ccc.settings.training import Recipe
from ccc.training.distributed import Ranks
from ccc.training.learner import Learner


def learner_of(**settings):
    counts = np.zeros(400, np.int64)
    counts[[209, 210, 211]] = 1000
    recipe = Recipe(encoder="mobilenet_v2", decoder="skip", **settings)
    return Learner(recipe, Codebook.fit(counts), Ranks(0, 1, torch.device("cpu")))


def batch():
    torch.manual_seed(0)
    return torch.rand(2, 1, 32, 32), torch.randint(0, 3, (2, 8, 8))


def test_encoder_and_decoder_move_at_their_rates_of_the_step():
    settings = {"learning_rate": 0.01, "encoder_rate": 0.1, "beta1": 0.6, "beta2": 0.98, "warmup": 4}
    learner = learner_of(**settings)
    parts = learner.model.encoder, learner.model.decoder
    before = [[p.detach().clone() for p in part.parameters()] for part in parts]
    learner.learn(2, *batch())
    rates = [0.01 * 0.1 * 3 / 5, 0.01 * 3 / 5]  # the third of four steps of warm-up
    assert [group["lr"] for group in learner.optimizer.param_groups] == pytest.approx(rates)
    assert {group["betas"] for group in learner.optimizer.param_groups} == {(0.6, 0.98)}
    for part, old, rate in zip(parts, before, rates, strict=True):  # Adam's first step is the rate, by sign
        moves = [float((p.detach() - q).abs().max()) for p, q in zip(part.parameters(), old, strict=True)]
        assert max(moves) == pytest.approx(rate, rel=0.01)
    weight = learner.model.decoder.head.weight
    state = learner.optimizer.state[weight]
    torch.testing.assert_close(state["exp_avg"], 0.4 * weight.grad)
    torch.testing.assert_close(state["exp_avg_sq"], 0.02 * weight.grad**2)


@pytest.mark.parametrize("most", [0.0, 0.01])
def test_the_gradient_is_no_longer_than_asked_for(most):
    learner = learner_of(gradient_clipping=most)
    learner.learn(0, *batch())
    norm = torch.stack([p.grad.norm() for p in learner.model.parameters()]).norm()
    assert norm == pytest.approx(0.01, rel=1e-3) if most else norm > 0.1


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_only_the_network_computes_in_the_precision(precision):
    learner, seen = learner_of(precision=precision), []
    learner.model.decoder.head.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    loss = learner.learn(0, *batch())
    assert seen == [getattr(torch, precision)] and loss.dtype == torch.float32
    assert {p.dtype for p in learner.model.parameters()} == {p.grad.dtype for p in learner.model.parameters()}
    assert {p.dtype for p in learner.model.parameters()} == {torch.float32}
