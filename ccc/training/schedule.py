"""How fast weights move, and their running mean."""

import math

import torch
from torch import nn

from ccc.model import ColorClassifier
from ccc.settings.training import Recipe

RECIPE = Recipe()


def learning_rate(
    step: int,
    steps: int,
    schedule: str = RECIPE.schedule,
    warmup: int = RECIPE.warmup,
    cooldown: float = RECIPE.cooldown,
) -> float:
    """Factor on the learning rate for the step after `step` have been done, in (0, 1].

    `schedule`: "constant" (the paper's), "cosine" to zero at `steps`, or "cooldown": constant, then linear to zero over
    the last share `cooldown` of the steps; `warmup`: steps of linear growth before any of them.
    """
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if schedule == "constant":
        return 1.0
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(steps - warmup, 1)))
    return min(1.0, (steps - step) / max(cooldown * steps, 1))


class RunningMean:
    """Exponential moving mean of a network's weights and batch statistics, kept in a second network.

    `decay`: share of the old mean kept at a step; smaller at first, (1 + step) / (10 + step), so that the random start
    is forgotten.
    """

    def __init__(self, network: ColorClassifier, decay: float):
        self.network, self.decay = network, decay

    @torch.no_grad()
    def update(self, source: nn.Module, step: int) -> None:
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        mine, theirs = self.network.state_dict(), source.state_dict()
        floating = [key for key, value in mine.items() if value.is_floating_point()]
        torch._foreach_lerp_([mine[key] for key in floating], [theirs[key] for key in floating], share)
        for key in mine.keys() - set(floating):
            mine[key].copy_(theirs[key])
