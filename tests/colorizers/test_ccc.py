"""The model that comes with the package, and how the colorizer uses a model."""

import io
import tarfile

import numpy as np
import pytest

import ccc.colorizers.ccc
from ccc import colorizers
from ccc.assets import PUBLISHED
from ccc.color import gray_of, guided_ab, lightness, rgb_to_lab
from ccc.core.errors import CCCError, MissingWeights
from ccc.core.images import read_rgb
from ccc.decoding import vivid
from ccc.metrics import ciede2000, colorfulness
from ccc.model import load_model, save_model
from ccc.settings.decoding import PAPERS_DECODING
from ccc.training.export import export


@pytest.fixture(scope="module")
def colorizer():
    return colorizers.load("ccc", device="cpu")


def test_it_says_what_it_is(colorizer):
    assert PUBLISHED.stat().st_size < 30e6 and colorizers.files("ccc") == [PUBLISHED]
    assert colorizer.title == "CCC (scenes+objects)"
    _, codebook, settings = load_model(PUBLISHED)
    assert settings["pictures"] == 16_767 and "not the data" in settings["note"] and codebook.size == 206
    assert settings["history"][-1]["step"] == settings["steps"] and settings["kept_step"] == 6500
    assert settings["pretrained"] is True
    own = {name: getattr(colorizer, name) for name in (*PAPERS_DECODING, "input_size")}
    assert colorizers.options("ccc") == own | {"vividness": None} == vivid(0.1) | {"input_size": 160, "vividness": None}


def test_the_more_vivid_the_more_colourful(colorizer, astronaut):
    steps = [0, 0.25, 0.5, 0.75, 1]
    pictures = [colorizers.load("ccc", device="cpu", vividness=step).colorize(astronaut) for step in steps]
    assert (np.diff([colorfulness(picture) for picture in pictures]) > 0.5).all()


def test_colours_keep_to_the_edges_of_lightness(colorizer, astronaut):
    """Guided by L, colours change where it does; what comes out at the map's size is the same but for smoothing."""
    guided = colorizers.load("ccc", device="cpu", upsample="guided")
    bilinear = colorizers.load("ccc", device="cpu", upsample="bilinear")
    L = lightness(astronaut)
    steps = [np.hypot(*np.moveaxis(np.diff(one.own_ab(astronaut), axis=1), -1, 0)) for one in (guided, bilinear)]
    edges = np.abs(np.diff(L, axis=1))
    guided_fit, bilinear_fit = (np.corrcoef(edges.ravel(), step.ravel())[0, 1] for step in steps)
    assert guided_fit > bilinear_fit + 0.3
    np.testing.assert_array_equal(guided.own_ab(astronaut), guided_ab(bilinear.predict_ab(L), L))


@pytest.mark.parametrize("shape", [(1, 1), (40, 300), (300, 41), (256, 256)])
def test_any_size(colorizer, shape):
    gray = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert colorizer.colorize(gray).shape == (*shape, 3)


def test_the_network_sees_the_size_it_was_trained_on(colorizer):
    assert colorizer.input_shape(256, 341) == (160, 224)
    assert colorizers.load("ccc", device="cpu", input_size="full").input_shape(256, 341) == (256, 352)
    assert colorizers.load("ccc", device="cpu", input_size=256).input_shape(500, 400) == (320, 256)


@pytest.mark.parametrize("shape", [(1, 20_000), (20_000, 1), (1, 10**6), (300, 40_000)])
def test_what_the_network_sees_of_a_long_picture_is_bounded(shape):
    for size in (160, 512):
        rows, columns = colorizers.load("ccc", device="cpu", input_size=size).input_shape(*shape)
        assert rows * columns <= 2**20 * 1.1 and min(rows, columns) >= 32 and rows % 32 == columns % 32 == 0
    assert colorizers.load("ccc", device="cpu", input_size=224).input_shape(300, 4_500) == (224, 3360)  # 1:15, as ever


def test_trained_on_stretched_squares_it_sees_squares_and_maps_them_to_56x56(colorizer, tmp_path, astronaut):
    """The paper's: every picture at 224x224."""
    path = tmp_path / "square.safetensors"
    save_model(path, colorizer.network, colorizer.codebook, colorizer.settings | {"fit": "stretch", "input_size": 224})
    square = colorizers.load("ccc", path, "cpu")
    assert square.input_shape(256, 341) == (224, 224)
    assert square.predict_ab(lightness(astronaut[:100])).shape == (56, 56, 2)


