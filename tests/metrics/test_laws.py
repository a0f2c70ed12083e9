"""What holds for any picture, and what each metric says of pictures that are tiny, flat, gray or no pictures."""

import functools
import inspect

import numpy as np
import pytest
from scipy.ndimage import correlate
from skimage import data as shipped
from skimage.color import rgb2xyz, xyz2lab

from ccc import metrics
from ccc.codebook import Codebook, class_map
from ccc.color import lab_to_rgb, rgb_to_lab, to_uint8
from ccc.colorizers import load
from ccc.metrics import distribution, foreign, registry
from ccc.metrics.distribution import frechet_interval, kid_interval
from ccc.metrics.inception import RESIZE, inception_features
from ccc.metrics.pair import Pair

METRICS = registry.metrics()

PAIRS = [metrics.mse, metrics.psnr, metrics.ssim, metrics.uiqi, metrics.cnr, metrics.cnr_56]
PAIRS += [metrics.ciede2000, metrics.mse_ab, metrics.colorfulness, metrics.delta_colorfulness]
PAIRS += [metrics.class_precision, metrics.class_recall, metrics.fsimc, metrics.vsi]


def flat(color, side=16):
    return np.full((side, side, 3), color, np.uint8)


def test_identical_pictures(astronaut):
    for picture in (astronaut[:40, :50], flat(0), flat(128), flat((200, 30, 30))):
        for metric in (metrics.mse, metrics.ciede2000, metrics.mse_ab, metrics.delta_colorfulness):
            assert metric(picture, picture) == 0
        for metric in (metrics.cnr, metrics.cnr_56):
            assert metric(picture, picture) == 1
        assert metrics.uiqi(picture, picture) == 1 and metrics.ssim(picture, picture) == pytest.approx(1, abs=1e-12)
        assert metrics.psnr(picture, picture) == np.inf
    for metric in (metrics.fsimc, metrics.vsi):  # in single precision
        assert metric(astronaut[:60, :50], astronaut[:60, :50]) == pytest.approx(1, abs=1e-6)


def test_flat_pictures_by_hand():
    # Flat windows have no variance: UIQI compares means alone, SSIM too, with its constant (0.01 * 255)^2.
    assert metrics.uiqi(flat(100), flat(50)) == pytest.approx(2 * 100 * 50 / (100**2 + 50**2), abs=1e-12)
    assert metrics.uiqi(flat(0), flat(50)) == 0 and metrics.uiqi(flat(0), flat(0)) == 1
    c1 = 2.55**2
    assert metrics.ssim(flat(100), flat(50)) == pytest.approx((2 * 100 * 50 + c1) / (100**2 + 50**2 + c1), abs=1e-12)
    assert metrics.mse(flat(255), flat(0)) == 1 and metrics.psnr(flat(255), flat(0)) == 0
    assert metrics.colorfulness(flat(77)) == metrics.mse_ab(flat(9), flat(9)) == 0
    # Pure red: rg = 255 and yb = 127.5 everywhere, no deviation.
    assert metrics.colorfulness(flat((255, 0, 0))) == pytest.approx(0.3 * np.hypot(255, 127.5))
    assert metrics.colorfulness(flat((0, 255, 0))) == metrics.colorfulness(flat((255, 0, 0)))
    # Nothing in them is salient: pyiqa would call any two of them alike.
    assert np.isnan(metrics.vsi(flat(100), flat((255, 0, 0)))) and np.isnan(metrics.vsi(flat(9), flat(9)))
    assert metrics.fsimc(flat(100, 64), flat((255, 0, 0), 64)) < 0.99


def test_opposite_colors_cancel_in_signed_colorfulness_only():
    picture = np.concatenate([flat((255, 0, 0)), flat((0, 255, 255))])  # rg is 255 and -255, yb 127.5 and -127.5
    assert metrics.colorfulness(picture) == pytest.approx(np.hypot(255, 127.5))
    assert metrics.colorfulness(picture, variant="absolute") == pytest.approx(0.3 * np.hypot(255, 127.5))


def test_gray_truth_counts_one_class(astronaut):
    gray = load("gray").colorize(astronaut)
    grays = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    assert metrics.cnr(gray, gray) == metrics.cnr(grays, grays) == metrics.cnr_56(grays, flat(3)) == 1
    classes = len(np.unique(Pair(astronaut, gray).classes[0]))
    assert metrics.cnr(astronaut, gray) == classes > 50 and metrics.cnr(gray, astronaut) == 1 / classes


