"""The network's shapes, its decoding, and its file."""

import itertools

import numpy as np
import pytest
import safetensors
import torch
from safetensors.torch import load_file, save_file
from skimage.color import deltaE_ciede2000

import ccc.core.torchvision_ops  # noqa: F401
from ccc.codebook import Codebook, ColorGrid
from ccc.core.errors import CCCError, MissingWeights
from ccc.decoding import decoding, vivid
from ccc.encoder import build_encoder
from ccc.loss import class_weights
from ccc.model import DECODES, ClassColors, ColorClassifier, adjusted, class_colors, load_model, save_model, start_from
from ccc.settings.decoding import PAPERS_DECODING


@pytest.fixture(scope="module")
def book():
    counts = np.zeros(400, np.int64)
    counts[[189, 190, 209, 210, 211, 230]] = 1000
    return Codebook.fit(counts)


@pytest.fixture(scope="module")
def model(book):
    torch.manual_seed(0)
    return ColorClassifier(book.size).eval()


@pytest.fixture(scope="module")
def skip_model(book):
    return ColorClassifier(book.size, "mobilenet_v2", decoder="skip").eval()


def test_logits_at_a_quarter_of_the_size(model):
    features = []
    hook = model.encoder[-1].register_forward_hook(lambda module, inputs, output: features.append(output.shape))
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
    with pytest.raises(CCCError, match="1/32"):
        ColorClassifier(6, "vit_b_16")
    with pytest.raises(CCCError, match="plain, skip"):
        ColorClassifier(6, decoder="unet")


@pytest.mark.parametrize("decoder", ["plain", "skip"])
@pytest.mark.parametrize("encoder", ["mobilenet_v2", "resnet18", "efficientnet_b0"])
def test_other_encoders_of_torchvision(encoder, decoder):
    network = ColorClassifier(6, encoder, decoder=decoder).eval()
    with torch.no_grad():
        assert network(torch.rand(1, 1, 64, 96)).shape == (1, 6, 16, 24)


@pytest.mark.parametrize(("decoder", "local"), [("plain", False), ("skip", True)])
def test_the_skip_decoder_looks_at_the_map_of_its_own_size(decoder, local):
    """How much of a cell's logits hangs on the same cell of the encoder's map at 1/4, which all else reaches too."""
    torch.manual_seed(0)
    network = ColorClassifier(6, "mobilenet_v2", decoder=decoder).eval()
    maps = []
    network.encoder[network.taps[0]].register_forward_hook(lambda module, inputs, output: maps.append(output))
    logits = network(torch.rand(1, 1, 64, 64))
    (gradient,) = torch.autograd.grad(logits[0, 0, 8, 8], maps[0])
    assert gradient.shape[2:] == logits.shape[2:]
    assert (gradient[0, :, 8, 8].abs().sum() > 0.05 * gradient.abs().sum()) == local


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


@pytest.mark.parametrize(("name", "head"), [("densenet161", "classifier"), ("resnet50", "fc")])
def test_a_checkpoint_of_places365_starts_an_encoder_and_what_is_left_out_is_said(name, head, tmp_path, capsys):
    import re

    from torchvision import models

    torch.manual_seed(2)
    state = models.get_model(name, weights=None, num_classes=365).state_dict()
    old = {
        "module." + re.sub(r"(denselayer\d+\.)(norm|conv)([12])", r"\1\2.\3", key): value
        for key, value in state.items()
        if not key.endswith("num_batches_tracked")  # torch 0.2 wrote them
    }
    path = tmp_path / f"{name}_places365.pth.tar"

    def save(state):
        content = {"epoch": 90, "arch": name, "state_dict": state, "best_prec1": torch.tensor([56.1])}
        torch.save(content, path, _use_new_zipfile_serialization=False)

    save(old)
    encoder = build_encoder(name, path)
    assert capsys.readouterr().err == f"{path}: left out {head}.*: its classes are not used\n"
    found = encoder.state_dict()
    first = next(iter(found))
    for key, value in found.items():
        published = state[key if name == "resnet50" else f"features.{key}"]
        assert torch.equal(value, published.sum(dim=1, keepdim=True) if key == first else published), key
    trunk = [key for key in old if head not in key]
    for changed, words in (
        ({key: value for key, value in old.items() if key != trunk[7]}, "Missing key"),
        (old | {trunk[0]: torch.ones(3)}, "size mismatch"),
        (old | {"module.other.weight": torch.ones(3)}, "Unexpected key"),
    ):
        save(changed)
        with pytest.raises(CCCError, match=f"{path.name}: not the weights of this network: {words}"):
            build_encoder(name, path)


