"""Eq. 13-16."""

import numpy as np
import pytest
import torch

from ccc.codebook import Codebook
from ccc.loss import ClassBalancedCrossEntropy, class_weights, rebalancing_weights


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


@pytest.mark.parametrize("balance", ["cbce", "inverse", "none"])
def test_the_loss_waits_for_no_value_of_the_device(balance):
    """A GPU would stand still for one; tensors of the device `meta` have none."""
    logits, target = torch.zeros(2, 7, 5, 4, device="meta"), torch.zeros(2, 5, 4, dtype=torch.int64, device="meta")
    assert ClassBalancedCrossEntropy(7, balance=balance)(logits, target).shape == ()


def test_a_rare_class_pulls_harder_than_a_common_one():
    target = torch.zeros(1, 10, 10, dtype=torch.long)
    target[0, 0, 0] = 1
    logits = torch.zeros(1, 3, 10, 10, requires_grad=True)
    ClassBalancedCrossEntropy(3)(logits, target).backward()
    pull = -logits.grad
    assert pull[0, 1, 0, 0] > 2 * pull[0, 0, 5, 5]


@pytest.mark.parametrize(
    "wrong",
    [{"reduction": "average"}, {"balance": "even"}, {"balance": "cic"}, {"upsilon": 0}, {"upsilon": 1.5}, {"phi": -1}],
)
def test_wrong_factors_are_refused_at_once(wrong):
    with pytest.raises(ValueError):
        ClassBalancedCrossEntropy(215, **wrong)


def test_nothing_counted():
    with pytest.raises(ValueError, match="all zero"):
        class_weights(np.zeros(215))


@pytest.mark.parametrize("reduction", ["mean", "sum", "pixel_mean"])
def test_unbalanced_is_plain_cross_entropy(reduction):
    torch.manual_seed(0)
    logits, target = torch.randn(2, 7, 5, 4), torch.randint(0, 5, (2, 5, 4))
    plain = torch.nn.functional.cross_entropy(logits, target, reduction="sum" if reduction == "sum" else "mean")
    torch.testing.assert_close(ClassBalancedCrossEntropy(7, reduction=reduction, balance="none")(logits, target), plain)


def test_inverse_weights_give_every_class_of_the_batch_the_same_say():
    loss = ClassBalancedCrossEntropy(4, balance="inverse")
    counts = torch.tensor([60, 30, 10, 0])
    weights = loss.weights(counts)
    torch.testing.assert_close(weights[:3] * counts[:3], torch.full((3,), 60.0))
    assert weights[3] == 60  # absent: finite, and multiplies no target


def test_the_balances_lie_between_none_and_inverse():
    counts = torch.tensor([100_000, 1_000, 10])
    spread = {}
    for name, upsilon in (("none", 0.5), ("cbce", 0.1), ("cbce", 0.5), ("cbce", 1.0), ("inverse", 0.5)):
        weights = ClassBalancedCrossEntropy(3, upsilon, phi=1 / 215, balance=name).weights(counts)
        spread[name, upsilon] = float(weights[2] / weights[0])
    assert list(spread.values()) == sorted(spread.values()) and len(set(spread.values())) == 5


def test_rebalancing_of_colorful_image_colorization():
    """Zhang et al. 2016: mean weight 1 under the smoothed shares; rare colours weigh more, within 2 / even share."""
    counts = np.zeros(400, np.int64)
    counts[[209, 210, 211, 250]] = 5_000, 90_000, 4_990, 10
    book = Codebook.fit(counts, 10)
    weights = rebalancing_weights(book)
    assert weights.dtype == np.float32 and weights.argmin() == 1 and weights.argmax() == 3
    centers = book.centers.astype(np.float64)
    kernel = np.exp(-((centers[:, None] - centers) ** 2).sum(-1) / 50)
    smooth = kernel / kernel.sum(0) @ (book.counts[book.active] / 100_000)
    assert (smooth * weights).sum() == pytest.approx(1)
    raw = 1 / (0.5 * smooth + 0.5 / 4)
    np.testing.assert_allclose(weights / weights[0], raw / raw[0], rtol=1e-5)
    assert rebalancing_weights(book, mixture=1.0) == pytest.approx(np.ones(4))
