"""Export of trained models to files that run without this package."""

import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ccc.codebook import Codebook
from ccc.core.errors import CCCError
from ccc.core.files import written_whole
from ccc.decoding import check_complete, decoding
from ccc.model import ClassColors, ColorClassifier, adjusted, load_model, save_model

SIDES = ((64, 96), (160, 128), (224, 224))  # of the random pictures that check an export
TOLERANCE = {".onnx": 1e-3, ".pt2": 1e-3, ".safetensors": 0.05}  # of logits, absolute and relative


class Exported(nn.Module):
    """Gray `(N, 1, H, W)` in [0, 1], sides multiples of 32 from 64 up, to `logits` and `ab` `(N, 2, H/4, W/4)`."""

    adjustment: torch.Tensor

    def __init__(self, model: ColorClassifier, codebook: Codebook, settings: dict):
        super().__init__()
        self.model, self.codebook, self.settings = model, codebook, settings
        self.decode = ClassColors(codebook, settings["decode"], settings["temperature"], settings["chroma"])
        # Computed here, since tracing `forward` cannot look into NumPy arrays.
        nothing = torch.zeros(1, codebook.size, 1, 1)
        self.register_buffer("adjustment", adjusted(nothing, codebook, settings, settings["logit_adjustment"]))

    def forward(self, gray: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = self.model(gray)
        return logits, self.colors(logits)

    def colors(self, logits: torch.Tensor) -> torch.Tensor:
        return self.decode(logits + self.adjustment)


def export(
    weights: str | os.PathLike,
    path: str | os.PathLike,
    *,
    note: str | None = None,
    **chosen,
) -> float:
    """Write a model as `NAME.onnx` (ONNX runtimes), `NAME.pt2` (`torch.export.load`) or `NAME.safetensors`, atomically.

    ONNX and pt2 files take `gray` with sides that are multiples of 32 from 64 up and return `logits` and `ab`
    (`Exported`); their metadata hold codebook and settings. A safetensors file is a float16 model, half the size, with
    the chosen decoding as its default.
    `chosen`: options of `ccc.decoding.decoding`; `upsample` and `input_size` do not affect the outputs. `note` is kept
    in the settings. Decoding by "ciede2000" holds the expected errors of all candidates (`ClassColors`) for all cells
    of the map in memory at once.
    Runs the file on random pictures of three sizes and returns the largest difference of its logits from torch's.
    Raises CCCError for another suffix, the model's own path, values out of range, a missing package, or outputs that
    differ by more than `TOLERANCE`.
    """
    path = Path(path)
    writers = {".onnx": _write_onnx, ".pt2": _write_program, ".safetensors": _write_half}
    if path.suffix not in writers:
        raise CCCError(f"{path}: the suffix says what to write: {', '.join(writers)}")
    if path.resolve() == Path(weights).resolve():
        raise CCCError(f"{path}: is the model itself; give another name with -o")
    if path.suffix == ".onnx":
        missing = [name for name in ("onnx", "onnxruntime", "onnxscript") if importlib.util.find_spec(name) is None]
        if missing:
            raise CCCError(f"ONNX needs the package {', '.join(missing)}: pip install {' '.join(missing)}")
    model, codebook, settings = load_model(weights)
    settings = decoding(settings, **chosen) | ({"note": note} if note else {})
    check_complete(settings, weights)
    module = Exported(model, codebook, settings).eval()
    metadata = {"codebook": json.dumps(codebook.to_dict()), "settings": json.dumps(settings, sort_keys=True)}
    with written_whole(path) as scratch:
        run = writers[path.suffix](module, scratch, metadata)
        return _compare(module, run, path)


def _example() -> tuple[torch.Tensor, dict]:
    """Returns a batch to trace and its dynamic shapes: any batch size, sides multiples of 32 from 64 up."""
    batch, rows, columns = torch.export.Dim("n", min=1), torch.export.Dim("h", min=2), torch.export.Dim("w", min=2)
    return torch.rand(2, 1, 96, 128), {"gray": {0: batch, 2: 32 * rows, 3: 32 * columns}}


def _write_program(module: Exported, path: Path, metadata: dict) -> Callable:
    gray, shapes = _example()
    program = torch.export.export(module, (gray,), dynamic_shapes=shapes)
    torch.export.save(program, path, extra_files=metadata)
    return torch.export.load(path).module()


def _write_onnx(module: Exported, path: Path, metadata: dict) -> Callable:
    import onnx
    import onnxruntime

    gray, shapes = _example()
    program = torch.onnx.export(
        module, (gray,), dynamo=True, dynamic_shapes=shapes, input_names=["gray"], output_names=["logits", "ab"],
        verbose=False, optimize=True,
    )  # fmt: skip
    proto = program.model_proto  # ty: ignore[missing-union-attribute]  None without dynamo alone
    for key, value in metadata.items():
        proto.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(proto)
    onnx.save(proto, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda gray: [torch.from_numpy(output) for output in session.run(["logits", "ab"], {"gray": gray.numpy()})]


def _write_half(module: Exported, path: Path, metadata: dict) -> Callable:
    save_model(path, module.model, module.codebook, module.settings, half=True)
    return Exported(*load_model(path)).eval()


@torch.no_grad()
def _compare(module: Exported, run: Callable, path: Path) -> float:
    generator = torch.Generator().manual_seed(0)
    largest = 0.0
    for sides in SIDES:
        gray = torch.rand(1, 1, *sides, generator=generator)
        wanted, (logits, ab) = module(gray)[0], run(gray)
        difference = (logits - wanted).abs()
        largest = max(largest, float(difference.max()))
        allowed = TOLERANCE[path.suffix] * (1 + wanted.abs())
        if (difference > allowed).any() or not np.allclose(ab, module.colors(logits), atol=0.01):
            raise CCCError(f"{path}: the exported network differs from the model by {largest:.2g} in its logits")
    return largest
