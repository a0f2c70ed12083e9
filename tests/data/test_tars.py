"""The quick tar reader reads what webdataset writes."""

import io
import tarfile

import numpy as np
import pytest
import webdataset

from ccc.core.errors import CCCError
from ccc.data.tars import is_plain, npy_header, read_samples


def test_an_array_behind_its_header_is_what_numpy_saves():
    array = np.arange(56 * 56, dtype=np.uint16).reshape(56, 56)
    saved = io.BytesIO()
    np.save(saved, array)
    assert npy_header(array.shape) + array.tobytes() == saved.getvalue()


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "shard.tar"
    with open(path, "wb") as file, webdataset.TarWriter(file, user="", group="", mode=0o644, mtime=0) as tar:
        for key in ("000", "001", "002"):
            tar.write({"__key__": key, "classes.npy": key.encode(), "gray.jpg": key.encode() * 700})
    return path


def test_samples_are_what_was_written(written):
    samples = list(read_samples(written))
    assert [sample["__key__"] for sample in samples] == ["000", "001", "002"]
    assert samples[1] == {
        "__key__": "001", "__url__": str(written), "gray.jpg": b"001" * 700, "classes.npy": b"001"
    }  # fmt: skip


@pytest.mark.parametrize("length", [0, 100, 512, 1000, 4096, 3 * 4096])
def test_a_tar_cut_short_is_refused(written, length):
    written.write_bytes(written.read_bytes()[:length])
    with pytest.raises(CCCError, match=r"shard\.tar: cut short; write the shard again"):
        list(read_samples(written))


@pytest.mark.parametrize("place", [slice(0, 1), slice(130, 131), slice(148, 156), slice(156, 157), slice(0, 512)])
def test_a_damaged_header_is_refused(written, place):
    data = bytearray(written.read_bytes())
    second = 1024  # behind the first header and three bytes
    header = data[second : second + 512]
    header[place] = bytes(place.stop - place.start)
    data[second : second + 512] = header
    written.write_bytes(data)
    with pytest.raises(CCCError, match=rf"shard\.tar: damaged at byte {second}; write the shard again"):
        list(read_samples(written))


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tars_of_other_programs_are_told_apart(written, tmp_path, kind):
    with tarfile.open(tmp_path / "other.tar", "w", format=kind) as archive:
        member = tarfile.TarInfo("000.gray.jpg")
        member.mtime = 1.5
        archive.addfile(member)
    assert is_plain(written) and not is_plain(tmp_path / "other.tar")
