"""Replicas of the published weight files: same container, nesting, names, shapes and types, other numbers.

A tensor of a replica is a view of a few drawn numbers, so that a file of 900 MB takes 5. Where the names come from: of
cic, zhang, su, deoldify and ddcolor from this project's networks, which tests/colorizers compares with the lists of the
official checkpoints; of torchvision's and Segment Anything's files from those libraries. Of larsson, iizuka, MMagic's
file and the Inception they follow public readers of the files (`layout` in ccc/assets/weights.yaml), by this project's
networks again: a name that both have wrong would go unseen. Where a published file differs, the replica differs too.
"""

import collections
import io
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import torch
import torch7

import ccc.core.torchvision_ops  # noqa: F401  before torchvision
from ccc.colorizers import _detect, cic, ddcolor, deoldify, iizuka, larsson, su, zhang
from ccc.metrics.inception import inception, inception_torchvision
from ccc.segment.sam import build

from torchvision import models  # isort: skip


def state_of(network: Callable[[], torch.nn.Module]) -> collections.OrderedDict:
    """A state dict of a network's names, shapes and types, drawn from its names."""
    with torch.device("meta"):
        wanted = network().state_dict()
    state = collections.OrderedDict((key, _drawn(key, value)) for key, value in wanted.items())
    state._metadata = wanted._metadata  # versions of its modules, which torch saves too
    for key in [key for key in state if key.endswith("weight_u") and state[key].ndim == 1]:  # spectral norm's
        matrix = state[key.replace("weight_u", "weight_orig")].flatten(1)
        u = torch.nn.functional.normalize(torch.ones(len(matrix)), dim=0)
        for _ in range(5):
            v = torch.nn.functional.normalize(matrix.T @ u, dim=0)
            u = torch.nn.functional.normalize(matrix @ v, dim=0)
        state[key], state[key.replace("weight_u", "weight_v")] = u, v
    return state


def _drawn(key: str, like: torch.Tensor) -> torch.Tensor:
    if not like.is_floating_point():
        return torch.zeros(like.shape, dtype=like.dtype)
    last, numbers = key.rsplit(".", 1)[-1], 1 + sum(side - 1 for side in like.shape)
    generator = np.random.default_rng(zlib.crc32(key.encode()))
    if like.ndim >= 2 and last != "weight_g":
        values = generator.standard_normal(numbers) / max(like[0].numel(), 1) ** 0.5
    elif last in ("running_var", "weight", "weight_g", "std"):
        values = generator.random(numbers) + 0.5
    else:
        values = 0.05 * generator.standard_normal(numbers)
    return torch.from_numpy(values).to(like.dtype).as_strided(like.shape, (1,) * like.ndim)


def saved(content, legacy: bool = False) -> bytes:
    """What torch.save writes: its zip, or with `legacy` the container of torch before 1.6, in pickle protocol 2."""
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=not legacy)
    return file.getvalue()


def plain(network, legacy: bool) -> bytes:
    return saved(state_of(network), legacy)


def _deoldify(deep: bool) -> bytes:
    # fastai v1's Learner makes its optimizer with defaults.lr, a slice, where it has frozen layers and not trained on.
    group = {"lr": slice(3e-3), "betas": (0.0, 0.99), "eps": 1e-8, "weight_decay": 0, "amsgrad": False}
    optimizer = {"state": {}, "param_groups": [group | {"params": [140_413_526_745_864 + 72 * i]} for i in range(2)]}
    return saved({"model": state_of(lambda: deoldify.DeOldify(deep)), "opt": optimizer}, legacy=True)


