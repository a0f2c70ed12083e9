"""JSON and arrays as files hold them, whoever wrote them."""

import zipfile

import numpy as np
import pytest

from ccc.core.errors import CCCError
from ccc.core.stored import read_arrays, read_json, read_numbers


def test_text_that_nothing_can_write_is_refused(tmp_path):
    (tmp_path / "a.json").write_text(r'{"name": "half \ud83d\ude00 a pair: \ud83d"}')
    with pytest.raises(CCCError, match="a.json: no readable list .*surrogates not allowed"):
        read_json(tmp_path / "a.json", "list", "make it again")
    (tmp_path / "a.json").write_text(r'{"name": "\ud83d\ude00"}')
    assert read_json(tmp_path / "a.json", "list", "make it again") == {"name": "\N{GRINNING FACE}"}


def test_arrays_come_in_the_machines_byte_order_without_what_is_no_array(tmp_path):
    values = np.arange(6, dtype=">f4").reshape(2, 3)
    np.savez(tmp_path / "some.npz", ab=values)
    with zipfile.ZipFile(tmp_path / "some.npz", "a") as archive:
        archive.writestr("readme.txt", "no array")
        archive.writestr("note.npy", "no array")
    (name, found), *others = read_arrays(tmp_path / "some.npz").items()
    assert (name, others, found.dtype) == ("ab", [], np.dtype(np.float32)) and np.array_equal(found, values)
    np.save(tmp_path / "one.npy", values)
    assert read_arrays(tmp_path / "one.npy")[""].dtype.isnative


@pytest.mark.parametrize("data", [b"", b"no array", b"\x80\x04K\x01."])
def test_a_file_of_another_kind_is_never_recommended_for_unpickling(tmp_path, data):
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(ValueError, match="^neither .npy nor .npz$"):
        read_arrays(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "No columns to parse"),
        ("class;pixels\n1;2\n", "no column class and pixels"),
        ("class,pixels\n1,x\n", "Unable to parse string .x. at position 0"),
        ("class,pixels\n1,inf\n", "values of pixels that are not finite"),
        ("class,pixels\n-1,2\n", "values of class that are not finite numbers from 0 on"),
        ("class,pixels\n1,2,3\n4,5\n", "values of pixels"),
    ],
)
def test_a_csv_of_other_columns_or_values_is_named(tmp_path, text, message):
    with pytest.raises(CCCError, match="x.csv: no such file; make it"):
        read_numbers(tmp_path / "x.csv", ["class", "pixels"], "make it")
    (tmp_path / "x.csv").write_text("class,pixels\n1,2\n", encoding="utf-8-sig")
    assert read_numbers(tmp_path / "x.csv", ["class", "pixels"], "make it")["pixels"].tolist() == [2]
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(CCCError, match=f"x.csv: not readable .*{message}.*; make it") as error:
        read_numbers(tmp_path / "x.csv", ["class", "pixels"], "make it")
    assert "\n" not in str(error.value)
