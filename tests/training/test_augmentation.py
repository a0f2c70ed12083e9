"""Training pictures changed at random: picture and classes alike, within bounds, the same again by the same seed."""

import torch

from ccc.training.augmentation import gamma_jitter, random_resized_crop


def ramps(count: int, side: int = 64):
    """Pictures whose lightness is the column, and classes that number the cells."""
    columns = (torch.arange(side) + 0.5) / side
    cells = torch.arange((side // 4) ** 2).reshape(side // 4, side // 4)
    return columns.expand(count, 1, side, side).contiguous(), cells.repeat(count, 1, 1)


def test_the_classes_of_resized_crops_lie_where_the_picture_does():
    torch.manual_seed(0)
    for turned in (False, True):
        gray, target = ramps(40)
        if turned:
            gray = gray.transpose(2, 3)
        crops, classes = random_resized_crop(gray, target, 48, 0.4)
        assert crops.shape == (40, 1, 48, 48) and classes.shape == (40, 12, 12) and classes.dtype == torch.int64
        seen = crops[:, 0].reshape(40, 12, 4, 12, 4).mean(dim=(2, 4)) * 16  # in cells
        told = (classes // 16 if turned else classes % 16) + 0.5
        inside = (seen > 0.6) & (seen < 15.4)  # beyond the outermost pixel's centre the ramp ends
        assert ((seen - told).abs()[inside] <= 0.51).all()


def test_random_resized_crops_keep_to_their_bounds():
    torch.manual_seed(0)
    gray, target = ramps(400)
    crops, _ = random_resized_crop(gray, target, 64, 0.5)
    shares = (crops[:, 0, 0, -2] - crops[:, 0, 0, 1]) * 64 / 61
    assert 0.49 < shares.min() < 0.55 and 0.95 < shares.max() < 1.01
    areas = shares**2
    assert abs(areas.mean() - (1 + 0.25) / 2) < 0.03  # evenly by area
    centers = crops[:, 0, 0, 31:33].mean(dim=1)
    assert centers.min() < 0.3 and centers.max() > 0.7
    same, classes = random_resized_crop(gray, target, 64, 1.0)
    torch.testing.assert_close(same, gray)
    assert (classes == target).all()


def test_gamma_jitter_keeps_the_order_of_levels():
    torch.manual_seed(0)
    gray = torch.linspace(0, 1, 11).expand(300, 1, 1, 11)
    lit = gamma_jitter(gray, 0.5)
    assert lit.min() == 0 and lit.max() == 1 and (lit.diff(dim=-1) > 0).all()
    powers = lit[..., 5].log2() / gray[..., 5].log2()
    assert 2**-0.5 < powers.min() < 0.75 and 1.35 < powers.max() < 2**0.5
    torch.testing.assert_close(gamma_jitter(gray, 0.0), gray)
    dark = gamma_jitter(torch.tensor([-0.1, 1.1]).reshape(1, 1, 1, 2), 1.0)
    assert dark.flatten().tolist() == [0, 1]


def test_the_same_seed_draws_the_same():
    gray, target = ramps(3)
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(random_resized_crop(gamma_jitter(gray, 0.5), target, 32, 0.5))
    assert all(torch.equal(one, other) for one, other in zip(*drawn[:2], strict=True))
    assert not torch.equal(drawn[0][0], drawn[2][0])