def test_cnr_counts_classes_of_enough_pixels():
    truth = np.concatenate([flat(128, 4), flat((255, 0, 0), 4)])  # two classes of 16 pixels
    prediction = truth.copy()
    prediction[0, :4] = 0, 0, 255  # four stray pixels of a third
    assert metrics.cnr(prediction, truth) == 3 / 2
    assert metrics.cnr(prediction, truth, min_pixels=4) == 3 / 2
    assert metrics.cnr(prediction, truth, min_pixels=5) == 1
    assert np.isnan(metrics.cnr(prediction, truth, min_pixels=17))


def test_shared_views_are_those_of_the_codebook(astronaut):
    truth = shipped.chelsea()[:200, :301]
    pair = Pair(astronaut[:200, :301], truth)
    for classes, picture in zip(pair.classes_56, (pair.prediction, truth), strict=True):
        np.testing.assert_array_equal(classes, class_map(picture))
    counts = np.bincount(class_map(truth).ravel(), minlength=400)
    book = Codebook.fit(counts, 20)
    expected = [len(np.unique(book.encode(lab[..., 1:]))) for lab in pair.lab]
    assert metrics.cnr_codebook(pair.prediction, truth, book) == expected[0] / expected[1]


def ssim_by_windows(prediction, truth):
    """Wang's definition, the statistics of every whole window weighed by a gaussian of 1.5 pixels."""
    near = np.exp(-0.5 * ((np.arange(11) - 5) / 1.5) ** 2)
    weights = np.outer(near, near) / near.sum() ** 2
    x, y = (np.lib.stride_tricks.sliding_window_view(p / 1.0, (11, 11), (0, 1)) for p in (prediction, truth))
    mean_x, mean_y, xx, yy, xy = ((weights * v).sum((-1, -2)) for v in (x, y, x * x, y * y, x * y))
    c1, c2 = 2.55**2, 7.65**2
    contrast = (2 * (xy - mean_x * mean_y) + c2) / (xx - mean_x**2 + yy - mean_y**2 + c2)
    return ((2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1) * contrast).mean()


def saliency(picture):
    """SDSP of a picture of 256x256 (Zhang, Gu and Li 2013): band-passed Lab, warm colours and the middle."""
    lab, side = xyz2lab(rgb2xyz(picture), illuminant="D50"), 256  # the authors' white, though sRGB's is D65
    radius = np.hypot(*np.meshgrid(*2 * [np.fft.fftfreq(side)]))
    radius[0, 0] = 1  # of no frequency, whose share is 0
    band = np.exp(-(np.log(radius / 0.021) ** 2) / (2 * 1.34**2)) * (radius <= 0.5)
    filtered = np.fft.ifft2(np.fft.fft2(lab, axes=(0, 1)) * band[..., None], axes=(0, 1)).real
    place = np.arange(side) - side / 2 + 1
    middle = np.exp(-(place[:, None] ** 2 + place**2) / 145**2)
    warm = (lab[..., 1:] - lab[..., 1:].min((0, 1))) / np.ptp(lab[..., 1:], (0, 1))
    found = np.linalg.norm(filtered, axis=-1) * middle * (1 - np.exp(-(warm**2).sum(-1) / 0.001**2))
    return (found - found.min()) / np.ptp(found)


def vsi_by_its_authors(prediction, truth):
    """Zhang, Shen and Li 2014, with their constants, for pictures of 256x256."""

    def alike(x, y, constant):
        return (2 * x * y + constant) / (x**2 + y**2 + constant)

    sides, opponent = (prediction, truth), [[0.06, 0.63, 0.27], [0.30, 0.04, -0.35], [0.34, -0.60, 0.17]]
    salient = [saliency(picture) for picture in sides]
    planes = [np.moveaxis(picture @ np.transpose(opponent), -1, 0) for picture in sides]
    scharr = np.array([[3, 0, -3], [10, 0, -10], [3, 0, -3]]) / 16
    steep = [np.hypot(*(correlate(p[0], k, mode="constant") for k in (scharr, scharr.T))) for p in planes]
    colors = alike(planes[0][1], planes[1][1], 130) * alike(planes[0][2], planes[1][2], 130)
    quality = alike(*salient, 1.27) * alike(*steep, 386) ** 0.4 * (colors.astype(complex) ** 0.02).real
    return np.average(quality, weights=np.maximum(*salient))


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
def test_vsi_is_that_of_its_authors(name):
    truth = getattr(shipped, name)()[:256, :256]
    for prediction in (paler(truth, 0.2), truth[:, ::-1], np.uint8(truth * 0.7)):
        assert metrics.vsi(prediction, truth) == pytest.approx(vsi_by_its_authors(prediction, truth), abs=1e-4)


