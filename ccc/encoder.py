"""The encoder of the CCC network: the features of a torchvision classifier, for one gray channel."""

import os
import re
from collections import OrderedDict
from collections.abc import Collection

import torch
from torch import nn

import ccc.core.torchvision_ops  # noqa: F401  before torchvision
from ccc.assets import weights
from ccc.core.errors import CCCError, did_you_mean, write_line


def build_encoder(name: str, pretrained: bool | str | os.PathLike) -> nn.Sequential:
    """The part of a torchvision classifier before its pooling, for one gray channel.

    `pretrained`: True for torchvision's ImageNet weights from where `ccc weights` keeps them, or the path of a file of
    this classifier with any number of classes, such as Places365's: it logs what it leaves out. Raises CCCError,
    with the nearest name, for one that torchvision does not have, and, naming the file and the first key, where tensors
    of these features are missing, left over or of another shape; MissingWeights where the file is not at hand.
    """
    from torchvision import models

    try:
        network = models.get_model(name, weights=None)
    except ValueError:
        hint = did_you_mean(name, models.list_models(module=models))
        raise CCCError(f"no encoder {name!r} in torchvision: {hint}densenet121 is the paper's") from None
    children = dict(network.named_children())
    names = list(children)
    if "features" in children:
        names, layers = ["features"], children["features"].named_children()
    else:  # the ResNet family: stem and layers stand before the pooling
        names = names[: names.index("avgpool")] if "avgpool" in names else []
        layers = ((child, children[child]) for child in names)
    features = nn.Sequential(OrderedDict(layers))
    if pretrained:
        path = weights.locate(name, None if pretrained is True else pretrained)
        head = children.keys() - set(names)
        for child in head:
            setattr(network, child, nn.Identity())  # its classes may be others
        _load_trunk(network, path, head, log=pretrained is not True)
    _take_gray(features, summed=bool(pretrained))
    return features


def _load_trunk(network: nn.Module, path: str | os.PathLike, head: Collection[str], log: bool) -> None:
    """Load a file without its `head`, strictly; `log` writes one line about what was left out."""
    # DataParallel begins names with "module."; older DenseNets have norm.1 and conv.2, torchvision norm1 and conv2 now.
    # The batch counters that files older than torch 0.4.1 lack are filled in by torch.
    state = {
        re.sub(r"(denselayer\d+)\.(norm|conv)\.([12])\.", r"\1.\2\3.", key.removeprefix("module.")): value
        for key, value in weights.read_state_dict(path, unwrap=("state_dict", "model")).items()
    }
    left_out = sorted({key.partition(".")[0] for key in state} & set(head))
    state = {key: value for key, value in state.items() if key.partition(".")[0] not in head}
    weights.load_strictly(network, state, path)
    if log and left_out:
        write_line(f"{path}: left out {', '.join(f'{part}.*' for part in left_out)}: its classes are not used")


def _take_gray(features: nn.Sequential, summed: bool) -> None:
    """Replace the first convolution by one of a single channel: `summed` gives what R = G = B would give."""
    for name, layer in features.named_modules():
        if isinstance(layer, nn.Conv2d):
            gray = nn.Conv2d(
                1, layer.out_channels, layer.kernel_size, layer.stride, layer.padding, bias=layer.bias is not None
            )
            if summed:
                gray.weight.data.copy_(layer.weight.data.sum(dim=1, keepdim=True))
            else:
                nn.init.kaiming_normal_(gray.weight)
            if layer.bias is not None and gray.bias is not None:
                gray.bias.data.copy_(layer.bias.data)
            features.set_submodule(name, gray)
            return


def pyramid(features: nn.Sequential, name: str) -> list[tuple[int, int]]:
    """Position in the encoder and channels of the last map at 1/4, 1/8, 1/16 and 1/32 of the input.

    Raises CCCError, naming the encoder, where it has no such maps.
    """
    last = {}
    if len(features):
        training = features.training
        features.eval()
        with torch.no_grad():
            maps = torch.zeros(1, 1, 128, 128)
            for position, layer in enumerate(features):
                maps = layer(maps)
                if maps.ndim == 4:
                    last[128 // maps.shape[2]] = (position, maps.shape[1])
        features.train(training)
    if list(last)[-4:] != [4, 8, 16, 32]:
        raise CCCError(f"{name}: its features do not end at 1/32 of the picture; take densenet121, a resnet, ...")
    return [last[stride] for stride in (4, 8, 16, 32)]
