"""Training pictures changed at random, on the device that trains: crops and lightness."""

import torch
from torch.nn import functional


def random_resized_crop(
    gray: torch.Tensor, target: torch.Tensor, side: int, least: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """A random square of each picture, enlarged or reduced to `side`, and its classes.

    `gray`: float `(N, 1, S, S)`, resampled bilinearly, so that squares much larger than `side` alias; `target`: int64
    `(N, S/4, S/4)`, of which each cell takes the class at its centre; `side`: a multiple of 4; `least`: the smallest
    square's side as a share of S, in (0, 1], whose area is drawn evenly up to the whole picture's. Returns
    `(N, 1, side, side)` and `(N, side/4, side/4)`. Draws from torch's CPU generator. Source: the crops of Szegedy et
    al. 2015, without their change of aspect.
    """
    share = (least**2 + (1 - least**2) * torch.rand(len(gray))).sqrt()
    centers = (1 - share) * (2 * torch.rand(2, len(gray)) - 1)  # x and y in [-1, 1], where the picture lies
    share, centers = share.to(gray.device), centers.to(gray.device)

    def sampled(planes: torch.Tensor, size: int, mode: str) -> torch.Tensor:
        steps = (2 * torch.arange(size, device=gray.device) + 1) / size - 1
        x, y = (share[:, None] * steps + center[:, None] for center in centers)
        grid = torch.stack(torch.broadcast_tensors(x[:, None, :], y[:, :, None]), dim=-1)
        return functional.grid_sample(planes, grid, mode=mode, padding_mode="border", align_corners=False)

    classes = sampled(target[:, None].float(), side // 4, "nearest")  # a class below 2^24 is exact
    return sampled(gray, side, "bilinear"), classes[:, 0].long()


def gamma_jitter(gray: torch.Tensor, octaves: float) -> torch.Tensor:
    """Lightness in [0, 1] to a random power of each picture, between 2^-octaves and 2^octaves: another exposure.

    `gray`: float `(N, 1, H, W)`. Draws from torch's CPU generator.
    """
    power = torch.exp2(octaves * (2 * torch.rand(len(gray), 1, 1, 1) - 1))
    return gray.clamp(0, 1) ** power.to(gray.device)
