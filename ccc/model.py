"""The CCC network (Fig. 8): torchvision encoder on gray input, convolutional decoder, logits at a quarter size."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import nn
from torch.nn import functional

import ccc.core.torchvision_ops  # noqa: F401  before torchvision
from ccc.assets import PUBLISHED
from ccc.assets.weights import load_strictly
from ccc.codebook import Codebook
from ccc.core.errors import CCCError, few
from ccc.core.files import safetensors_metadata, write_bytes
from ccc.core.stored import reading
from ccc.encoder import build_encoder, pyramid
from ccc.loss import expected_weights
from ccc.settings.decoding import DECODES, PAPERS_DECODING
from ccc.settings.training import DECODERS, Recipe, model_settings

from torchvision.ops import Conv2dNormActivation  # isort: skip  3x3 convolution, BatchNorm, ReLU

RECIPE = Recipe()
SOFTNESS = 0.3  # CIEDE2000: candidates whose expected errors differ by less are averaged


class SkipDecoder(nn.Module):
    """Decoder with skip connections from the encoder's maps at 1/16, 1/8 and 1/4 (Ronneberger et al. 2015).

    Edges stay in place. Less computation than the plain decoder after mobilenet_v2, more after encoders with wide maps,
    such as densenet121. Not in the paper.
    """

    def __init__(self, channels: Sequence[int], n_classes: int):
        super().__init__()
        quarter, eighth, sixteenth, deepest = channels
        self.top = Conv2dNormActivation(deepest, 256, kernel_size=1)
        widths = ((256 + sixteenth, 128), (128 + eighth, 96), (96 + quarter, 96))
        self.blocks = nn.ModuleList(Conv2dNormActivation(inputs, outputs) for inputs, outputs in widths)
        self.head = nn.Conv2d(96, n_classes, 1)

    def forward(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """Encoder maps from 1/4 to 1/32 to logits at 1/4."""
        x = self.top(maps[-1])
        for block, skipped in zip(self.blocks, maps[-2::-1], strict=True):
            x = block(torch.cat([functional.interpolate(x, scale_factor=2.0, mode="nearest"), skipped], dim=1))
        return self.head(x)


class ColorClassifier(nn.Module):
    """Gray picture to colour-class logits.

    `n_classes`: size of the codebook; `encoder`: a torchvision classifier whose features end at 1/32 of the picture;
    `pretrained`: a path, or True for torchvision's ImageNet weights in the folder of `ccc weights`; `decoder`: "plain"
    (the paper's) or "skip" (`SkipDecoder`). Raises CCCError for an unknown encoder or decoder, MissingWeights for a
    missing pretrained file. Source: "Network Architecture", Fig. 8, which omits the decoder's widths; these are ours.
    """

    def __init__(
        self,
        n_classes: int = 215,
        encoder: str = RECIPE.encoder,
        pretrained: bool | str = RECIPE.pretrained,
        decoder: str = RECIPE.decoder,
    ):
        super().__init__()
        if decoder not in DECODERS:
            raise CCCError(f"no decoder {decoder!r}: there are {', '.join(DECODERS)}")
        self.n_classes, self.encoder_name, self.decoder_name = n_classes, encoder, decoder
        self.encoder = build_encoder(encoder, pretrained)
        maps = pyramid(self.encoder, encoder)
        self.taps = [position for position, _ in maps]
        channels = [count for _, count in maps]
        if decoder == "skip":
            self.decoder = SkipDecoder(channels, n_classes)
        else:
            self.decoder = nn.Sequential(
                Conv2dNormActivation(channels[-1], 512),
                nn.Upsample(scale_factor=2, mode="nearest"),
                Conv2dNormActivation(512, 256),
                nn.Upsample(scale_factor=2, mode="nearest"),
                Conv2dNormActivation(256, 128),
                nn.Upsample(scale_factor=2, mode="nearest"),
                Conv2dNormActivation(128, 128),
                nn.Conv2d(128, n_classes, 1),
            )

    def forward(self, gray: torch.Tensor) -> torch.Tensor:
        """float `(N, 1, H, W)` in [0, 1] (L / 100), sides multiples of 32, to logits `(N, n_classes, H/4, W/4)`."""
        if gray.ndim != 4 or gray.shape[1] != 1 or gray.shape[2] % 32 or gray.shape[3] % 32:
            raise ValueError(f"gray must be (N, 1, H, W) with H and W multiples of 32, got {tuple(gray.shape)}")
        maps = []
        x = (gray - 0.449) / 0.226  # mean and deviation of ImageNet's gray levels
        for position, layer in enumerate(self.encoder):
            x = layer(x)
            if position in self.taps:
                maps.append(x)
        maps[-1] = torch.relu(maps[-1])
        return self.decoder(maps if self.decoder_name == "skip" else maps[-1])


def adjusted(logits: torch.Tensor, codebook: Codebook, settings: Mapping, share: float) -> torch.Tensor:
    """Returns the logits with a share of the class balancing of training removed.

    `logits`: float `(N, n, h, w)`; `settings`: of the model's file. A network trained with class weights predicts
    each class's likelihood times its weight. `share` 1 divides by the weight (`expected_weights`), 0 leaves the logits
    as trained. Source: Menon et al.: Long-tail learning via logit adjustment, 2021.
    """
    if not share:
        return logits
    weights = expected_weights(codebook, settings["balance"], settings["upsilon"], settings.get("phi"))
    return logits - share * torch.from_numpy(weights).log().to(logits.device)[None, :, None, None]


class ClassColors(nn.Module):
    """Colour of each cell: float logits `(N, n, h, w)` to float32 ab `(N, 2, h, w)` in CIELAB units.

    `decode`: "argmax", the centre of the likeliest class (Eq. 17 and 10-11); "annealed", the mean of all centres under
    the softmax of logits / `temperature` (Zhang et al. 2016, Eq. 5); "ciede2000", the colour of (nearly) least expected
    CIEDE2000 (Sharma et al. 2005) to the truth under that softmax (ours). `chroma`: factor on the result.
    Raises ValueError for another `decode`.
    """

    centers: torch.Tensor
    candidates: torch.Tensor
    errors: torch.Tensor

    def __init__(
        self,
        codebook: Codebook,
        decode: str = PAPERS_DECODING["decode"],
        temperature: float = PAPERS_DECODING["temperature"],
        chroma: float = PAPERS_DECODING["chroma"],
    ):
        super().__init__()
        if decode not in DECODES:
            raise ValueError(f"decode must be one of {', '.join(DECODES)}, got {decode!r}")
        self.decode, self.temperature, self.chroma = decode, temperature, chroma
        self.register_buffer("centers", torch.from_numpy(codebook.centers))
        if decode == "ciede2000":
            candidates, errors = _candidates(codebook.centers, codebook.grid.alpha)
            self.register_buffer("candidates", torch.from_numpy(candidates))
            self.register_buffer("errors", torch.from_numpy(errors))

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        if self.decode == "argmax":
            return self.chroma * self.centers[logits.argmax(dim=1)].permute(0, 3, 1, 2)
        shares = (logits.float() / self.temperature).softmax(dim=1)
        if self.decode == "annealed":
            return self.chroma * torch.einsum("nkhw,kc->nchw", shares, self.centers)
        expected = torch.einsum("nkhw,mk->nmhw", shares, self.errors)
        near_least = (-expected / SOFTNESS).softmax(dim=1)  # interpolates candidates of similar error
        return self.chroma * torch.einsum("nmhw,mc->nchw", near_least, self.candidates)


def _candidates(centers: np.ndarray, side: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns candidate colours, float32 `(m, 2)`, the centres, edges and corners of the classes' bins, and their
    CIEDE2000 to every centre, float32 `(m, n)`, which at equal lightness does not depend on it."""
    from skimage.color import deltaE_ciede2000

    steps = np.array([(a, b) for a in (-0.5, 0, 0.5) for b in (-0.5, 0, 0.5)], np.float32) * side
    candidates = np.unique((centers[:, None] + steps).reshape(-1, 2), axis=0)
    lab = [np.insert(ab.astype(np.float64), 0, 50, axis=-1) for ab in (candidates[:, None], centers[None])]
    return candidates, deltaE_ciede2000(*lab).astype(np.float32)


def class_colors(
    logits: torch.Tensor, codebook: Codebook, decode: str = "argmax", temperature: float = 0.38
) -> torch.Tensor:
    """Logits `(N, n, h, w)` to the colour of each cell, float32 ab `(N, 2, h, w)` in CIELAB units: `ClassColors`."""
    return ClassColors(codebook, decode, temperature).to(logits.device)(logits)


def save_model(
    path: str | os.PathLike, model: ColorClassifier, codebook: Codebook, settings: Mapping, half: bool = False
) -> None:
    """Write weights as safetensors, codebook and settings in its metadata, atomically; equal models give equal bytes.

    `half`: kernels as float16, half the size; `load_model` converts them to float32.
    """
    metadata = {
        "format": "ccc-model-1",
        "encoder": model.encoder_name,
        "decoder": model.decoder_name,
        "codebook": json.dumps(codebook.to_dict()),
        "settings": json.dumps(dict(settings), sort_keys=True),
    }
    state = {key: tensor.detach().cpu().contiguous() for key, tensor in model.state_dict().items()}
    if half:
        state = {key: tensor.half() if tensor.ndim > 1 else tensor for key, tensor in state.items()}
    write_bytes(path, _in_order(save(state, metadata)))


def _in_order(data: bytes) -> bytes:
    """Returns the safetensors file with sorted metadata, which the library writes in random order."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at multiples of 8 bytes
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def load_model(path: str | os.PathLike, device: str | torch.device = "cpu") -> tuple[ColorClassifier, Codebook, dict]:
    """Read a file of `save_model`: returns the model in eval mode, its Codebook and its settings.

    float16 weights become float32. Raises CCCError naming the file if it is missing, not a safetensors file or not a
    CCC model, and for missing, unexpected, misshapen or non-finite weights.
    """
    if not os.path.exists(path):
        raise CCCError(f"{path}: no such model; train one with `ccc train`")
    metadata = safetensors_metadata(path)
    if metadata.get("format") != "ccc-model-1":
        raise CCCError(f"{path}: a safetensors file, but not a CCC model (its metadata lack format ccc-model-1)")
    codebook = Codebook.of_model(metadata, path)
    with reading(path, "its metadata are not a model's", "train the model again", CCCError):
        settings = model_settings(metadata)
        model = ColorClassifier(codebook.size, metadata["encoder"], decoder=metadata.get("decoder", "plain"))
    state = {key: part.float() if part.is_floating_point() else part for key, part in load_file(path).items()}
    load_strictly(model, state, path)
    if wrong := [key for key, part in state.items() if part.is_floating_point() and not part.isfinite().all()]:
        raise CCCError(f"{path}: {few(wrong)} hold numbers that are not finite; train the model again")
    return model.eval().to(device), codebook, settings


def start_from(model: ColorClassifier, codebook: Codebook, path: Literal[True] | str | os.PathLike) -> None:
    """Initialize `model`, with the classes of `codebook`, from a trained model.

    `path`: a `ccc.safetensors`, or True for the packaged model. The codebooks may differ, also in their grids: each
    class takes the last layer's weights of the trained model's class of its centre. Raises CCCError as `load_model`,
    and for another encoder or decoder.
    """
    path = PUBLISHED if path is True else path
    trained, its_codebook, _ = load_model(path)
    if (trained.encoder_name, trained.decoder_name) != (model.encoder_name, model.decoder_name):
        raise CCCError(
            f"{path}: is {trained.encoder_name} with the decoder {trained.decoder_name}, which a network that starts "
            f"from it has to be: --encoder {trained.encoder_name} --decoder {trained.decoder_name}"
        )
    state = trained.state_dict()
    rows = torch.from_numpy(its_codebook.encode(codebook.centers))
    head = "decoder.head" if isinstance(model.decoder, SkipDecoder) else f"decoder.{len(model.decoder) - 1}"
    for name in ("weight", "bias"):
        state[f"{head}.{name}"] = state[f"{head}.{name}"][rows]
    model.load_state_dict(state)
