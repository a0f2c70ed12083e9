"""Values of the reference libraries and of the original authors' formulas."""

import json

import numpy as np
import pytest
from skimage import data as shipped

from ccc import metrics
from ccc.core.images import read_rgb

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
def test_pixels(golden, name):
    test, truth, values = golden(name)
    assert metrics.mse(test, truth) == pytest.approx(values["mse01.numpy_rgb"], rel=1e-12, abs=1e-15)
    if name == "identical":
        assert metrics.psnr(test, truth) == np.inf
    else:
        assert metrics.psnr(test, truth) == pytest.approx(values["psnr.skimage_rgb"], abs=1e-9)
    assert metrics.ciede2000(test, truth) == pytest.approx(values["ciede2000.skimage_mean"], rel=1e-4, abs=1e-6)
    assert metrics.mse_ab(test, truth) == pytest.approx(values["mse_ab_lab.numpy"], rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_structure(golden, name):
    test, truth, values = golden(name)
    gauss = values["ssim.skimage_gauss_rgb(truncate3.5,win11,N)"]
    assert metrics.ssim(test, truth) == pytest.approx(gauss, abs=1e-9)
    assert metrics.ssim(test, truth) == pytest.approx(values["ssim.octave7.3_wang_rgb_mean"], abs=1e-9)
    assert metrics.uiqi(test, truth) == pytest.approx(values["uiqi.octave7.3_img_qi_original_rgb_mean"], abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_colorfulness(golden, name):
    test, truth, values = golden(name)
    for variant, key in (("signed", "cf_hs2003_signed"), ("absolute", "cf_abs_ddcolor")):
        assert metrics.colorfulness(test, truth, variant=variant) == pytest.approx(values[f"{key}.test"], abs=1e-9)
        assert metrics.colorfulness(truth, variant=variant) == pytest.approx(values[f"{key}.ref"], abs=1e-9)
    delta = abs(values["cf_hs2003_signed.test"] - values["cf_hs2003_signed.ref"])
    assert metrics.delta_colorfulness(test, truth) == pytest.approx(delta, abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_lpips_alex(golden, shared, name):
    test, truth, values = golden(name)
    found = metrics.lpips(test, truth, weights=shared("weights/alexnet_features.pth"))
    assert found == pytest.approx(values["lpips_alex.lpips0.1.4(normalize=True)"], abs=1e-6)


def test_lpips_of_its_authors_example(shared):
    trunk = shared("weights/alexnet_features.pth")
    reference = read_rgb(shared("goldens/ex_ref.png"))
    for name, published in (("p0", 0.7219), ("p1", 0.1376)):
        found = metrics.lpips(read_rgb(shared(f"goldens/ex_{name}.png")), reference, weights=trunk)
        assert found == pytest.approx(published, abs=1e-4)


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
        # The exact one: roots of singular covariances, which the libraries take, are off by more than this.
        assert metrics.frechet_distance(x, y) == pytest.approx(values["svd_exact(numpy)"], rel=1e-6, abs=1e-9), name
        assert metrics.kid(x, y) == pytest.approx(values["kid_unbiased_poly3(numpy)"], rel=1e-6, abs=1e-12), name
        assert metrics.kid(x, y) == pytest.approx(values["kid.torch_fidelity_mmd2"], rel=1e-6, abs=1e-12), name


def test_cnr_of_a_set_is_the_mean_of_the_pictures_ratios(shared):
    example = json.loads(shared("goldens/cnr_cases.json").read_text())["aggregation_example"]
    ratios = [metrics.cnr_of_classes(np.arange(pair["P"]), np.arange(pair["G"])) for pair in example["pairs"]]
    assert np.mean(ratios) == example["mean_of_ratios"]


def test_resizing_for_inception(shared):
    from ccc.metrics.inception import resize_clean, resize_pytorch

    golden = json.loads(shared("goldens/resize299_values.json").read_text())
    for size, picture in (("256", shipped.astronaut()[100:356, 100:356]), ("512", shipped.astronaut())):
        resized = resize_clean(picture)
        assert resized.shape == (299, 299, 3)
        assert resized.mean() == pytest.approx(golden[size]["clean_mean"], abs=1e-4)
        np.testing.assert_allclose(resized[:2, :2], golden[size]["clean[0:2,0:2]"], atol=1e-4)
        other = resize_pytorch(picture)
        assert other.shape == (299, 299, 3)
        assert other.mean() == pytest.approx(golden[size]["legacy_pytorch_mean"], abs=1e-3)
        apart = np.sqrt(np.mean((resized.astype(np.float64) - other) ** 2))
        assert apart == pytest.approx(golden[size]["rms clean-vs-legacy_pt"], rel=1e-3)
