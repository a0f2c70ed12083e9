"""Files from strangers: nothing in them is run."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from ccc.errors import CCCError, ImageError
from ccc.images import read_rgb


class Bomb:
    """Unpickled, it makes a folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __reduce__(self):
        return Path.mkdir, (self.folder,)


def weights(path):
    from ccc.weights import read_state_dict

    read_state_dict(path)


def model(path):
    from ccc.model import load_model

    load_model(path)


def segmenter(path):
    from ccc.segment import load

    load("mobile_sam", path, "cpu")


def histogram(path):
    from ccc.shards import sum_histograms

    sum_histograms([path])


def state(path):
    from ccc.train import _load_state

    said = []
    path.rename(path.with_name("step-000000001.pt"))
    assert _load_state(path.parent, "x", said.append) is None
    raise CCCError(said[0])


@pytest.mark.parametrize("read", [weights, model, segmenter, histogram, state])
@pytest.mark.parametrize("kind", ["torch", "pickle", "numpy"])
def test_a_pickle_is_not_run(read, kind, tmp_path):
    path, mark = tmp_path / "file", tmp_path / "exploded"
    if kind == "torch":
        torch.save({"layer.weight": Bomb(mark)}, path)
    elif kind == "pickle":
        path.write_bytes(pickle.dumps(Bomb(mark)))
    else:
        with open(path, "wb") as file:
            np.save(file, np.array([Bomb(mark)], dtype=object), allow_pickle=True)
    with pytest.raises(CCCError):
        read(path)
    assert not mark.exists()
    assert kind != "pickle" or (pickle.loads(pickle.dumps(Bomb(mark))), mark.exists())[1]  # it would have


def test_postscript_is_no_picture(tmp_path):
    path = tmp_path / "photograph.jpg"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(touch pwned) run\n%%EOF\n")
    with pytest.raises(ImageError) as caught:
        read_rgb(path)
    assert caught.value.reason == "not a picture"