@pytest.mark.parametrize(
    ("lacks", "options"),
    [("input_size", {}), ("balance", {"vividness": 0.1}), ("upsilon", {"logit_adjustment": 0.5})],
)
def test_a_file_without_what_its_decoding_needs_is_refused(colorizer, tmp_path, lacks, options):
    path = tmp_path / "short.safetensors"
    settings = {name: value for name, value in colorizer.settings.items() if name != lacks}
    save_model(path, colorizer.network, colorizer.codebook, settings)
    with pytest.raises(CCCError, match=f"short.safetensors: its settings lack {lacks}, which this decoding needs; "):
        colorizers.load("ccc", path, "cpu", **options)
    colorizers.load("ccc", path, "cpu", input_size=64, logit_adjustment=0)
    if lacks != "input_size":  # which only concerns the pictures that ccc itself reads
        with pytest.raises(CCCError, match=f"short.safetensors: its settings lack {lacks}"):
            export(path, tmp_path / "short.pt2", **options)


def test_a_picture_is_decoded_in_parts_as_it_would_be_at_once(monkeypatch, astronaut):
    options = {"decode": "ciede2000", "temperature": 2.0, "logit_adjustment": 1.0, "input_size": 160}
    parts = colorizers.load("ccc", device="cpu", chroma=1.0, **options).predict_ab(lightness(astronaut))
    assert parts.shape == (40, 40, 2)
    monkeypatch.setattr(ccc.colorizers.ccc, "ROWS", 7)
    others = colorizers.load("ccc", device="cpu", chroma=1.0, **options).predict_ab(lightness(astronaut))
    np.testing.assert_allclose(parts, others, atol=0.01)
    paler = colorizers.load("ccc", device="cpu", chroma=0.5, **options).predict_ab(lightness(astronaut))
    np.testing.assert_allclose(paler, parts / 2, atol=0.01)


def test_lightness_is_kept_and_colour_of_the_input_is_not_looked_at(colorizer, astronaut):
    coloured = colorizer.colorize(astronaut)
    again = colorizer.colorize(gray_of(astronaut))
    assert np.abs(rgb_to_lab(coloured)[..., 0] - rgb_to_lab(astronaut)[..., 0]).mean() < 0.5
    assert np.abs(coloured.astype(int) - again).mean() < 2
    full = colorizers.load("ccc", device="cpu", decode="argmax").colorize(astronaut)
    assert np.abs(rgb_to_lab(full)[..., 1:]).mean() > 5 and np.abs(rgb_to_lab(coloured)[..., 1:]).mean() > 2


def test_it_colours_scenes_better_than_gray_does(colorizer, shared):
    """Photographs it was not trained on. Argmax as trained is more colourful than the default, and errs more."""
    argmax = colorizers.load("ccc", device="cpu", decode="argmax")
    errors, chroma = [], []
    with tarfile.open(shared("data/scenes/val_256.tar")) as tar:
        members = [member for member in tar.getmembers() if member.isfile()][::25]
        for member in members:
            truth = read_rgb(io.BytesIO(tar.extractfile(member).read()).getvalue(), member.name)
            gray = gray_of(truth)
            pictures = [np.repeat(gray[..., None], 3, axis=-1), colorizer.colorize(gray), argmax.colorize(gray)]
            errors.append([ciede2000(picture, truth) for picture in pictures])
            chroma.append([np.hypot(*np.moveaxis(rgb_to_lab(picture)[..., 1:], -1, 0)).mean() for picture in pictures])
    gray, default, argmax = np.mean(errors, axis=0)
    assert default < 0.93 * gray and default < argmax
    assert np.mean(chroma, axis=0)[2] > 1.2 * np.mean(chroma, axis=0)[1]


def test_wrong_options(tmp_path):
    with pytest.raises(MissingWeights, match="no weights"):
        colorizers.load("ccc", tmp_path / "none.safetensors")
    with pytest.raises(CCCError, match="no option 'decod': did you mean 'decode'"):
        colorizers.load("ccc", device="cpu", decod="argmax")
    wrong = [
        ("decode", "mean"),
        ("upsample", "cubic"),
        ("input_size", 16),
        ("input_size", 33.5),
        ("logit_adjustment", 2),
    ]
    wrong += [
        ("chroma", -1),
        ("chroma", float("nan")),
        ("logit_adjustment", "x"),
        ("temperature", 0),
        ("temperature", -1),
        ("temperature", float("nan")),
    ]
    for option, value in wrong:
        with pytest.raises(CCCError, match=option):
            colorizers.load("ccc", device="cpu", **{option: value})
