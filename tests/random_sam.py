"""Segment Anything with random weights: its masks mean nothing, and take the path of the published ones."""

import functools

import torch

import ccc.core.torchvision_ops  # noqa: F401  before torchvision, which segment_anything imports


def tiny_sam(name: str | None = None):
    """SAM's architecture at 64x64 with two narrow blocks, to be put in the place of `ccc.segment.sam.build`."""
    from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

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
    prompts = PromptEncoder(embed_dim=32, image_embedding_size=(4, 4), input_image_size=(64, 64), mask_in_chans=16)
    decoder = MaskDecoder(
        num_multimask_outputs=3,
        transformer=TwoWayTransformer(depth=2, embedding_dim=32, mlp_dim=32, num_heads=2),
        transformer_dim=32,
        iou_head_depth=3,
        iou_head_hidden_dim=32,
    )
    return Sam(encoder, prompts, decoder)


def random_checkpoint(build, path) -> None:
    """Write a checkpoint of the network that `build` makes, with weights of a fixed seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(build().state_dict(), path)
