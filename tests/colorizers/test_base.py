"""What holds for every colorizer."""

import importlib
import inspect
import tracemalloc

import numpy as np
import pytest
import torch

from ccc import color, colorizers
from ccc.codebook import class_map
from ccc.color import gray_of
from ccc.colorizers.base import Colorizer, SquareColorizer
from ccc.core.errors import CCCError

PICTURE = np.full((4, 5, 3), 90, np.uint8)


class Limited(SquareColorizer):
    """Runs out of memory above `limit` pictures at once."""

    def __init__(self, limit):
        super().__init__(torch.nn.Identity(), "cpu")
        self.limit, self.passes = limit, []

    def _input(self, rgb):
        return torch.zeros(1)

    def _output(self, rgb, predicted):
        return rgb

    def _colorize_batch(self, images):
        self.passes.append(len(images))
        if len(images) > self.limit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return super()._colorize_batch(images)


def test_out_of_memory_halves_the_batch():
    limited = Limited(2)
    assert len(limited.colorize_batch([PICTURE] * 5)) == 5
    assert limited.passes == [5, 2, 3, 1, 2]


def test_out_of_memory_for_one_picture_is_an_error_never_gray():
    with pytest.raises(CCCError, match="out of memory for a picture of 5x4.*--device cpu"):
        Limited(0).colorize(PICTURE)


def test_other_errors_are_not_hidden():
    class Broken(Colorizer):
        def _colorize(self, rgb):
            raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        Broken().colorize(PICTURE)


@pytest.mark.parametrize("image", [np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2), float), np.zeros((0, 2), np.uint8)])
def test_other_arrays_are_refused(image):
    with pytest.raises(CCCError, match="a picture must be uint8"):
        colorizers.load("gray").colorize(image)


def test_a_name_makes_no_difference_by_default():
    np.testing.assert_array_equal(colorizers.load("gray").colorize_named("a.png", PICTURE), PICTURE)


@pytest.mark.parametrize("name", colorizers.names())
def test_every_method_states_its_facts(name):
    from ccc.assets.weights import known

    info = colorizers.info(name)
    assert info.name == name and info.title and info.paper and info.licence
    assert name == "ccc" or set(info.weights) <= set(known())


@pytest.mark.parametrize("name", colorizers.names())
def test_what_is_read_from_a_methods_source_is_what_the_method_says(name):
    module = importlib.import_module(f"ccc.colorizers.{name}")
    assert colorizers.info(name) == module.INFO and colorizers.explained(name) == inspect.getdoc(module.load)
    parameters = inspect.signature(module.load).parameters
    own = module.own_defaults() if hasattr(module, "own_defaults") else {}
    assert ["weights", "device", *colorizers.options(name)] == list(parameters)
    for key, value in colorizers.options(name).items():
        assert value == (own[key] if key in own else parameters[key].default), key


def test_files_are_asked_for_before_any_work(tmp_path, monkeypatch):
    from ccc.core.errors import MissingWeights

    for name in ("CCC_WEIGHTS", "XDG_CACHE_HOME", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    assert colorizers.files("gray") == []
    for name in ("cic", "zhang", "su", "deoldify", "ddcolor", "larsson", "iizuka"):
        with pytest.raises(MissingWeights, match=f"^no weights: .*`ccc weights fetch {name}"):
            colorizers.files(name)
    assert [path.name for path in colorizers.files("ccc")] == ["ccc-scenes-objects.safetensors"]
    with pytest.raises(MissingWeights, match="^no weights: .*none.safetensors is not there"):
        colorizers.files("ccc", tmp_path / "none.safetensors")
    with pytest.raises(CCCError, match="folder=PATH"):
        colorizers.files("gain")
    (tmp_path / "ddcolor_paper_tiny.pth").touch()
    assert colorizers.files("ddcolor", model="tiny", input_size=256) == [tmp_path / "ddcolor_paper_tiny.pth"]
    (tmp_path / "inst-colorizatioon_full_official_cocostuff-256x256-5b9d4eee.pth").touch()
    assert len(colorizers.files("su")) == 1  # MMagic's file, where the published one is not at hand


def _iizuka(picture):
    """The pipeline around a network that gives each pixel a color of its own."""
    from ccc.colorizers.iizuka import IizukaColorizer

    class Network:
        mean = torch.tensor(0.5)

        def __call__(self, gray, small):
            return (gray.sin() + 1)[0, :, ::2, ::2].repeat(2, 1, 1)[None] / 2

    colorizer = IizukaColorizer()
    colorizer.network, colorizer.device = Network(), "cpu"
    return colorizer.colorize(picture)


def _ddcolor(picture):
    from ccc.colorizers.ddcolor import DDColorColorizer

    planes = torch.linspace(-60, 60, 2 * 256 * 256).view(2, 256, 256)
    return DDColorColorizer._output(None, picture, planes)


@pytest.mark.parametrize(
    ("made", "most"),
    [(gray_of, 20), (class_map, 40), (_ddcolor, 20), (_iizuka, 80)],
    ids=["gray", "map", "ddcolor", "iizuka"],
)
def test_a_large_picture_is_coloured_in_parts_as_it_would_be_at_once(made, most, astronaut, monkeypatch):
    """`most`: bytes a pixel that NumPy may take, with what is not in parts, such as the colours of all pixels."""
    picture = np.tile(astronaut, (2, 2, 1))
    whole = made(picture)
    monkeypatch.setattr(color, "PART", 1 << 15)
    tracemalloc.start()
    parts = made(picture)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.abs(parts.astype(int) - whole).max() <= 1 and parts.shape == whole.shape
    assert peak < most * picture[..., 0].size
