"""The networks of LPIPS, FID and KID take their own published files, whole, and nothing else."""

import numpy as np
import pytest
import torch
from skimage import data as shipped

import ccc.core.torchvision_ops  # noqa: F401  before torchvision
from ccc import metrics
from ccc.core.errors import CCCError, MissingWeights
from ccc.metrics.inception import STAGES, inception, inception_torchvision, resize_clean


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    for name in ("CCC_WEIGHTS", "XDG_CACHE_HOME", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))


def random_state(network, seed=0):
    """A state dict of the network's shapes, small values, variances positive."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for key, value in network.state_dict().items():
        if key.endswith("running_var"):
            state[key] = torch.rand(value.shape, generator=generator) + 0.5
        elif value.is_floating_point():
            state[key] = torch.randn(value.shape, generator=generator) * (0.5 / max(value[0].numel(), 1)) ** 0.5
        else:
            state[key] = value
    return state


@pytest.mark.usefixtures("nowhere")
def test_without_weights(astronaut):
    for net, name in (("alex", "alexnet"), ("vgg", "vgg16")):
        with pytest.raises(MissingWeights, match=f"^no weights: {name}"):
            metrics.lpips(astronaut, astronaut, net=net)
    with pytest.raises(MissingWeights, match="^no weights: .*inception"):
        metrics.inception_features([astronaut])


def test_the_whole_published_file_and_its_trunk_alone_give_the_same(shared, tmp_path):
    from torchvision.models import alexnet

    trunk = torch.load(shared("weights/alexnet_features.pth"), weights_only=True)
    bare = {key.removeprefix("features."): value for key, value in trunk.items()}
    rest = {key: value for key, value in alexnet().state_dict().items() if key.startswith("classifier.")}
    assert len(rest) == 6
    test, truth = shipped.coffee()[:64, :64], shipped.astronaut()[:64, :64]
    found = set()
    for number, state in enumerate((bare, {f"features.{key}": value for key, value in bare.items()})):
        for name, extra in (("trunk", {}), ("whole", rest if number else {})):
            path = tmp_path / f"{number}{name}.pth"
            torch.save(state | extra, path)
            found.add(metrics.lpips(test, truth, weights=path))
    assert len(found) == 1


def test_another_networks_file_is_refused(shared, tmp_path):
    trunk = torch.load(shared("weights/alexnet_features.pth"), weights_only=True)
    trunk = {f"features.{key.removeprefix('features.')}": value for key, value in trunk.items()}
    pictures = shipped.astronaut()[:64, :64], shipped.coffee()[:64, :64]
    short = {key: value for key, value in trunk.items() if key != "features.10.bias"}
    for number, (state, reason) in enumerate(
        (
            (short, "Missing key.*10.bias"),
            (trunk | {"features.11.weight": torch.zeros(3)}, "Unexpected key.*features.11.weight"),
            (trunk | {"head.weight": torch.zeros(3)}, "Unexpected key.*head.weight"),
            (trunk | {"features.0.weight": torch.zeros(64, 3, 3, 3)}, "size mismatch for .*0.weight"),
            ({"x": torch.zeros(3)}, "Missing key.*0.weight"),
        )
    ):
        path = tmp_path / f"{number}.pth"
        torch.save(state, path)
        with pytest.raises(CCCError, match=f"{number}.pth: not the weights of this network: .*{reason}"):
            metrics.lpips(*pictures, weights=path)
    (tmp_path / "page.pth").write_text("<html>not found</html>")
    with pytest.raises(CCCError, match="page.pth: "):
        metrics.lpips(*pictures, weights=tmp_path / "page.pth")


def test_lpips_vgg_reads_the_whole_file(tmp_path):
    from torchvision.models import vgg16

    with torch.device("meta"):
        shapes = vgg16().state_dict()
    trunk = {key: value for key, value in shapes.items() if key.startswith("features.")}
    state = {
        key: torch.randn(value.shape, generator=torch.Generator().manual_seed(0)) * 0.02 for key, value in trunk.items()
    }
    state |= {key: torch.zeros(1) for key in shapes if key.startswith("classifier.")}  # 490 MB if they were whole
    torch.save(state, tmp_path / "vgg16.pth")
    truth, test = shipped.astronaut()[:32, :32], shipped.coffee()[:32, :32]
    assert metrics.lpips(test, truth, net="vgg", weights=tmp_path / "vgg16.pth") > 0
    assert metrics.lpips(truth, truth, net="vgg", weights=tmp_path / "vgg16.pth") == 0


def test_inception_is_that_of_pytorch_fid(tmp_path, monkeypatch):
    from pytorch_fid import inception as library

    state = random_state(inception())
    torch.save(state, tmp_path / "inception.pth")
    pictures = [shipped.astronaut()[:200, :120], shipped.coffee()[:50, :70]]
    features = metrics.inception_features(pictures, tmp_path / "inception.pth")
    assert {dimension: found.shape for dimension, found in features.items()} == {
        d: (2, d) for d in (64, 192, 768, 2048)
    }

    monkeypatch.setattr(library, "load_state_dict_from_url", lambda *_, **__: state)
    theirs = library.InceptionV3([0, 1, 2, 3], resize_input=False, normalize_input=False).eval()
    batch = torch.stack([torch.tensor((resize_clean(picture) - 128) / 128).permute(2, 0, 1) for picture in pictures])
    with torch.no_grad():
        outputs = theirs(batch)
    for dimension, output in zip(STAGES, outputs, strict=True):
        expected = output.mean(dim=(2, 3)).numpy()
        assert np.ptp(expected) > 0
        np.testing.assert_allclose(features[dimension], expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_torchvisions_inception_sees_what_the_code_of_ddcolor_shows_it(tmp_path):
    state = random_state(inception_torchvision())
    torch.save(state, tmp_path / "torchvision.pth")
    picture = shipped.astronaut()[:200, :120]
    found = metrics.inception_features([picture], tmp_path / "torchvision.pth", "torchvision")[2048]

    # basicsr/metrics/custom_fid.py in its own order, on pictures in 0 to 1.
    x = torch.nn.functional.interpolate(torch.tensor(picture).permute(2, 0, 1)[None] / 255, (299, 299), mode="bilinear")
    x = x * 0.5 + 0.5
    mean, deviation = (torch.tensor(v).reshape(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    x = x * (deviation / 0.5) + (mean - 0.5) / 0.5
    network = inception_torchvision()
    network.load_state_dict(state)
    network.fc = torch.nn.Identity()  # pooling and dropout, which evaluation skips, come before it
    with torch.no_grad():
        expected = network.eval()(x).numpy()
    assert np.ptp(expected) > 0
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_inception_loads_strictly_but_for_counters_of_batches(tmp_path):
    state = inception().state_dict()
    old = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    assert len(old) < len(state)
    torch.save(old, tmp_path / "old.pth")
    assert metrics.inception_features([shipped.astronaut()[:8, :8]], tmp_path / "old.pth")[64].shape == (1, 64)
    torch.save({key: value for key, value in state.items() if key != "fc.bias"}, tmp_path / "short.pth")
    with pytest.raises(CCCError, match="short.pth: not the weights of this network: Missing key.*fc.bias"):
        metrics.inception_features([], tmp_path / "short.pth")
    torch.save(state | {"AuxLogits.fc.bias": torch.zeros(1000)}, tmp_path / "long.pth")
    with pytest.raises(CCCError, match="long.pth: not the weights of this network: Unexpected key.*AuxLogits.fc.bias"):
        metrics.inception_features([], tmp_path / "long.pth")
