"""The network's shapes, its decoding, and its file."""

import numpy as np
import pytest
import safetensors
import torch
from safetensors.torch import load_file, save_file

import ccc._torchvision  # noqa: F401
from ccc.codebook import Codebook
from ccc.errors import CCCError, MissingWeights
from ccc.model import ColorClassifier, class_colors, load_model, save_model


@pytest.fixture(scope="module")
def book():
    counts = np.zeros(400, np.int64)
    counts[[189, 190, 209, 210, 211, 230]] = 1000
    return Codebook.fit(counts)


@pytest.fixture(scope="module")
def model(book):
    torch.manual_seed(0)
    return ColorClassifier(book.size).eval()


def test_logits_at_a_quarter_of_the_size(model):
    features = []
    hook = model.encoder.register_forward_hook(lambda module, inputs, output: features.append(output.shape))
    with torch.no_grad():
        assert model(torch.rand(2, 1, 64, 96)).shape == (2, 6, 16, 24)
    hook.remove()
    assert features[0] == (2, 1024, 2, 3)  # H/32 x W/32 x 1024, as the paper says of DenseNet-121
    upsampling = [layer for layer in model.decoder if isinstance(layer, torch.nn.Upsample)]
    assert [(layer.mode, layer.scale_factor) for layer in upsampling] == [("nearest", 2)] * 3


def test_the_default_is_the_papers():
    network = ColorClassifier()
    assert network.n_classes == 215
    assert network.encoder.conv0.weight.shape == (64, 1, 7, 7)


def test_wrong_inputs_are_refused(model):
    for wrong in (torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, 60, 64), torch.zeros(1, 64, 64)):
        with pytest.raises(ValueError, match="multiples of 32"):
            model(wrong)
    with pytest.raises(CCCError, match="densenet121"):
        ColorClassifier(6, "densenet")


def test_pretrained_weights_are_summed_over_the_colours(tmp_path):
    from torchvision import models

    for name in ("densenet121", "mobilenet_v2"):
        torch.manual_seed(1)
        state = models.get_model(name, weights=None).state_dict()
        torch.save(state, tmp_path / f"{name}.pth")
        network = ColorClassifier(6, name, tmp_path / f"{name}.pth")
        key = "features.conv0.weight" if name == "densenet121" else "features.0.0.weight"
        first = network.encoder.state_dict()[key.removeprefix("features.")]
        torch.testing.assert_close(first, state[key].sum(dim=1, keepdim=True))
        other = "features.norm5.weight" if name == "densenet121" else "features.18.0.weight"
        torch.testing.assert_close(network.encoder.state_dict()[other.removeprefix("features.")], state[other])


def test_the_published_densenet_file_names_its_layers_otherwise(tmp_path):
    import re

    from torchvision import models

    state = models.densenet121(weights=None).state_dict()
    old = {re.sub(r"(denselayer\d+\.)(norm|conv)([12])", r"\1\2.\3", key): value for key, value in state.items()}
    assert set(old) != set(state)
    torch.save(old, tmp_path / "densenet121-a639ec97.pth")
    network = ColorClassifier(6, pretrained=tmp_path / "densenet121-a639ec97.pth")
    key = "denseblock1.denselayer1.conv1.weight"
    torch.testing.assert_close(network.encoder.state_dict()[key], state["features." + key])


def test_missing_pretrained_weights_are_not_replaced(tmp_path):
    with pytest.raises(MissingWeights, match="no weights"):
        ColorClassifier(6, pretrained=str(tmp_path / "none.pth"))


def test_decoding(book):
    logits = torch.full((1, 6, 2, 2), -50.0)
    logits[0, 3] = 50  # index 3 is class 210
    for decode in ("argmax", "annealed"):
        ab = class_colors(logits, book, decode)
        assert ab.shape == (1, 2, 2, 2)
        torch.testing.assert_close(ab, torch.full((1, 2, 2, 2), 5.0))
    even = class_colors(torch.zeros(1, 6, 1, 1), book, "annealed")[0, :, 0, 0]
    np.testing.assert_allclose(even.numpy(), book.centers.mean(axis=0), atol=1e-5)
    with pytest.raises(ValueError, match="annealed"):
        class_colors(logits, book, "mean")


def test_the_file_carries_codebook_and_settings(model, book, tmp_path):
    path = tmp_path / "ccc.safetensors"
    save_model(path, model, book, {"steps": 3, "trained_on": "nothing"})
    again, codebook, settings = load_model(path)
    assert settings == {"steps": 3, "trained_on": "nothing"}
    assert (codebook.lookup == book.lookup).all()
    gray = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(again(gray), model(gray))


def test_equal_models_are_equal_files(model, book, tmp_path):
    for number in range(6):  # the order of the metadata is a matter of luck where nothing sets it
        save_model(tmp_path / f"{number}.safetensors", model, book, {"steps": 3})
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_files_that_are_no_model(model, book, tmp_path):
    with pytest.raises(CCCError, match="no such model"):
        load_model(tmp_path / "none.safetensors")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not a model")
    with pytest.raises(CCCError, match="broken.safetensors: not a safetensors file"):
        load_model(broken)
    other = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(1)}, other)
    with pytest.raises(CCCError, match="not a CCC model"):
        load_model(other)
    whole = tmp_path / "whole.safetensors"
    save_model(whole, model, book, {})
    with safetensors.safe_open(whole, framework="pt") as file:
        metadata = file.metadata()
    state = load_file(whole)
    del state["decoder.0.0.weight"]
    save_file(state, tmp_path / "short.safetensors", metadata)
    with pytest.raises(CCCError, match="decoder.0.0.weight"):
        load_model(tmp_path / "short.safetensors")
