"""The image encoder of MobileSAM: timm's TinyViT-5M at 1024x1024, under the key names of the published weights.

Source: Wu et al., TinyViT, ECCV 2022; Zhang et al., Faster Segment Anything, 2023. The classifier head that the
published file carries is kept, unused.
"""

import re

import torch
from torch import nn

import ccc.core.torchvision_ops  # noqa: F401  before timm, which imports torchvision

from segment_anything.modeling.common import LayerNorm2d  # isort: skip
from timm.models.tiny_vit import TinyVit  # isort: skip

# timm's names, and those of the published file. The passage to the next stage belongs to the stage before it there.
RENAMED = [
    (r"patch_embed\.conv1\.", "patch_embed.seq.0."), (r"patch_embed\.conv2\.", "patch_embed.seq.2."),
    (r"\.conv\.", ".c."), (r"head\.norm\.", "norm_head."), (r"head\.fc\.", "head."),
]  # fmt: skip


def published_name(key: str) -> str:
    """The name in MobileSAM's file of a tensor of `TinyViT`."""
    key = re.sub(r"^stages\.(\d)\.downsample", lambda found: f"layers.{int(found[1]) - 1}.downsample", key)
    key = re.sub(r"^stages\.", "layers.", key)
    for pattern, name in RENAMED:
        key = re.sub(pattern, name, key)
    return key


class TinyViT(nn.Module):
    """float32 `(n, 3, 1024, 1024)` to the embedding that SAM's mask decoder reads, `(n, 256, 64, 64)`."""

    img_size = 1024

    def __init__(self):
        super().__init__()
        encoder = TinyVit(embed_dims=(64, 128, 160, 320), num_heads=(2, 4, 5, 10), window_sizes=(7, 7, 14, 7))
        last = encoder.get_submodule("stages.3.downsample.conv2.conv")
        last.stride = (1, 1)  # ty: ignore[invalid-assignment]  for an embedding of 64x64, as SAM's
        self.patch_embed, self.stages, self.head = encoder.patch_embed, encoder.stages, encoder.head
        self.neck = nn.Sequential(
            nn.Conv2d(320, 256, 1, bias=False),
            LayerNorm2d(256),
            nn.Conv2d(256, 256, 3, padding=1, bias=False),
            LayerNorm2d(256),
        )
        self.register_state_dict_post_hook(_as_published)
        self.register_load_state_dict_pre_hook(_as_here)
        self.register_load_state_dict_post_hook(_with_offsets)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.neck(self.stages(self.patch_embed(x)))


def _as_published(module: TinyViT, state: dict, prefix: str, metadata: dict) -> None:
    for key in [key for key in state if key.startswith(prefix)]:
        state[prefix + published_name(key.removeprefix(prefix))] = state.pop(key)


def _as_here(module: TinyViT, state: dict, prefix: str, *_) -> None:
    keys = [key for key, _ in [*module.named_parameters(), *module.named_buffers()]]
    for key in keys:
        if (name := prefix + published_name(key)) in state:
            state[prefix + key] = state.pop(name)


def _with_offsets(module: TinyViT, incompatible: tuple) -> None:
    """Fill the tables that no file holds, where the network was built on the meta device."""
    for part in module.modules():
        offsets = getattr(part, "attention_bias_idxs", None)
        if offsets is not None and offsets.is_meta:
            part.attention_bias_idxs = torch.empty_like(offsets, device="cpu")
            part.init_non_persistent_buffers()  # ty: ignore[not-callable]
