"""Values of the reference libraries and of the original authors' formulas."""

import json

import numpy as np
import pytest
from skimage import data as shipped

from ccc import metrics
from ccc.colorizers import load
from ccc.errors import CCCError, MissingWeights
from ccc.images import read_rgb

NAMES = [
    "astronaut_desat50", "coffee_gray", "chelsea_shift_odd", "rocket_boost150",
    "noise64", "two_flat_blocks", "identical", "flat_vs_flat",
]  # fmt: skip


@pytest.fixture
def golden(shared):
    def find(name):
        values = json.loads(shared("goldens/image_values.json").read_text())["values"][name]
        pairs = np.load(shared("goldens/image_pairs.npz"))
        return pairs[f"{name}__test"], pairs[f"{name}__ref"], values

    return find


@pytest.mark.parametrize("name", NAMES)
def test_pairs(golden, name):
    test, truth, values = golden(name)
    assert metrics.mse(test, truth) == pytest.approx(values["mse01.numpy_rgb"], abs=1e-6)
    if name == "identical":
        assert metrics.psnr(test, truth) == np.inf
    else:
        assert metrics.psnr(test, truth) == pytest.approx(values["psnr.skimage_rgb"], abs=1e-6)
    gauss = values["ssim.skimage_gauss_rgb(truncate3.5,win11,N)"]
    assert metrics.ssim(test, truth) == pytest.approx(gauss, abs=1e-6)
    uiqi = metrics.uiqi(test, truth)
    assert uiqi == pytest.approx(values["uiqi.img_qi_8x8uniform_rgb(numpy,this helper)"], abs=1e-9)
    assert uiqi == pytest.approx(values["uiqi.octave7.3_img_qi_original_rgb_mean"], abs=1e-9)
    assert metrics.ciede2000(test, truth) == pytest.approx(values["ciede2000.skimage_mean"], rel=1e-3, abs=1e-6)
    assert metrics.mse_ab(test, truth) == pytest.approx(values["mse_ab_lab.numpy"], rel=1e-3, abs=1e-6)
    assert metrics.colorfulness(test) == pytest.approx(values["cf_hs2003_signed.test"], abs=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_lpips_alex(golden, shared, name):
    test, truth, values = golden(name)
    key = "lpips_alex.lpips0.1.4(normalize=True)"
    if min(test.shape[:2]) < 35:
        assert np.isnan(metrics.lpips(test, truth, weight_file=shared("weights/alexnet_features.pth")))
    else:
        found = metrics.lpips(test, truth, weight_file=shared("weights/alexnet_features.pth"))
        assert found == pytest.approx(values[key], abs=1e-4)


def test_lpips_example_pair(shared):
    trunk = shared("weights/alexnet_features.pth")
    reference = read_rgb(shared("goldens/ex_ref.png"))
    for name, published in (("p0", 0.7219), ("p1", 0.1376)):
        found = metrics.lpips(read_rgb(shared(f"goldens/ex_{name}.png")), reference, weight_file=trunk)
        assert found == pytest.approx(published, abs=1e-4)


def test_lpips_without_or_with_wrong_weights(tmp_path, monkeypatch, astronaut):
    import torch

    monkeypatch.setenv("CCC_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(MissingWeights, match="no weights: alexnet"):
        metrics.lpips(astronaut, astronaut)
    torch.save({"features.0.weight": torch.zeros(3)}, tmp_path / "wrong.pth")
    with pytest.raises(CCCError, match="wrong.pth: not the weights of alexnet: features.0.weight"):
        metrics.lpips(astronaut, astronaut, weight_file=tmp_path / "wrong.pth")


def test_cnr_cases(shared):
    cases = json.loads(shared("goldens/cnr_cases.json").read_text())["cases"]
    assert len(cases) >= 6
    for case in cases:
        found = metrics.cnr_of_classes(np.array(case["P"]), np.array(case["G"]))
        assert found == pytest.approx(case["A_distinct"]["cnr"], abs=1e-12), case["name"]


def test_frechet_and_kid(shared):
    features = np.load(shared("goldens/fid_features.npz"))
    for name, values in json.loads(shared("goldens/fid_values.json").read_text()).items():
        x, y = features[f"{name}__x"], features[f"{name}__y"]
        frechet = metrics.frechet_distance(x, y)
        assert frechet == pytest.approx(values["svd_exact(numpy)"], rel=1e-6, abs=1e-9), name
        assert metrics.kid(x, y) == pytest.approx(values["kid_unbiased_poly3(numpy)"], rel=1e-6, abs=1e-12), name


def test_resizing_for_inception(shared):
    from ccc.metrics.distribution import resize_299

    golden = json.loads(shared("goldens/resize299_values.json").read_text())["512"]
    resized = resize_299(shipped.astronaut())
    assert resized.mean() == pytest.approx(golden["clean_mean"], abs=1e-3)
    np.testing.assert_allclose(resized[:2, :2], golden["clean[0:2,0:2]"], atol=1e-3)


def test_inception_gives_all_four_depths(tmp_path):
    import torch

    from ccc.metrics.distribution import inception

    torch.manual_seed(0)
    torch.save(inception().state_dict(), tmp_path / "inception.pth")
    pictures = [shipped.astronaut()[i : i + 80, :120] for i in (0, 100)]
    features = metrics.inception_features(pictures, tmp_path / "inception.pth")
    assert {dimension: found.shape for dimension, found in features.items()} == {
        d: (2, d) for d in (64, 192, 768, 2048)
    }
    state = inception().state_dict()
    del state["fc.bias"]
    torch.save(state, tmp_path / "short.pth")
    with pytest.raises(CCCError, match="fc.bias is missing"):
        metrics.inception_features(pictures, tmp_path / "short.pth")


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
def test_gray_wins_no_colour_metric_and_the_oracle_beats_it(name):
    truth = getattr(shipped, name)()
    gray, oracle = (load(method).colorize(truth) for method in ("gray", "oracle"))
    for metric in (metrics.cnr, metrics.cnr_56, metrics.psnr):  # UIQI may prefer gray: it hardly sees colour
        assert metric(gray, truth) < metric(oracle, truth)
    assert metrics.cnr(gray, truth) <= 1 / 10 and metrics.colorfulness(gray) == 0
    assert metrics.mse_ab(oracle, truth) < metrics.mse_ab(gray, truth) / 4


def test_small_and_wrong_pictures(astronaut):
    small = astronaut[:7, :7]
    assert np.isnan(metrics.ssim(small, small)) and np.isnan(metrics.uiqi(small, small))
    assert metrics.mse(small, small) == 0 and metrics.cnr(small, small) == 1
    for wrong in (astronaut[..., 0], astronaut / 255, astronaut[:-1]):
        with pytest.raises(ValueError):
            metrics.mse(wrong, astronaut)