def _su(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in ("siggraph_retrained", "coco_finetuned_mask_256", "coco_finetuned_mask_256_ffs"):
            archive.writestr(f"checkpoints/{folder}/", "")
        with torch.device("meta"):
            parts = su.network()
        for key, part in parts.items():
            state = state_of(lambda part=part: part)
            archive.writestr(
                f"checkpoints/coco_finetuned_mask_256/latest_net_{key}.pth", saved({"other": torch.ones(1)})
            )
            if key == "GF":
                state = collections.OrderedDict((f"module.{name}", value) for name, value in state.items())
            name = f"checkpoints/coco_finetuned_mask_256_ffs/latest_net_{key}.pth"
            archive.writestr(name, saved(state, legacy=True))


def _mmagic() -> bytes:
    state, bare = collections.OrderedDict(), re.compile(r"(model\d+up|model\dshort\d+|model_class)\.0\.")
    with torch.device("meta"):
        parts = su.network()
    for part, name in {"G": "instance_model", "GF": "fusion_model", "GComp": "image_model"}.items():
        drawn = state_of(lambda part=part: parts[part])
        state |= {name + "." + bare.sub(r"\1.", key): value for key, value in drawn.items()}
    return saved({"meta": {"mmagic_version": "1.0.0"}, "state_dict": state})


def _maskrcnn() -> bytes:
    old = [
        (r"(inner_blocks|layer_blocks)\.(\d)\.0\.", r"\1.\2."),
        (r"rpn\.head\.conv\.0\.0\.", "rpn.head.conv."),
        (r"mask_head\.(\d)\.0\.", lambda found: f"mask_head.mask_fcn{int(found[1]) + 1}."),
    ]
    state = state_of(_detect.network)
    for pattern, name in old:
        state = collections.OrderedDict((re.sub(pattern, name, key), value) for key, value in state.items())
    return saved({key: value for key, value in state.items() if "num_batches" not in key}, legacy=True)


def _densenet() -> bytes:
    state = state_of(models.densenet121)
    old = {re.sub(r"(denselayer\d+)\.(norm|conv)([12])\.", r"\1.\2.\3.", key): value for key, value in state.items()}
    return saved({key: value for key, value in old.items() if not key.endswith("num_batches_tracked")}, legacy=True)


def _larsson(path: Path) -> None:
    with h5py.File(path, "w") as file:
        for key, value in state_of(larsson.Larsson).items():
            layer, kind = key.split(".")
            value = 30 * value if layer.startswith("prediction") else value  # so that some hue stands out
            # The large ones are never written, so that they take no room; what is read there is one number.
            content = {"data": value.numpy()} if value.numel() < 100_000 else {"fillvalue": float(value.flatten()[0])}
            file.create_dataset(f"data/{layer}/{int(kind == 'bias')}", tuple(value.shape), "f4", **content)


def _iizuka(path: Path) -> None:
    with torch.device("meta"):
        network = iizuka.Iizuka()
    torch7.write(path, torch7.colornet(network, state_of(lambda: network)))


REPLICAS: dict[str, Callable[[], bytes] | Callable[[Path], None]] = {
    "cic": lambda: plain(cic.Eccv16, legacy=True),
    "zhang": lambda: plain(zhang.Siggraph17, legacy=True),
    "su": _su,
    "su_mmagic": _mmagic,
    "maskrcnn_r50": _maskrcnn,
    "deoldify_artistic": lambda: _deoldify(deep=True),
    "deoldify_stable": lambda: _deoldify(deep=False),
    "deoldify_video": lambda: _deoldify(deep=False),
    "ddcolor_paper": lambda: saved({"params": state_of(lambda: ddcolor.DDColor(tiny=False))}),
    "ddcolor_modelscope": lambda: saved({"params": state_of(lambda: ddcolor.DDColor(tiny=False))}),
    "ddcolor_artistic": lambda: saved({"params": state_of(lambda: ddcolor.DDColor(tiny=False))}),
    "ddcolor_tiny": lambda: saved({"params": state_of(lambda: ddcolor.DDColor(tiny=True))}),
    "larsson": _larsson,
    "iizuka": _iizuka,
    "iizuka_imagenet": _iizuka,
    "alexnet": lambda: plain(models.alexnet, legacy=False),
    "vgg16": lambda: plain(models.vgg16, legacy=True),
    "inception_fid": lambda: plain(inception, legacy=True),
    "inception_torchvision": lambda: plain(inception_torchvision, legacy=False),
    "densenet121": _densenet,
    "mobilenet_v2": lambda: plain(models.mobilenet_v2, legacy=True),
    "sam_vit_h": lambda: plain(lambda: build("sam_vit_h"), legacy=False),
    "sam_vit_l": lambda: plain(lambda: build("sam_vit_l"), legacy=False),
    "sam_vit_b": lambda: plain(lambda: build("sam_vit_b"), legacy=False),
    "mobile_sam": lambda: plain(lambda: build("mobile_sam"), legacy=False),
}


def write(name: str, folder: Path) -> Path:
    """Write the replica of an entry of the catalogue into a folder, under its published name."""
    from ccc.assets import weights

    path, make = folder / weights.facts(name)["file"], REPLICAS[name]
    if make in (_su, _larsson, _iizuka):
        make(path)
    else:
        path.write_bytes(make())
    return path