def test_missing_pretrained_weights_are_not_replaced(tmp_path):
    with pytest.raises(MissingWeights, match="no weights"):
        ColorClassifier(6, pretrained=str(tmp_path / "none.pth"))


def test_decoding(book):
    logits = torch.full((1, 6, 2, 2), -50.0)
    logits[0, 3] = 50  # index 3 is class 210
    for decode in DECODES:
        ab = class_colors(logits, book, decode)
        assert ab.shape == (1, 2, 2, 2)
        slack = {"rtol": 0, "atol": 0.01} if decode == "ciede2000" else {}  # its candidates share a cell
        torch.testing.assert_close(ab, torch.full((1, 2, 2, 2), 5.0), **slack)
        torch.testing.assert_close(ClassColors(book, decode, chroma=0.5)(logits), ab / 2)
    even = class_colors(torch.zeros(1, 6, 1, 1), book, "annealed")[0, :, 0, 0]
    np.testing.assert_allclose(even.numpy(), book.centers.mean(axis=0), atol=1e-5)
    with pytest.raises(ValueError, match="annealed"):
        class_colors(logits, book, "mean")


def test_the_colour_of_least_expected_error():
    """Nothing on the plane has less, and other decodings more, by scikit-image's CIEDE2000 at another lightness."""
    book = Codebook.fit(1000 * (np.abs(ColorGrid().centers).max(axis=1) < 50).astype(np.int64))
    logits = 3 * torch.randn(1, book.size, 6, 7, generator=torch.Generator().manual_seed(0))
    shares = (logits / 2).softmax(dim=1)[0].numpy()

    def expected(ab: np.ndarray) -> np.ndarray:
        lab, centers = (np.insert(part.astype(float), 0, 70, axis=-1) for part in (ab, book.centers))
        return (shares * deltaE_ciede2000(lab[None], centers[:, None, None])).sum(axis=0)

    def colors(decode: str) -> np.ndarray:
        return class_colors(logits, book, decode, 2.0)[0].permute(1, 2, 0).numpy()

    least = expected(colors("ciede2000")).mean()
    steps = np.arange(-60, 61, 4)
    anywhere = np.min([expected(np.array([[[a, b]]])) for a, b in itertools.product(steps, steps)], axis=0).mean()
    assert abs(least - anywhere) < 0.1
    assert all(least < expected(colors(decode)).mean() - 1 for decode in ("argmax", "annealed"))


@pytest.mark.parametrize("which", ["model", "skip_model"])
def test_the_file_carries_codebook_and_settings(which, book, tmp_path, request):
    model = request.getfixturevalue(which)
    path = tmp_path / "ccc.safetensors"
    save_model(path, model, book, {"steps": 3, "trained_on": "nothing"})
    again, codebook, settings = load_model(path)
    assert (again.encoder_name, again.decoder_name) == (model.encoder_name, model.decoder_name)
    assert settings == {"steps": 3, "trained_on": "nothing"}
    assert (codebook.lookup == book.lookup).all()
    gray = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(again(gray), model(gray))


def test_taking_the_balancing_back_divides_by_the_weights(book):
    counts = np.zeros(400, np.int64)
    counts[[209, 210, 211]] = 900_000, 90_000, 10_000
    book = Codebook.fit(counts, 10)
    weights = class_weights(counts[book.active], 0.5)
    share = torch.tensor([0.4, 0.3, 0.3])  # of the photographs
    balanced = (share * torch.from_numpy(weights)).log()[None, :, None, None]
    settings = {"balance": "cbce", "upsilon": 0.5, "phi": None}
    torch.testing.assert_close(adjusted(balanced, book, settings, 1.0).softmax(dim=1)[0, :, 0, 0], share)
    assert adjusted(balanced, book, settings, 0.0) is balanced
    assert balanced.argmax() == 2 and adjusted(balanced, book, settings, 1.0).argmax() == 0
    for balance in ("none", "inverse", "cic"):
        assert adjusted(balanced, book, settings | {"balance": balance}, 1.0).isfinite().all()