@pytest.mark.parametrize(("name", "fsimc", "of_piqa", "vsi"), [
    ("astronaut", 0.959916, 0.960241, 0.966011), ("coffee", 0.907337, 0.908351, 0.923020),
    ("chelsea", 0.943875, 0.944583, 0.952744), ("rocket", 0.959595, 0.959354, 0.970568),
])  # fmt: skip
def test_fsimc_and_vsi_of_other_packages(name, fsimc, of_piqa, vsi):
    # By piq 0.8.0; FSIMc by piqa 1.3.2 too, whose VSI leaves out that saliency is brought to [0, 1].
    truth = getattr(shipped, name)()[:256, :256]
    gray = np.repeat(truth[..., 1:2], 3, axis=2)
    value = metrics.fsimc(gray, truth)
    assert value == pytest.approx(fsimc, abs=1e-5) and value == pytest.approx(of_piqa, abs=2e-3)
    assert metrics.vsi(gray, truth) == pytest.approx(vsi, abs=1e-5)


def test_noise_raises_cnr_and_not_the_share_of_true_classes(astronaut):
    truth = astronaut[:128, :128]
    noise = np.random.default_rng(0).normal(0, 60, truth.shape)
    noisy = np.clip(load("gray").colorize(truth) + noise, 0, 255).astype(np.uint8)
    assert metrics.cnr(noisy, truth) > 1.5 > 2.5 * metrics.class_precision(noisy, truth)
    for prediction in (noisy, load("gray").colorize(truth), load("oracle").colorize(truth), truth):
        precision, recall = metrics.class_precision(prediction, truth), metrics.class_recall(prediction, truth)
        assert metrics.cnr(prediction, truth) == pytest.approx(recall / precision if precision else np.inf)
        assert metrics.class_recall(truth, prediction) == precision  # the two change places with the pictures
    assert precision == recall == 1


def test_shares_of_true_classes_by_hand():
    red, green, blue = (flat(color, 10) for color in ((255, 0, 0), (0, 255, 0), (0, 0, 255)))
    truth = np.concatenate([red, green, green, green])
    prediction = np.concatenate([red, blue, blue, flat(128, 10)])
    assert (metrics.class_precision(prediction, truth), metrics.class_recall(prediction, truth)) == (1 / 3, 1 / 2)
    assert metrics.class_precision(prediction, truth, pixels=True) == 1 / 4
    assert metrics.class_recall(np.concatenate([green] * 4), truth, pixels=True) == 3 / 4


@pytest.mark.parametrize("shape", [(1, 1), (7, 7), (8, 10), (11, 11), (30, 64), (31, 31), (400, 11), (97, 131)])
def test_small_and_odd_pictures(shape, shared):
    random = np.random.default_rng(0)
    truth, prediction = random.integers(0, 256, (2, *shape, 3), dtype=np.uint8)
    for metric in PAIRS:
        limit = {metrics.ssim: 11, metrics.uiqi: 8, metrics.fsimc: 48, metrics.vsi: 3}.get(metric, 1)
        assert np.isnan(metric(prediction, truth)) == (min(shape) < limit), metric.__name__
    if min(shape) >= 11:
        assert metrics.ssim(prediction, truth) == pytest.approx(ssim_by_windows(prediction, truth), abs=1e-9)
    found = metrics.lpips(prediction, truth, weights=shared("weights/alexnet_features.pth"))
    assert np.isnan(found) if min(shape) < 31 else found > 0


def test_mirrored_pictures_have_the_same_values(astronaut, shared):
    test, truth = shipped.coffee()[:48, :64], astronaut[100:148, 100:164]
    for metric in PAIRS:  # views with negative strides
        near = 1e-3 if metric is metrics.vsi else 1e-5  # its authors' middle of a picture is not quite in the middle
        assert metric(test[:, ::-1], truth[:, ::-1]) == pytest.approx(metric(test, truth), rel=near), metric.__name__
    trunk = shared("weights/alexnet_features.pth")
    mirrored = metrics.lpips(test[:, ::-1], truth[:, ::-1], weights=trunk)
    assert mirrored == metrics.lpips(test[:, ::-1].copy(), truth[:, ::-1].copy(), weights=trunk)


def test_no_picture_is_refused(astronaut):
    wrong = [astronaut[..., 0], astronaut / 255, astronaut[..., :2], astronaut[:0], astronaut.tolist(), None]
    for metric in PAIRS:
        assert list(inspect.signature(metric).parameters)[:2] == ["prediction", "truth"]
        for picture in wrong:
            with pytest.raises(ValueError, match="a picture must"):
                metric(picture, astronaut)
            if metric is not metrics.colorfulness:
                with pytest.raises(ValueError, match="a picture must"):
                    metric(astronaut, picture)
        if metric is not metrics.colorfulness:
            with pytest.raises(ValueError, match="one size"):
                metric(astronaut[:-1], astronaut)
    with pytest.raises(ValueError, match="variant"):
        metrics.colorfulness(astronaut, variant="unsigned")
    with pytest.raises(ValueError, match="net"):
        metrics.lpips(astronaut, astronaut, net="squeeze")


