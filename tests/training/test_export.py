"""An exported network gives what the model gives, without this package's code."""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from ccc.assets import PUBLISHED
from ccc.codebook import Codebook
from ccc.core.errors import CCCError
from ccc.model import ColorClassifier, adjusted, class_colors, load_model, save_model
from ccc.training.export import export

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    counts = np.zeros(400, np.int64)
    counts[[189, 190, 209, 210, 211, 230]] = 1000
    book = Codebook.fit(counts)
    torch.manual_seed(0)
    model = ColorClassifier(book.size, "mobilenet_v2", decoder="skip")
    for layer in model.modules():  # an untrained network says the same everywhere
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight)
    path = tmp_path_factory.mktemp("export") / "ccc.safetensors"
    save_model(
        path, model, book, {"input_size": 64, "decode": "annealed", "balance": "cbce", "upsilon": 0.5, "phi": None}
    )
    return path


@pytest.mark.parametrize("decode", ["argmax", "annealed", "ciede2000"])
def test_onnx_runs_at_any_size_in_another_process(weights, tmp_path, decode):
    for package in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(package)
    path = tmp_path / "ccc.onnx"
    assert export(weights, path, decode=decode) < 1e-3
    gray = np.random.default_rng(0).random((3, 1, 64, 160), np.float32)
    np.save(tmp_path / "gray.npy", gray)
    code = (
        "import numpy, onnxruntime, sys\n"
        "session = onnxruntime.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])\n"
        "logits, ab = session.run(['logits', 'ab'], {'gray': numpy.load(sys.argv[2])})\n"
        "numpy.savez(sys.argv[3], logits=logits, ab=ab)\n"
        "assert not any(name.split('.')[0] in ('ccc', 'torch') for name in sys.modules)\n"
    )
    arguments = [str(path), str(tmp_path / "gray.npy"), str(tmp_path / "out.npz")]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, cwd=tmp_path)
    out = np.load(tmp_path / "out.npz")
    model, book, _ = load_model(weights)
    with torch.no_grad():
        logits = model(torch.from_numpy(gray))
    assert logits.std() > 0.1
    np.testing.assert_allclose(out["logits"], logits, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(out["ab"], class_colors(torch.from_numpy(out["logits"]), book, decode), atol=0.01)
    import onnx

    metadata = {item.key: item.value for item in onnx.load(path).metadata_props}
    assert Codebook.from_dict(json.loads(metadata["codebook"])).size == 6
    assert json.loads(metadata["settings"])["decode"] == decode


def test_torch_export(weights, tmp_path):
    path = tmp_path / "ccc.pt2"
    assert export(weights, path) < 1e-3
    files = {"settings": ""}
    program = torch.export.load(path, extra_files=files)
    model, book, _ = load_model(weights)
    gray = torch.rand(1, 1, 96, 64)
    with torch.no_grad():
        torch.testing.assert_close(program.module()(gray)[1], class_colors(model(gray), book, "annealed"))
        assert export(weights, tmp_path / "paler.pt2", chroma=0.5) < 1e-3
        paler = torch.export.load(tmp_path / "paler.pt2").module()(gray)[1]
        torch.testing.assert_close(paler, class_colors(model(gray), book, "annealed") / 2)
    assert json.loads(files["settings"])["decode"] == "annealed"  # the model's own default


@pytest.mark.parametrize("balance", ["cbce", "cic"])
def test_logit_adjustment_is_traced(weights, tmp_path, balance):
    model, book, settings = load_model(weights)
    save_model(tmp_path / "ccc.safetensors", model, book, settings | {"balance": balance})
    assert export(tmp_path / "ccc.safetensors", tmp_path / "ccc.pt2", logit_adjustment=0.5) < 1e-3
    with torch.no_grad():
        logits, ab = torch.export.load(tmp_path / "ccc.pt2").module()(torch.rand(1, 1, 96, 64))
        own = adjusted(logits, book, settings | {"balance": balance}, 0.5)
        torch.testing.assert_close(ab, class_colors(own, book, "annealed"))


@pytest.fixture
def trained(tmp_path):
    """The model that comes with ccc, its float16 numbers nudged to ones that float16 has to round."""
    model, book, settings = load_model(PUBLISHED)
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight *= 1 + torch.rand_like(weight) / 2**11
    path = tmp_path / "trained.safetensors"
    save_model(path, model, book, settings)
    return path


def test_a_smaller_model_file_with_another_default(trained, tmp_path):
    path, weights = tmp_path / "half.safetensors", trained
    chosen = {"decode": "annealed", "temperature": 0.7, "logit_adjustment": 1.0, "chroma": 0.8}
    assert export(weights, path, note="of coffee", **chosen) < 0.05
    assert path.stat().st_size < 0.55 * weights.stat().st_size
    settings = load_model(path)[2]
    assert {name: settings[name] for name in chosen} == chosen and settings["note"] == "of coffee"
    with pytest.raises(CCCError, match="is the model itself"):
        export(weights, weights, decode="argmax")
    with pytest.raises(CCCError, match="chroma: Input should be less than or equal to 10, got 50"):
        export(weights, tmp_path / "no.safetensors", chroma=50)
    assert not (tmp_path / "no.safetensors").exists()


def test_a_wrong_export_is_not_written(weights, tmp_path, monkeypatch):
    import ccc.training.export

    monkeypatch.setattr(
        ccc.training.export,
        "_write_program",
        lambda module, *rest: lambda gray: [out * 1.01 + 0.1 for out in module(gray)],
    )
    with pytest.raises(CCCError, match="differs from the model"):
        export(weights, tmp_path / "ccc.pt2")
    assert not list(tmp_path.iterdir())


def test_what_is_missing_is_named(weights, tmp_path, monkeypatch):
    with pytest.raises(CCCError, match=r"\.onnx, \.pt2, \.safetensors"):
        export(weights, tmp_path / "ccc.pth")
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else found(name))
    with pytest.raises(CCCError, match="onnxruntime: pip install onnxruntime$"):
        export(weights, tmp_path / "ccc.onnx")
