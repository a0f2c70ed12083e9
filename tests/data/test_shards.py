"""Shards hold what the design says, byte for byte the same each time, and a stream gives each sample once."""

import dataclasses
import hashlib
import io
import json
import tarfile

import numpy as np
import pytest
from PIL import Image

import ccc.data.stream
from ccc.codebook import Codebook, class_map
from ccc.color import lightness
from ccc.core.errors import CCCError
from ccc.core.images import square, write_png
from ccc.data.index import Choice
from ccc.data.shards import INTERPOLATION, make_sample, resized, slice_of, sum_histograms, write_shard
from ccc.data.stream import Stream


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    from skimage import data

    folder = tmp_path_factory.mktemp("photographs")
    for number in range(11):
        write_png(folder / f"{number:02d}.png", data.astronaut()[20 * number : 20 * number + 150, 50:250])
    return folder


@pytest.fixture(scope="module")
def shards(photographs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    for number in range(4):
        write_shard(photographs, folder / f"{number}.tar", number, 4, size=64, map_size=16)
    return [folder / f"{number}.tar" for number in range(4)]


def test_a_sample_is_gray_and_classes(astronaut):
    gray, classes, clamped = make_sample(astronaut)
    picture = resized(astronaut, 224)
    assert gray.dtype == np.uint8 and gray.shape == (224, 224)
    assert np.abs(gray / 2.55 - lightness(picture)).max() <= 0.2
    assert classes.dtype == np.uint16 and (classes == class_map(picture)).all() and clamped == 0


@pytest.mark.parametrize("factor", [2, 3])
def test_a_picture_that_shrinks_much_is_averaged(factor):
    noise = np.random.default_rng(0).integers(0, 256, (64 * factor, 64 * factor, 3), dtype=np.uint8)
    means = noise.reshape(64, factor, 64, factor, 3).mean(axis=(1, 3))
    assert np.abs(resized(noise, 64) - means).max() <= 0.5
    stretched = resized(np.repeat(noise[:: 2 * factor], factor, axis=1), 64, "stretch")  # one side grows, one shrinks
    averaged = np.repeat(noise[:: 2 * factor], factor, axis=1).reshape(32, 64, factor**2, 3).mean(axis=2)
    assert np.abs(stretched.reshape(32, 2, 64, 3).mean(axis=1) - averaged).mean() < 10


@pytest.mark.parametrize(("height", "width", "side"), [(256, 256, 224), (100, 130, 224), (230, 300, 224)])
def test_a_picture_near_the_size_is_as_pillow_makes_it(astronaut, height, width, side):
    picture = astronaut[:height, :width]
    for fit in ("crop", "stretch"):
        ours, pillows = (function(picture, side, fit).astype(float) for function in (resized, square))
        assert np.abs(ours - pillows).mean() < 2 and np.abs((ours - pillows).mean()) < 0.1, fit


def test_pictures_of_odd_shapes_are_resized():
    for height, width in ((1, 1), (1, 100_000), (100_000, 1), (3, 500)):
        picture = np.full((height, width, 3), 77, np.uint8)
        for fit in ("crop", "stretch"):
            assert (resized(picture, 32, fit) == 77).all() and resized(picture, 32, fit).shape == (32, 32, 3)
    with pytest.raises(ValueError, match="fit must be .*, got 'other'"):
        resized(picture, 32, "other")


def test_the_tar_is_a_webdataset_and_the_histogram_counts_it(shards):
    total = np.zeros(400, np.int64)
    keys = []
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "JPEG", quality=92)
    tables = Image.open(file).quantization
    for path in shards:
        statistics = json.loads(path.with_suffix(".json").read_text())
        assert statistics["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert statistics["interpolation"] == INTERPOLATION
        with tarfile.open(path) as archive:
            members = archive.getmembers()
            assert len(members) == 2 * statistics["samples"] and {member.mtime for member in members} == {0}
            assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {(0, 0, "", "")}
            assert not any(member.pax_headers for member in members)
            for classes, gray in zip(members[::2], members[1::2], strict=True):
                key = gray.name.split(".")[0]
                assert (gray.name, classes.name) == (f"{key}.gray.jpg", f"{key}.classes.npy")
                keys.append(int(key))
                picture = Image.open(io.BytesIO(archive.extractfile(gray).read()))
                assert (picture.mode, picture.size) == ("L", (64, 64)) and picture.quantization == tables
                array = np.load(io.BytesIO(archive.extractfile(classes).read()))
                assert array.dtype == np.uint16 and array.shape == (16, 16)
                total += np.bincount(array.ravel(), minlength=400)
    assert keys == list(range(11))
    assert (sum_histograms([path.with_suffix(".histogram.npy") for path in shards]) == total).all()
    assert total.sum() == 11 * 256


def test_equal_inputs_give_equal_bytes(photographs, shards, tmp_path):
    write_shard(photographs, tmp_path / "again.tar", 2, 4, size=64, map_size=16)
    for suffix in (".tar", ".histogram.npy"):
        assert (tmp_path / "again").with_suffix(suffix).read_bytes() == shards[2].with_suffix(suffix).read_bytes()


@pytest.mark.parametrize("count", [1, 7, 36_500])
def test_slices_cover_everything_once(count):
    for of in (1, 3, min(count, 180)):
        slices = [slice_of(count, shard, of) for shard in range(of)]
        assert [position for part in slices for position in part] == list(range(count))
        assert max(map(len, slices)) - min(map(len, slices)) <= 1


def test_a_seed_mixes_the_pictures_always_the_same_way(photographs, tmp_path):
    for name in ("one", "two"):
        write_shard(photographs, tmp_path / f"{name}.tar", size=64, map_size=16, choice=Choice(limit=5, seed=3))
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    write_shard(photographs, tmp_path / "other.tar", size=64, map_size=16, choice=Choice(limit=5, seed=4))
    assert (tmp_path / "other.tar").read_bytes() != (tmp_path / "one.tar").read_bytes()


def test_bad_pictures_are_skipped_and_counted(photographs, tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    good = (photographs / "00.png").read_bytes()
    (folder / "a.png").write_bytes(good)
    (folder / "b.jpg").write_bytes(b"text")
    (folder / "c.png").write_bytes(good[:500])
    (folder / "d.png").write_bytes(b"")
    statistics = write_shard(folder, tmp_path / "mixed.tar", size=64, map_size=16)
    assert statistics["samples"] == 1
    assert {item["name"]: item["reason"] for item in statistics["skipped"]} == {
        "b.jpg": "not a picture",
        "c.png": "truncated",
        "d.png": "empty file",
    }


def test_nothing_readable_leaves_no_file(tmp_path):
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "b.jpg").write_bytes(b"text")
    with pytest.raises(CCCError, match="none of the 1 pictures can be read"):
        write_shard(folder, tmp_path / "out" / "broken.tar")
    assert list((tmp_path / "out").iterdir()) == []


def grays(stream):
    return [gray for batch, _ in stream.batches() for gray in batch[:, 0].numpy()]


@pytest.mark.parametrize(("workers", "world"), [(0, 1), (2, 1), (0, 2), (2, 2)])
def test_each_sample_comes_once_over_workers_and_ranks(shards, workers, world):
    book = Codebook.fit(sum_histograms([path.with_suffix(".histogram.npy") for path in shards]), 1)
    one = grays(Stream(shards, book, 1, shuffle=False, flip=False))
    many = [
        gray
        for rank in range(world)
        for gray in grays(Stream(shards, book, 1, flip=False, workers=workers, rank=rank, world=world, seed=5))
    ]
    assert len(one) == len(many) == 11
    assert sorted(gray.tobytes() for gray in one) == sorted(gray.tobytes() for gray in many)


def test_epochs_differ_and_repeat(shards):
    book = Codebook.fit(sum_histograms([path.with_suffix(".histogram.npy") for path in shards]), 1)
    first, again, second = (np.stack(grays(Stream(shards, book, 1, epoch=epoch, crop=32))) for epoch in (0, 0, 1))
    assert (first == again).all() and not (first == second).all()


@pytest.mark.parametrize(("workers", "partial"), [(0, False), (3, False), (3, True)])
def test_skip_goes_on_where_it_stopped(shards, workers, partial):
    """Shards of 3, 3, 2 and 3 samples: three workers have unequal shares, and left-overs that make batches together."""
    book = Codebook.fit(sum_histograms([path.with_suffix(".histogram.npy") for path in shards]), 1)
    stream = Stream(shards, book, 2, seed=1, workers=workers, partial=partial, buffer=2)
    whole = [(gray.numpy(), classes.numpy()) for gray, classes in stream.batches()]
    assert len(whole) == stream.steps() == (6 if partial else 5)
    for skip in range(len(whole) + 1):
        rest = list(dataclasses.replace(stream, skip=skip).batches())
        assert len(rest) == len(whole) - skip
        for (gray, classes), (gray_again, classes_again) in zip(whole[skip:], rest, strict=True):
            assert (gray == gray_again.numpy()).all() and (classes == classes_again.numpy()).all()


def test_what_is_skipped_is_not_decoded(shards, monkeypatch):
    book = Codebook.fit(np.full(400, 600))
    decoded = []
    decode = ccc.data.stream.simplejpeg.decode_jpeg
    monkeypatch.setattr(ccc.data.stream.simplejpeg, "decode_jpeg", lambda *a, **k: decoded.append(1) or decode(*a, **k))
    list(Stream(shards, book, 2, skip=3).batches())
    assert len(decoded) == 11 - 3 * 2


def test_even_ranks_take_the_same_number_of_steps(shards):
    """Ranks of 6 and 5 samples: the one with more stops where the other has none left, so that neither waits."""
    book = Codebook.fit(np.full(400, 600))
    for epoch in range(3):
        streams = [Stream(shards, book, 1, rank=rank, world=2, epoch=epoch, even=True) for rank in range(2)]
        assert [len(list(stream.batches())) for stream in streams] == [streams[0].steps()] * 2 == [5, 5]
        uneven = [dataclasses.replace(stream, even=False) for stream in streams]
        assert sorted(len(list(stream.batches())) for stream in uneven) == [5, 6]
        assert [len(list(dataclasses.replace(stream, skip=3).batches())) for stream in streams] == [2, 2]


def test_compact_batches_hold_the_same_values(shards):
    book = Codebook.fit(sum_histograms([path.with_suffix(".histogram.npy") for path in shards]), 1)
    stream = Stream(shards, book, 4)
    for (gray, classes), (gray_uint8, classes_int16) in zip(stream.batches(), stream.compact(), strict=True):
        assert str(gray_uint8.dtype) == "torch.uint8" and str(classes_int16.dtype) == "torch.int16"
        assert (gray == gray_uint8.float() / 255).all() and (classes == classes_int16).all()


def test_shards_packed_by_another_program_are_read_as_well(shards, tmp_path):
    path, book = tmp_path / "0.tar", Codebook.fit(np.full(400, 600))
    with tarfile.open(shards[0]) as whole, tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for member in whole.getmembers():
            member.mtime = 1
            archive.addfile(member, whole.extractfile(member))
    for (gray, classes), (same_gray, same_classes) in zip(
        Stream([path], book, 1).compact(), Stream(shards[:1], book, 1).compact(), strict=True
    ):
        assert (gray == same_gray).all() and (classes == same_classes).all()


def test_a_damaged_shard_is_named(shards, tmp_path):
    path = tmp_path / "0.tar"
    with tarfile.open(shards[0]) as whole, tarfile.open(path, "w") as archive:
        for member in whole.getmembers():
            data = whole.extractfile(member).read()
            archive.addfile(member, io.BytesIO(b"\0" * len(data) if member.name.endswith("jpg") else data))
    with pytest.raises(CCCError, match=r"0\.tar: sample 000000000 cannot be read .*write the shard again"):
        next(Stream([path], Codebook.fit(np.full(400, 600)), 1, shuffle=False).batches())


def test_crop_and_flip_move_gray_and_classes_together(shards):
    book = Codebook.fit(sum_histograms([path.with_suffix(".histogram.npy") for path in shards]), 1)
    plain = {gray.numpy().tobytes(): None for gray, _ in Stream(shards, book, 1, shuffle=False, flip=False).batches()}
    whole = list(Stream(shards, book, 1, shuffle=False, flip=False).batches())
    flipped = list(Stream(shards, book, 1, shuffle=False, flip=True).batches())
    changed = 0
    for (gray, classes), (gray_flip, classes_flip) in zip(whole, flipped, strict=True):
        if (gray != gray_flip).any():
            changed += 1
            assert (gray.flip(-1) == gray_flip).all() and (classes.flip(-1) == classes_flip).all()
        else:
            assert (classes == classes_flip).all()
    assert len(plain) == 11 and 0 < changed < 11
    crops = list(Stream(shards, book, 1, shuffle=False, flip=False, crop=32).batches())
    for (gray, classes), (small, small_classes) in zip(whole, crops, strict=True):
        assert (gray[..., 16:48, 16:48] == small).all() and (classes[..., 4:12, 4:12] == small_classes).all()


def test_too_few_shards_for_the_readers(shards):
    book = Codebook.fit(np.full(400, 600))
    with pytest.raises(CCCError, match="write at least 6 shards"):
        next(Stream(shards, book, 1, workers=3, world=2).batches())