def paler(picture, share):
    """The picture with that share of its chroma, and its own lightness."""
    lab = rgb_to_lab(picture)
    return to_uint8(lab_to_rgb(np.concatenate([lab[..., :1], share * lab[..., 1:]], axis=-1)))


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
def test_no_metric_of_pairs_is_blind_to_color(name, shared):
    truth = getattr(shipped, name)()[:256, :256]
    gray, near = (Pair(picture, truth) for picture in (load("gray").colorize(truth), paler(truth, 0.9)))
    same = Pair(truth, truth)
    counts = np.bincount(class_map(truth).ravel(), minlength=400)
    needs = {"alexnet": shared("weights/alexnet_features.pth"), "codebook": Codebook.fit(counts, 5)}
    needs |= {f"pyiqa:{network}": foreign.load(network) for network in ("fsim", "vsi")}
    tested = [m for m in METRICS.values() if m.pair and m.direction and m.needs in (None, *needs)]
    assert len(tested) == len([m for m in METRICS.values() if m.pair and m.direction]) - 1, "all but LPIPS (vgg)"
    for metric in tested:
        needed = (needs[metric.needs],) if metric.needs else ()
        values = [metric.pair(pair, *needed) for pair in (gray, near, same)]
        if metric.direction == "higher":
            values = [-value for value in values]
        said = f"{metric.name} does not rate gray clearly worse than pale: is its direction None?"
        assert values[0] > values[1] >= values[2], said
        # Clearly: nearer to nothing than the paler picture is, several times over.
        if np.isfinite(values[2]):
            assert values[0] - values[2] > 3 * (values[1] - values[2]), said
    assert metrics.colorfulness(gray.prediction) == metrics.colorfulness(gray.prediction, variant="absolute") == 0


def test_no_metric_of_sets_is_blind_to_color(random_inceptions):
    truths = [getattr(shipped, name)()[:150, :150] for name in ("astronaut", "coffee", "chelsea", "rocket")]
    sides = [
        [load("gray").colorize(picture) for picture in truths],
        [paler(picture, 0.9) for picture in truths],
        truths,
    ]
    for resize, (*_, network) in RESIZE.items():
        gray, near, same = (inception_features(pictures, random_inceptions[network], resize) for pictures in sides)
        for metric in METRICS.values():
            if metric.set and metric.resize == resize:
                d = metric.dimension
                values = [metric.set(features[d], same[d]) for features in (gray, near, same)]
                assert values[0] > values[1] > values[2], metric.name
    counts = [sum(np.bincount(class_map(p).ravel(), minlength=400) for p in pictures) for pictures in sides]
    pooled = [METRICS["cnr_pooled"].set(side, counts[2]) for side in counts]
    assert pooled[0] < 0.1 and pooled[1] > 0.5 and pooled[2] == 1


