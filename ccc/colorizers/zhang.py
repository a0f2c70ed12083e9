"""Real-Time User-Guided Image Colorization (Zhang et al. 2017), the release "siggraph17", without hints."""

from collections.abc import Callable

import torch
from torch import nn

from ccc.assets import weights as weight_files
from ccc.colorizers.base import Device, MethodInfo, Weights, located
from ccc.colorizers.cic import LabSquare, block

INFO = MethodInfo(
    name="zhang",
    title="Zhang et al.",
    paper="Zhang et al.: Real-Time User-Guided Image Colorization with Learned Deep Priors, SIGGRAPH 2017",
    licence="BSD-2-Clause (weights too)",
    parameters=34_187_027,
    weights=("zhang",),
    note="no hints",
)


class Trunk(nn.Module):
    """The layers of "siggraph17", also used by InstColorization's networks."""

    def __init__(self):
        super().__init__()
        self.model1 = block((4, 64, 64))
        self.model2 = block((64, 128, 128))
        self.model3 = block((128, 256, 256, 256))
        self.model4 = block((256, 512, 512, 512))
        self.model5 = block((512, 512, 512, 512), dilation=2)
        self.model6 = block((512, 512, 512, 512), dilation=2)
        self.model7 = block((512, 512, 512, 512))
        # Sequential where the published keys have ".0".
        self.model8up = nn.Sequential(nn.ConvTranspose2d(512, 256, 4, 2, 1))
        self.model3short8 = nn.Sequential(nn.Conv2d(256, 256, 3, 1, 1))
        self.model8 = block((256, 256, 256), first_relu=True)
        self.model9up = nn.Sequential(nn.ConvTranspose2d(256, 128, 4, 2, 1))
        self.model2short9 = nn.Sequential(nn.Conv2d(128, 128, 3, 1, 1))
        self.model9 = block((128, 128), first_relu=True)
        self.model10up = nn.Sequential(nn.ConvTranspose2d(128, 128, 4, 2, 1))
        self.model1short10 = nn.Sequential(nn.Conv2d(64, 128, 3, 1, 1))
        self.model10 = nn.Sequential(nn.ReLU(), nn.Conv2d(128, 128, 3, 1, 1), nn.LeakyReLU(0.2))
        self.model_class = nn.Sequential(nn.Conv2d(256, 529, 1))  # auxiliary head of training, not used for ab
        self.model_out = nn.Sequential(nn.Conv2d(128, 2, 1), nn.Tanh())

    def trunk(
        self, x: torch.Tensor, at: Callable[[str, torch.Tensor], torch.Tensor] = lambda name, feature: feature
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(L-50)/100, ab hints/110 and mask, `(N, 4, H, W)`, to ab/110, `(N, 2, H, W)`, and conv8_3.

        `at(name, feature)` is called with each of the 13 features; its return value replaces the feature.
        """
        halved = (slice(None), slice(None), slice(None, None, 2), slice(None, None, 2))
        conv1 = at("conv1_2", self.model1(x))
        conv2 = at("conv2_2", self.model2(conv1[halved]))
        conv3 = at("conv3_3", self.model3(conv2[halved]))
        deep = at("conv4_3", self.model4(conv3[halved]))
        deep = at("conv5_3", self.model5(deep))
        deep = at("conv6_3", self.model6(deep))
        deep = at("conv7_3", self.model7(deep))
        conv8 = at("conv8_3", self.model8(at("conv8_up", self.model8up(deep) + self.model3short8(conv3))))
        conv9 = at("conv9_3", self.model9(at("conv9_up", self.model9up(conv8) + self.model2short9(conv2))))
        conv10 = at("conv10_2", self.model10(at("conv10_up", self.model10up(conv9) + self.model1short10(conv1))))
        return self.model_out(conv10), conv8


class Siggraph17(Trunk):
    """L in [0, 100], float `(N, 1, H, W)`, to ab in CIELAB units, float `(N, 2, H, W)`; H and W multiples of 8."""

    def forward(self, gray: torch.Tensor) -> torch.Tensor:
        no_hints = gray.new_zeros(gray.shape[0], 3, *gray.shape[2:])
        return 110 * self.trunk(torch.cat([(gray - 50) / 100, no_hints], dim=1))[0]


def load(weights: Weights = None, device: Device = None) -> LabSquare:
    """Zhang 2017 with its published weights, or those in the file `weights`; see `ccc.colorizers.load`."""
    path, untrained = located(INFO, weights), Siggraph17()
    weight_files.load_state_dict(path, untrained)
    return LabSquare(untrained, device)
