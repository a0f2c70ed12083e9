"""Files from strangers: nothing in them is run."""

import hashlib
import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from ccc.codebook import Codebook
from ccc.core.errors import CCCError, ImageError
from ccc.core.images import read_rgb
from ccc.data import embedded as data
from ccc.data import sources
from ccc.data.shards import sum_histograms, write_shard
from ccc.data.stream import Stream


class Bomb:
    """Unpickled, it makes a folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __reduce__(self):
        return Path.mkdir, (self.folder,)


def weights(path):
    from ccc.assets.weights import read_state_dict

    read_state_dict(path)


def model(path):
    from ccc.model import load_model

    load_model(path)


def segmenter(path):
    from ccc.segment import load

    load("mobile_sam", path, "cpu")


def histogram(path):
    from ccc.data.shards import sum_histograms

    sum_histograms([path])


def state(path):
    from ccc.training.checkpoints import read_state

    path.write_bytes(path.read_bytes() + hashlib.sha256(path.read_bytes()).digest())
    read_state(path)


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


def test_the_name_of_a_shard_is_no_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("pipe:touch pwned; cat shard").mkdir()
    name = "pipe:touch pwned; cat shard/00000.tar"
    data.write(tmp_path / "photographs", crops=1)
    write_shard(tmp_path / "photographs/validation", name)
    book = Codebook.fit(sum_histograms([Path(name).with_suffix(".histogram.npy")]), threshold=0)
    assert next(iter(Stream([name], book, 2).batches()))[0].shape[0] == 2
    assert not Path("pwned").exists()


def test_a_tar_member_that_claims_to_be_huge_takes_no_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MAX_BYTES", 1000)
    for kind in ("w", "w:gz"):
        with tarfile.open(tmp_path / "huge.tar", kind) as archive:
            member = tarfile.TarInfo("huge.png")
            member.size = 5000
            archive.addfile(member, io.BytesIO(bytes(member.size)))
        source = sources.Source(tmp_path / "huge.tar")
        [(_, error)] = source.read(source.entries())
        assert isinstance(error, ImageError) and error.reason == "too large"