def test_frechet_distance_by_its_laws():
    random = np.random.default_rng(0)
    x = random.normal(size=(50, 2048))
    assert abs(metrics.frechet_distance(x, x)) < 1e-9 * (x**2).sum()
    assert metrics.frechet_distance(x, x + 1) == pytest.approx(2048)  # equal covariances: the means' distance
    y = random.normal(size=(40, 2048)) * 2
    assert metrics.frechet_distance(x, y) == pytest.approx(metrics.frechet_distance(y, x))
    # In one dimension: (m1 - m2)^2 + (s1 - s2)^2; also where pictures outnumber features.
    a, b = random.normal(3, 2, (500, 1)), random.normal(1, 5, (300, 1))
    expected = (a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2
    assert metrics.frechet_distance(a, b) == pytest.approx(expected)
    for wrong in (x[:1], x[0], x[:, :5], x * np.nan):
        for distance in (metrics.frechet_distance, metrics.kid):
            with pytest.raises(ValueError, match="features must be"):
                distance(wrong, x)


@pytest.mark.parametrize(("distance", "interval"), [
    (metrics.frechet_distance, frechet_interval), (metrics.kid, kid_interval),
    (functools.partial(metrics.kid, paired=True), functools.partial(kid_interval, paired=True)),
])  # fmt: skip
@pytest.mark.parametrize("shape", [(12, 5), (12, 40)])
def test_intervals_of_sets_leave_out_one_pair_at_a_time(distance, interval, shape):
    random = np.random.default_rng(0)
    x = random.normal(size=shape)
    y = x + random.normal(0.5, 0.5, shape)
    without = np.array([distance(np.delete(x, i, axis=0), np.delete(y, i, axis=0)) for i in range(len(x))])
    error = np.sqrt((len(x) - 1) / len(x) * ((without - without.mean()) ** 2).sum())
    half = 2.2009851600916384 * error  # Student's t of 11 degrees, 0.975
    low = distance(x, y) - half
    low = max(low, 0) if distance is metrics.frechet_distance else low
    assert interval(x, y) == pytest.approx((low, distance(x, y) + half))
    for a, b in ((x[:2], y[:2]), (x, y[:-1])):
        with pytest.raises(ValueError, match="at least three pairs"):
            interval(a, b)


def test_the_interval_of_frechet_leaves_out_groups_of_many_pairs():
    random = np.random.default_rng(0)
    x = random.normal(size=(130, 5))
    y = x + random.normal(0.5, 0.5, x.shape)
    parts = [np.arange(130)[group::20] for group in range(20)]
    without = [metrics.frechet_distance(np.delete(x, part, axis=0), np.delete(y, part, axis=0)) for part in parts]
    half = 2.093024054408263 * np.sqrt(19 * np.var(without))  # Student's t of 19 degrees, 0.975
    value = metrics.frechet_distance(x, y)
    assert frechet_interval(x, y) == pytest.approx((value - half, value + half))
    singly = [metrics.frechet_distance(np.delete(x, i, axis=0), np.delete(y, i, axis=0)) for i in range(130)]
    assert half == pytest.approx(1.98 * np.sqrt(129 * np.var(singly)), rel=0.5), "as wide as by single pairs, roughly"


@pytest.mark.parametrize("paired", [False, True])
def test_kernels_are_the_same_in_blocks(monkeypatch, paired):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, 23, 4))
    whole = metrics.kid(x, y, paired), kid_interval(x, y, paired=paired)
    monkeypatch.setattr(distribution, "BLOCK", 7)
    blocks = metrics.kid(x, y, paired), kid_interval(x, y, paired=paired)
    assert blocks[0] == pytest.approx(whole[0], abs=1e-12) and blocks[1] == pytest.approx(whole[1], abs=1e-12)


def test_kid_does_not_grow_where_frechet_does_as_pictures_get_fewer():
    random = np.random.default_rng(0)
    sets = [[random.normal(size=(2, n, 64)) for _ in range(20)] for n in (10, 200)]
    frechet = [np.mean([metrics.frechet_distance(*pair) for pair in pairs]) for pairs in sets]
    kernel = [np.mean([metrics.kid(*pair) for pair in pairs]) for pairs in sets]
    assert frechet[0] > 5 * frechet[1] > 0
    assert abs(kernel[0]) < 0.1 and abs(kernel[1]) < 0.1


@pytest.mark.parametrize("n", [10, 200])
def test_kid_of_nearly_perfect_predictions_is_0_in_the_mean_where_pairs_are_left_out(n):
    random, values = np.random.default_rng(0), []
    for _ in range(200):
        truth = np.abs(random.normal(size=(n, 64)))
        pair = truth, truth + random.normal(scale=0.05, size=truth.shape)
        values.append([metrics.kid(*pair, paired=True), metrics.kid(*pair)])
    (paired, other), error = np.mean(values, axis=0), np.std(values, axis=0)[0] / np.sqrt(len(values))
    assert abs(paired) < 3 * error < 1e-4
    assert other * n == pytest.approx(-7.5, rel=0.02), "the bias falls with the number of pictures alone"
    assert metrics.kid(truth, truth, paired=True) == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="as many rows"):
        metrics.kid(truth, truth[1:], paired=True)


def test_every_metric_states_its_facts():
    for name, metric in METRICS.items():
        assert metric.name == name and metric.title and metric.range and metric.compares and metric.source
        assert metric.direction in ("lower", "higher", None) and metric.version
        assert (metric.pair is None) != (metric.set is None) and metric.kind == ("pair" if metric.pair else "set")
        assert bool(metric.set) == ((metric.counts is None) != (metric.gather is None))
    assert len({metric.title for metric in METRICS.values()}) == len(METRICS)
    assert not METRICS["lpips_vgg"].default and not METRICS["cnr_codebook"].default


def test_no_pictures_have_no_features(tmp_path):
    from ccc.core.errors import MissingWeights

    with pytest.raises(MissingWeights, match="no weights"):
        inception_features([], tmp_path / "absent.pth")
