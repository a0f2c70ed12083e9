"""The CCC network (Fig. 8): torchvision encoder on gray input, convolutional decoder, logits at a quarter size."""

import json
import os
import re
from collections.abc import Mapping

import safetensors
import torch
from safetensors.torch import save
from torch import nn

import ccc._torchvision  # noqa: F401  before torchvision
from ccc import weights
from ccc.codebook import Codebook
from ccc.errors import CCCError
from ccc.files import write_bytes

ENCODERS = {"densenet121": 1024, "mobilenet_v2": 1280}  # name in torchvision: channels at 1/32 of the input


def _encoder(name: str, pretrained: bool | str | os.PathLike) -> nn.Module:
    from torchvision import models

    if name not in ENCODERS:
        raise CCCError(f"no encoder {name!r}: there are {', '.join(ENCODERS)}")
    network = models.get_model(name, weights=None)
    if pretrained:
        path = weights.locate(name, None if pretrained is True else pretrained)
        # The published DenseNet files name layers norm.1 and conv.2 that torchvision now calls norm1 and conv2.
        state = {
            re.sub(r"(denselayer\d+)\.(norm|conv)\.([12])\.", r"\1.\2\3.", key): value
            for key, value in weights.read_state_dict(path).items()
        }
        for key, value in network.state_dict().items():
            if key.endswith("num_batches_tracked"):
                state.setdefault(key, value)  # files older than torch 0.4.1 lack these counters
        weights.load_strictly(network, state, path)
    features = network.features
    first = features.conv0 if name.startswith("densenet") else features[0][0]
    gray = nn.Conv2d(1, first.out_channels, first.kernel_size, first.stride, first.padding, bias=False)
    if pretrained:
        gray.weight.data.copy_(first.weight.data.sum(dim=1, keepdim=True))  # what it gives for R = G = B
    else:
        nn.init.kaiming_normal_(gray.weight)
    if name.startswith("densenet"):
        features.conv0 = gray
    else:
        features[0][0] = gray
    return features


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class ColorClassifier(nn.Module):
    """Gray picture to colour-class logits.

    `n_classes`: size of the codebook; `encoder`: a name in `ENCODERS`; `pretrained`: True to load torchvision's
    ImageNet weights from where `ccc weights` keeps them, or a path. Raises CCCError for an unknown encoder,
    MissingWeights where the pretrained file is not at hand. Source: "Network Architecture", Fig. 8; the widths of the
    decoder are not printed there and are ours.
    """

    def __init__(self, n_classes: int = 215, encoder: str = "densenet121", pretrained: bool | str = False):
        super().__init__()
        self.n_classes, self.encoder_name = n_classes, encoder
        self.encoder = _encoder(encoder, pretrained)
        self.decoder = nn.Sequential(
            _block(ENCODERS[encoder], 512),
            nn.Upsample(scale_factor=2, mode="nearest"),
            _block(512, 256),
            nn.Upsample(scale_factor=2, mode="nearest"),
            _block(256, 128),
            nn.Upsample(scale_factor=2, mode="nearest"),
            _block(128, 128),
            nn.Conv2d(128, n_classes, 1),
        )

    def forward(self, gray: torch.Tensor) -> torch.Tensor:
        """float `(N, 1, H, W)` in [0, 1] (L / 100), sides multiples of 32, to logits `(N, n_classes, H/4, W/4)`."""
        if gray.ndim != 4 or gray.shape[1] != 1 or gray.shape[2] % 32 or gray.shape[3] % 32:
            raise ValueError(f"gray must be (N, 1, H, W) with H and W multiples of 32, got {tuple(gray.shape)}")
        features = torch.relu(self.encoder((gray - 0.449) / 0.226))  # mean and deviation of ImageNet's gray levels
        return self.decoder(features)


def class_colors(logits: torch.Tensor, codebook: Codebook, decode: str = "argmax", temperature: float = 0.38):
    """Colour of each cell.

    `logits`: float `(N, n, h, w)`; returns float32 ab `(N, 2, h, w)` in CIELAB units. `decode`: "argmax" takes the
    centre of the likeliest class (Eq. 17 and 10-11); "annealed" the mean of all centres under the softmax of
    logits / temperature (Zhang et al. 2016, Eq. 5). Raises ValueError for another `decode`.
    """
    if decode == "argmax":
        return codebook.decode(logits.argmax(dim=1)).permute(0, 3, 1, 2)
    if decode != "annealed":
        raise ValueError(f'decode must be "argmax" or "annealed", got {decode!r}')
    centers = torch.as_tensor(codebook.centers, device=logits.device)
    return torch.einsum("nkhw,kc->nchw", (logits.float() / temperature).softmax(dim=1), centers)


def save_model(path: str | os.PathLike, model: ColorClassifier, codebook: Codebook, settings: Mapping) -> None:
    """Write weights as safetensors with codebook and settings in the metadata, whole or not at all.

    Equal models give equal bytes.
    """
    metadata = {
        "format": "ccc-model-1",
        "encoder": model.encoder_name,
        "codebook": json.dumps(codebook.to_dict()),
        "settings": json.dumps(dict(settings), sort_keys=True),
    }
    state = {key: tensor.detach().cpu().contiguous() for key, tensor in model.state_dict().items()}
    write_bytes(path, _in_order(save(state, metadata)))


def _in_order(data: bytes) -> bytes:
    """The same safetensors file with its metadata in order: the library writes them in a random one."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at multiples of 8 bytes
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def load_model(path: str | os.PathLike, device: str | torch.device = "cpu"):
    """Read what `save_model` wrote: the model in eval mode, its Codebook, its settings (dict).

    Raises CCCError, naming the file, where it is missing, no safetensors file, or no CCC model, or where a weight is
    missing, left over or of another shape. float16 weights are widened to float32.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}
    except FileNotFoundError:
        raise CCCError(f"{path}: no such model; train one with `ccc train`") from None
    except (safetensors.SafetensorError, OSError) as error:
        raise CCCError(f"{path}: not a safetensors file ({error}); train the model again or fetch it again") from None
    if metadata.get("format") != "ccc-model-1":
        raise CCCError(f"{path}: a safetensors file, but not a CCC model (its metadata lack format ccc-model-1)")
    codebook = Codebook.from_dict(json.loads(metadata["codebook"]))
    model = ColorClassifier(codebook.size, metadata["encoder"])
    state = {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in state.items()}
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise CCCError(f"{path}: its weights do not fit the network: {first}") from None
    return model.eval().to(device), codebook, json.loads(metadata["settings"])
