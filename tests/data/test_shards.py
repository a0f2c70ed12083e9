"""Shards hold what the design says, byte for byte the same each time."""

import hashlib
import io
import json
import tarfile

import numpy as np
import pytest
from PIL import Image

from ccc.cli import main
from ccc.codebook import class_map
from ccc.color import gray_of, lightness, rgb_to_lab
from ccc.core.errors import CCCError
from ccc.core.images import read_rgb, square, write_png
from ccc.data.index import Choice
from ccc.data.shards import INTERPOLATION, make_sample, resized, slice_of, sum_histograms, write_shard


def test_a_sample_is_gray_and_classes(astronaut):
    gray, classes, clamped, chroma = make_sample(astronaut)
    picture = resized(astronaut, 224)
    assert gray.dtype == np.uint8 and gray.shape == (224, 224)
    assert np.abs(gray / 2.55 - lightness(picture)).max() <= 0.2
    assert classes.dtype == np.uint16 and (classes == class_map(picture)).all() and clamped == 0
    ab = rgb_to_lab(picture)[..., 1:].reshape(56, 4, 56, 4, 2).mean(axis=(1, 3))
    assert chroma == pytest.approx(np.linalg.norm(ab, axis=-1).mean(), abs=0.01)


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


def test_nearly_gray_photographs_are_counted_and_can_be_left_out(photographs, tmp_path, capsys):
    folder = tmp_path / "mixed"
    folder.mkdir()
    colored = read_rgb(photographs / "00.png")
    gray = np.repeat(gray_of(colored)[..., None], 3, axis=2)
    write_png(folder / "colored.png", colored)
    write_png(folder / "gray.png", gray)
    write_png(folder / "tinted.png", np.clip(gray + np.array([0, 1, 1]), 0, 255).astype(np.uint8))
    arguments = ["shard", str(folder), "--size", "64", "-o"]
    assert main([*arguments, str(tmp_path / "all.tar")]) == 0
    assert main(["codebook", str(tmp_path / "all.tar"), "-o", str(tmp_path / "all.json"), "--threshold", "1"]) == 0
    assert "nearly gray: 2 of 3 photographs (66.7%) have a mean chroma below 2" in capsys.readouterr().out
    assert main([*arguments, str(tmp_path / "some.tar"), "--min-chroma", "2"]) == 0
    assert "1 samples, 2 skipped (chroma below min_chroma)" in capsys.readouterr().out


def test_gray_photographs_make_no_codebook(tmp_path, capsys):
    write_png(tmp_path / "photographs/gray.png", np.full((64, 64, 3), 90, np.uint8))
    shard, book = tmp_path / "0.tar", tmp_path / "codebook.json"
    assert main(["shard", str(tmp_path / "photographs"), "--size", "64", "-o", str(shard)]) == 0
    assert main(["codebook", str(shard), "-o", str(book), "--threshold", "1"]) == 2 and not book.exists()
    assert "only one class is kept" in (said := capsys.readouterr().err) and "1 of 1 photographs (100.0%)" in said
    assert main(["shard", str(tmp_path / "photographs"), "--size", "64", "-o", str(shard), "--min-chroma", "3"]) == 1
    assert "none of the 1 pictures can be used (1 chroma below min_chroma)" in capsys.readouterr().err


def test_nothing_readable_leaves_no_file(tmp_path):
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "b.jpg").write_bytes(b"text")
    with pytest.raises(CCCError, match="none of the 1 pictures can be used"):
        write_shard(folder, tmp_path / "out" / "broken.tar")
    assert list((tmp_path / "out").iterdir()) == []
