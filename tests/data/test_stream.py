"""A stream gives each sample once, goes on where it stopped, and refuses what `ccc shard` does not write."""

import dataclasses
import io
import json
import shutil
import subprocess
import sys
import tarfile

import numpy as np
import pytest
import simplejpeg

from ccc.codebook import Codebook
from ccc.core.errors import CCCError
from ccc.core.files import sha256
from ccc.data.shards import sum_histograms
from ccc.data.stream import Stream


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


@pytest.mark.parametrize("workers", [0, 2])
def test_epochs_by_the_same_workers_are_what_each_gives_alone(shards, workers):
    book = Codebook.fit(np.full(400, 600))
    stream = Stream(shards, book, 2, epoch=3, skip=1, workers=workers, buffer=2)
    epochs = stream.epochs()
    for alone in (stream, dataclasses.replace(stream, epoch=4, skip=0), dataclasses.replace(stream, epoch=5, skip=0)):
        for (gray, classes), (same_gray, same_classes) in zip(next(epochs), alone.compact(), strict=True):
            assert (gray == same_gray).all() and (classes == same_classes).all()


HOLDER = """
import os, signal, sys
import numpy as np, psutil
from ccc.codebook import Codebook
from ccc.data.stream import Stream
readers = Stream(sys.argv[1:], Codebook.fit(np.full(400, 600)), 2, workers=2).epochs()
next(next(readers))
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.killpg(0, signal.SIGTERM)
print(len(psutil.Process().children()))
"""


