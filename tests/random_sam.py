"""Segment Anything with random weights: its masks mean nothing, and take the path of the published ones."""

import functools

import torch

import ccc.core.torchvision_ops  # noqa: F401  before torchvision, which segment_anything imports
import ccc.segment.sam


def tiny_sam(name: str | None = None):
    """SAM's architecture at 64x64 with two narrow blocks, to be put in the place of `ccc.segment.sam.build`."""
    from segment_anything.modeling import ImageEncoderViT

    encoder = ImageEncoderViT(
        depth=2,
        embed_dim=16,
        img_size=64,
        mlp_ratio=2,
        norm_layer=functools.partial(torch.nn.LayerNorm, eps=1e-6),
        num_heads=2,
        patch_size=16,
        qkv_bias=True,
        use_rel_pos=True,
        global_attn_indexes=[1],
        window_size=2,
        out_chans=32,
    )
    return ccc.segment.sam.assemble(encoder, side=64, width=32, heads=2, hidden=32)


def random_checkpoint(build, path) -> None:
    """Write a checkpoint of the network that `build` makes, with weights of a fixed seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(build().state_dict(), path)
