"""Learning-rate schedules and the running mean of weights."""

import pytest
import torch

from ccc.training.schedule import RunningMean, learning_rate


def test_the_papers_rate_is_constant():
    assert {learning_rate(step, 100) for step in range(100)} == {1.0}


@pytest.mark.parametrize("schedule", ["cosine", "cooldown"])
def test_others_grow_stay_below_one_and_end_near_zero(schedule):
    rates = [learning_rate(step, 100, schedule, warmup=10) for step in range(100)]
    assert rates[:10] == sorted(rates[:10]) and rates[10:] == sorted(rates[10:], reverse=True)
    assert max(rates) == rates[10] == 1 and 0 < min(rates) == rates[-1] < 0.05 and rates[0] == pytest.approx(1 / 11)


def test_cooldown_is_constant_before_it():
    rates = [learning_rate(step, 100, "cooldown", cooldown=0.2) for step in range(100)]
    assert rates[:81] == [1] * 81 and rates[90] == pytest.approx(0.5)


def test_the_running_mean_forgets_its_start_and_follows():
    network, source = torch.nn.BatchNorm1d(2), torch.nn.BatchNorm1d(2)
    mean = RunningMean(network, 0.9)
    torch.nn.init.constant_(source.weight, 5)
    source.num_batches_tracked += 7
    mean.update(source, step=0)
    torch.testing.assert_close(network.weight.detach(), torch.full((2,), 1 + 0.9 * 4))  # decay 1/10 at step 0
    for _ in range(300):
        mean.update(source, step=1000)
    torch.testing.assert_close(network.weight.detach(), source.weight.detach())
    assert network.num_batches_tracked == 7