def test_readers_leave_the_signals_of_others_and_end_with_their_process(shards):
    """At its end a process sends SIGTERM to readers that it still holds, and waits for them."""
    command = [sys.executable, "-c", HOLDER, *map(str, shards)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, start_new_session=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n", "")


def test_what_torchrun_sets_splits_no_shards(shards, monkeypatch):
    """The first of several ranks validates alone, on all pictures."""
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert len(grays(Stream(shards, Codebook.fit(np.full(400, 600)), 2, partial=True))) == 11


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


def packed_again(shard, path, change=lambda name, data: data, format=tarfile.GNU_FORMAT, folder=""):
    """A copy of a shard by tarfile, with its JSON, each member's bytes passed through `change`; None leaves it out."""
    with tarfile.open(shard) as whole, tarfile.open(path, "w", format=format) as archive:
        for member in whole.getmembers():
            data = change(member.name, whole.extractfile(member).read())
            if data is not None:
                member.name, member.mtime, member.size = folder + member.name, 1.5, len(data)
                archive.addfile(member, io.BytesIO(data))
    shutil.copy(shard.with_suffix(".json"), path.with_suffix(".json"))
    describe(path, sha256=sha256(path))
    return path


def describe(path, **changes):
    """Change what the JSON beside a shard says."""
    facts = json.loads(path.with_suffix(".json").read_text()) | changes
    path.with_suffix(".json").write_text(json.dumps({name: fact for name, fact in facts.items() if fact != "left out"}))


@pytest.mark.parametrize("folder", ["", "./"])
@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_shards_packed_by_another_program_are_read_as_well(shards, tmp_path, format, folder):
    path, book = (
        packed_again(shards[0], tmp_path / "0.tar", format=format, folder=folder),
        Codebook.fit(np.full(400, 600)),
    )
    for (gray, classes), (same_gray, same_classes) in zip(
        Stream([path], book, 1, flip=False).compact(), Stream(shards[:1], book, 1, flip=False).compact(), strict=True
    ):
        assert (gray == same_gray).all() and (classes == same_classes).all()


def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


CLASSES = np.full((16, 16), 210, np.uint16)
JPEG = simplejpeg.encode_jpeg(np.random.default_rng(0).integers(0, 256, (64, 64, 1), np.uint8), 92, "GRAY")
WRONG = {
    "the gray is no JPEG": ("gray.jpg", b"\0" * 1000),
    "the gray is cut": ("gray.jpg", JPEG[: len(JPEG) // 2]),
    "the gray is missing": ("gray.jpg", None),
    "the gray is of another size": ("gray.jpg", simplejpeg.encode_jpeg(np.zeros((32, 32, 1), np.uint8), 92, "GRAY")),
    "a class of 400": ("classes.npy", npy(CLASSES + 190)),
    "signed classes": ("classes.npy", npy(CLASSES.astype(np.int16))),
    "fewer classes": ("classes.npy", npy(CLASSES[:8])),
    "no array": ("classes.npy", b"text"),
    "a pickle": ("classes.npy", npy(np.array([None]))),
    "an empty array": ("classes.npy", b""),
    "the classes are missing": ("classes.npy", None),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("workers", [0, 1])
def test_a_sample_that_is_not_what_is_written_is_named_in_one_line(shards, tmp_path, wrong, workers):
    suffix, data = WRONG[wrong]
    key = json.loads(shards[0].with_suffix(".json").read_text())["samples"] - 1
    change = lambda name, old: data if name == f"{key:09d}.{suffix}" else old  # noqa: E731
    path = packed_again(shards[0], tmp_path / "0.tar", change)
    with pytest.raises(
        CCCError, match=rf"0\.tar: sample {key:09d} (cannot be read|has no) .*write the shard again with `ccc shard`"
    ) as caught:
        list(Stream([path], Codebook.fit(np.full(400, 600)), 2, shuffle=False, workers=workers).compact())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("left", [0, 1, 100, 512, 1000, 4096])
def test_a_shard_cut_short_is_named(shards, tmp_path, left):
    path = packed_again(shards[0], tmp_path / "0.tar")
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(CCCError, match=r"0\.tar: [^<>@\n]*; write the shard again with `ccc shard`$"):
        list(Stream([path], Codebook.fit(np.full(400, 600)), 1, even=True).compact())


@pytest.mark.parametrize("place", [slice(0, 1), slice(130, 131), slice(148, 156), slice(0, 512)])
def test_a_damaged_header_is_noticed(shards, tmp_path, place):
    path = packed_again(shards[0], tmp_path / "0.tar")
    with tarfile.open(path) as archive:
        start = archive.getmembers()[2].offset
    data = bytearray(path.read_bytes())
    header = data[start : start + 512]
    header[place] = bytes(place.stop - place.start)
    data[start : start + 512] = header
    path.write_bytes(data)
    with pytest.raises(CCCError, match=r"0\.tar: .*write the shard again with `ccc shard`"):
        list(Stream([path], Codebook.fit(np.full(400, 600)), 1).compact())


@pytest.mark.parametrize(("samples", "said"), [(1, "holds 2 samples, its JSON says 1"), (5, "its JSON says 5")])
@pytest.mark.parametrize("even", [False, True])
def test_a_tar_and_a_json_that_disagree_are_named(shards, tmp_path, samples, said, even):
    path = packed_again(shards[0], tmp_path / "0.tar")
    describe(path, samples=samples)
    with pytest.raises(CCCError, match=said):
        list(Stream([path], Codebook.fit(np.full(400, 600)), 1, even=even).compact())


@pytest.mark.parametrize(
    "change",
    [
        {"samples": -5},
        {"samples": 0},
        {"samples": "3"},
        {"size": None},
        {"map_size": 15},
        {"sha256": "left out"},
        {"fit": "left out"},
    ],
)
def test_a_json_that_cannot_be_is_refused(shards, tmp_path, change):
    path = packed_again(shards[0], tmp_path / "0.tar")
    describe(path, **change)
    with pytest.raises(CCCError, match=r"0\.json: .*write the shard again with `ccc shard`"):
        Stream([path], Codebook.fit(np.full(400, 600)), 1).steps()


@pytest.mark.parametrize("change", [{"size": 128, "map_size": 32}, {"map_size": 8}, {"fit": "stretch"}])
def test_shards_of_other_sizes_are_named(shards, tmp_path, change):
    path = packed_again(shards[0], tmp_path / "0.tar")
    describe(path, **change)
    with pytest.raises(CCCError, match=r"0\.tar: pictures of .* where 64 with 16 by crop are needed; "):
        next(Stream([shards[1], path], Codebook.fit(np.full(400, 600)), 2).compact())


@pytest.mark.parametrize("workers", [0, 1])
def test_a_shard_of_other_bytes_is_never_read_silently(shards, tmp_path, workers):
    """A bit in a JPEG or in a class map may turn over and leave what can be decoded."""
    path = packed_again(shards[0], tmp_path / "0.tar")
    data = bytearray(path.read_bytes())
    data[data.index(b"NUMPY") + 200] ^= 1
    path.write_bytes(data)
    with pytest.raises(CCCError, match=r"0\.tar: is not the file that its JSON describes"):
        list(Stream([path], Codebook.fit(np.full(400, 600)), 2, workers=workers).compact())


def test_a_shard_that_is_written_again_is_compared_again(shards, tmp_path):
    path, book, counts = tmp_path / "0.tar", Codebook.fit(np.full(400, 600)), []
    for shard in shards:
        packed_again(shard, path)
        counts.append(len(grays(Stream([path], book, 1))))
    assert counts == [json.loads(shard.with_suffix(".json").read_text())["samples"] for shard in shards]


def test_an_environment_that_speaks_of_workers_splits_no_shards(shards, monkeypatch):
    monkeypatch.setenv("WORKER", "0")
    monkeypatch.setenv("NUM_WORKERS", "2")
    assert len(grays(Stream(shards, Codebook.fit(np.full(400, 600)), 2, partial=True))) == 11


def test_a_missing_shard_is_named(shards, tmp_path):
    path = packed_again(shards[0], tmp_path / "0.tar")
    path.unlink()
    with pytest.raises(CCCError, match=r"0\.tar: cannot be read \(No such file or directory\); write the shard again"):
        list(Stream([path], Codebook.fit(np.full(400, 600)), 2, workers=1).compact())


def test_the_keys_of_a_batch_are_those_of_its_samples(shards):
    """Two workers take turns; one has keys 0, 1, 5, 6, 7, the other 2, 3, 4, 8, 9, 10."""
    stream = Stream(shards, Codebook.fit(np.full(400, 600)), 2, shuffle=False, workers=2, partial=True)
    found = [dataclasses.replace(stream, skip=skip).keys() for skip in range(stream.steps())]
    assert [list(map(int, keys)) for keys in found] == [[0, 1], [2, 3], [5, 6], [4, 8], [9, 10], [7]]


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
