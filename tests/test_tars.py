"""The quick tar writer writes what tarfile writes."""

import hashlib
import io
import tarfile

import numpy as np
import pytest

from ccc.tars import TarWriter, npy_header


@pytest.mark.parametrize("size", [0, 1, 511, 512, 9_000, 200_000])
def test_equal_to_tarfile(tmp_path, size):
    members = [("000000000.gray.jpg", b"\xff" * size), ("0" * 100, b""), ("folder/name.npy", b"x" * 100)]
    with TarWriter(tmp_path / "quick.tar") as quick:
        for name, data in members:
            quick.add(name, data)
    expected = io.BytesIO()
    with tarfile.open(fileobj=expected, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    written = (tmp_path / "quick.tar").read_bytes()
    assert written == expected.getvalue() and quick.sha256 == hashlib.sha256(written).hexdigest()


@pytest.mark.parametrize("name", ["", "0" * 101])
def test_names_that_do_not_fit(tmp_path, name):
    with TarWriter(tmp_path / "quick.tar") as quick, pytest.raises(ValueError, match="1 to 100 characters"):
        quick.add(name, b"")


def test_an_array_behind_its_header_is_what_numpy_saves():
    array = np.arange(56 * 56, dtype=np.uint16).reshape(56, 56)
    saved = io.BytesIO()
    np.save(saved, array)
    assert npy_header(array.shape) + array.tobytes() == saved.getvalue()
