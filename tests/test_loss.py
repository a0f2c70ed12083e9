"""Eq. 13-16."""

import numpy as np
import pytest
import torch

from ccc.loss import ClassBalancedCrossEntropy, class_weights


def test_weights_of_equation_15():
    counts = np.array([100_000, 10_000, 1_000, 1] + [0] * 211)
    weights = class_weights(counts)
    np.testing.assert_allclose(weights[:4], [1.982, 18.3, 103.6, 214.8], rtol=2e-3)
    np.testing.assert_allclose(weights[4:], 215, rtol=1e-5)
    np.testing.assert_allclose(class_weights(torch.from_numpy(counts)).numpy(), weights, rtol=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum", "pixel_mean"])
def test_loss_equals_the_one_hot_form_as_printed(reduction):
    torch.manual_seed(0)
    logits, target = torch.randn(2, 7, 5, 4), torch.randint(0, 5, (2, 5, 4))
    counts = torch.bincount(target.reshape(-1), minlength=7).float()
    weights = counts.max() / (counts * 0.5 + counts.max() / 7)
    one_hot = torch.nn.functional.one_hot(target, 7).permute(0, 3, 1, 2).float()
    per_pixel = -(weights[target] * (one_hot * logits.softmax(1).log()).sum(1))
    expected = {
        "sum": per_pixel.sum(),
        "mean": per_pixel.sum() / weights[target].sum(),
        "pixel_mean": per_pixel.mean(),
    }[reduction]
    torch.testing.assert_close(ClassBalancedCrossEntropy(7, reduction=reduction)(logits, target), expected)


def test_a_rare_class_pulls_harder_than_a_common_one():
    target = torch.zeros(1, 10, 10, dtype=torch.long)
    target[0, 0, 0] = 1
    logits = torch.zeros(1, 3, 10, 10, requires_grad=True)
    ClassBalancedCrossEntropy(3)(logits, target).backward()
    pull = -logits.grad
    assert pull[0, 1, 0, 0] > 2 * pull[0, 0, 5, 5]


@pytest.mark.parametrize("wrong", [{"reduction": "average"}, {"upsilon": 0}, {"upsilon": 1.5}, {"phi": -1}])
def test_wrong_factors_are_refused_at_once(wrong):
    with pytest.raises(ValueError):
        ClassBalancedCrossEntropy(215, **wrong)


def test_nothing_counted():
    with pytest.raises(ValueError, match="all zero"):
        class_weights(np.zeros(215))