def test_a_file_of_the_release_before_is_read_under_todays_names(skip_model, book, tmp_path):
    old = {"zoom": 0.3, "relight": 0.8, "clip": 1.0, "unbalance": 0.5, "steps": 3}
    save_model(tmp_path / "old.safetensors", skip_model, book, old)
    assert load_model(tmp_path / "old.safetensors")[2] == {
        "random_resized_crop": 0.3, "gamma_jitter": 0.8, "gradient_clipping": 1.0, "logit_adjustment": 0.5, "steps": 3,
    }  # fmt: skip


def test_the_papers_decoding_is_one_word_away():
    """A model's defaults go with the decode that it names: where another is asked for, all is the paper's."""
    own = {"decode": "ciede2000", "logit_adjustment": 1.0, "temperature": 2.0, "chroma": 0.6, "upsample": "guided"}
    papers = {
        "decode": "argmax", "logit_adjustment": 0.0, "temperature": 0.38, "chroma": 1.0, "upsample": "bilinear",
    }  # fmt: skip
    assert decoding({"input_size": 160}) == papers | {"input_size": 160}
    assert decoding(own) == decoding(own, decode="ciede2000") == own
    assert decoding(own, temperature=1.0) == own | {"temperature": 1.0}
    assert decoding(own | {"input_size": 160}, decode="argmax") == papers | {"input_size": 160}
    given = {"decode": "annealed", "logit_adjustment": 0.5}
    assert decoding(own, **given) == papers | given


def test_vividness_stands_for_a_decoding_and_gives_way_to_what_is_named():
    own = PAPERS_DECODING | {"input_size": 160}
    assert decoding(own, vividness=0.4) == own | vivid(0.4)
    assert decoding(own, vividness=0.4, chroma=0.5) == own | vivid(0.4) | {"chroma": 0.5}
    assert set(vivid(0)) == set(PAPERS_DECODING)
    for wrong in (-0.1, 1.1, float("nan"), "much"):
        with pytest.raises(CCCError, match="vividness"):
            decoding(own, vividness=wrong)


def test_half_the_size_gives_nearly_the_same(skip_model, book, tmp_path):
    for half in (False, True):
        save_model(tmp_path / f"{half}.safetensors", skip_model, book, {}, half=half)
    sizes = [(tmp_path / f"{half}.safetensors").stat().st_size for half in (False, True)]
    assert sizes[1] < 0.55 * sizes[0]
    gray = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(
            load_model(tmp_path / "True.safetensors")[0](gray), skip_model(gray), rtol=0.01, atol=0.01
        )


def test_a_network_starts_from_a_trained_one_of_other_classes(skip_model, book, tmp_path):
    path = tmp_path / "ccc.safetensors"
    save_model(path, skip_model, book, {})
    counts = np.zeros(400, np.int64)
    counts[[150, 210, 211]] = 1000  # 150 is nobody's class there: it goes to its nearest
    other = Codebook.fit(counts)
    model = ColorClassifier(other.size, "mobilenet_v2", decoder="skip").eval()
    start_from(model, other, path)
    gray = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        wanted = skip_model(gray)[:, book.lookup[[150, 210, 211]]]
        torch.testing.assert_close(model(gray), wanted)
    with pytest.raises(CCCError, match="--encoder mobilenet_v2 --decoder skip"):
        start_from(ColorClassifier(other.size, "mobilenet_v2"), other, path)


def test_a_network_starts_from_one_of_another_grid_by_colour(skip_model, book, tmp_path):
    path = tmp_path / "ccc.safetensors"
    save_model(path, skip_model, book, {})
    grid = ColorGrid(alpha=5, beta=100, delta=40)
    counts = np.zeros(grid.size, np.int64)
    colors = np.array([[2.5, 2.5], [-7.5, 2.5], [52.5, 47.5]], np.float32)
    counts[grid.encode(colors)] = 1000
    other = Codebook.fit(counts, grid=grid)
    model = ColorClassifier(other.size, "mobilenet_v2", decoder="skip").eval()
    start_from(model, other, path)
    gray = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(model(gray), skip_model(gray)[:, book.encode(other.centers)])
    assert (np.sort(other.centers, axis=0) == np.sort(colors, axis=0)).all()


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
