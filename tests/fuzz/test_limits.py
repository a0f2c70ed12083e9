"""Sizes, kinds and names that no photograph has: one line or one skipped picture, and no memory taken for them."""

import gzip
import io
import json
import os
import resource
import struct
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from odd_pictures import bomb
from odd_sources import picture, tar, write

from ccc.cli import main
from ccc.core.decode import opened
from ccc.core.errors import CCCError, ImageError
from ccc.core.images import read_rgb, resize_short_side, write_png
from ccc.data.index import Index
from ccc.data.sources import MAX_BYTES, Source

# --- size of a picture ---


def test_the_limit_counts_channels_and_depth_and_can_be_set(monkeypatch):
    side = 13_000
    for color, depth in ((0, 1), (0, 8), (0, 16)):  # 169 million pixels
        with opened(bomb(side, side, depth, color)) as image:
            assert image.size == (side, side)
    with pytest.raises(ImageError, match="13000x13000 takes 1290 MB, at most 1024: CCC_MAX_PICTURE_MB=1290 allows it"):
        read_rgb(bomb(side, side), "large.png")
    monkeypatch.setenv("CCC_MAX_PICTURE_MB", "1290")
    with opened(bomb(side, side)) as image:
        assert image.mode == "RGB"
    monkeypatch.setenv("CCC_MAX_PICTURE_MB", "many")
    with pytest.raises(CCCError, match="CCC_MAX_PICTURE_MB must be a whole number of megabytes, got 'many'"):
        read_rgb(bomb(8, 8))


def test_the_size_is_checked_after_scaling_too():
    line = np.zeros((1, 20_000, 3), np.uint8)
    with pytest.raises(ImageError, match="line.png: too large .5120000x256"):
        resize_short_side(line, 256, "line.png")
    assert resize_short_side(line, 8).shape == (8, 160_000, 3)


# --- folders and lists ---


def test_what_a_list_names_is_bounded_and_typed(tmp_path):
    """A list may name files anywhere; pipes, devices and huge files are never opened."""
    write(tmp_path / "elsewhere.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    with open(tmp_path / "huge.jpg", "wb") as file:
        file.truncate(40 << 30)
    lines = ["/dev/zero", "../pipe.jpg", "../huge.jpg", "../absent.jpg", ".", "../elsewhere.jpg"]
    source = Source(write(tmp_path / "in" / "list.txt", "\n".join(lines).encode()))
    read = {entry.member.removeprefix("../"): data for entry, data in source.read(source.entries())}
    assert read.pop("elsewhere.jpg") == picture()
    assert {name: error.reason for name, error in read.items()} == {
        "/dev/zero": "not a regular file", "pipe.jpg": "not a regular file", "huge.jpg": "too large",
        "absent.jpg": "missing file", ".": "not a regular file",
    }  # fmt: skip


def test_a_source_that_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "list.txt")
    (tmp_path / "zero.txt").symlink_to("/dev/zero")
    for name in ("list.txt", "zero.txt"):
        with pytest.raises(CCCError, match="a pipe or a device"):
            Source(tmp_path / name)
    with open(tmp_path / "sparse.txt", "wb") as file:
        file.truncate(40 << 30)
    with pytest.raises(CCCError, match="not a list of files"):
        Source(tmp_path / "sparse.txt").entries()


def test_a_folder_has_the_limits_of_an_archive(tmp_path):
    write(tmp_path / "good.jpg")
    with open(tmp_path / "huge.jpg", "wb") as file:
        file.truncate(40 << 30)
    source = Source(tmp_path)
    read = {entry.member: data for entry, data in source.read(source.entries())}
    assert read["huge.jpg"].reason == "too large" and read["good.jpg"] == picture()


# --- archives and indices ---


def _sized(size: bytes, pax: dict | None = None, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A tar of one good picture and one whose header claims another size, its 12 bytes or a pax record."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("good.jpg", "lies.jpg"):
            member = tarfile.TarInfo(name)
            member.size = len(picture())
            member.pax_headers = pax or {} if name == "lies.jpg" else {}
            archive.addfile(member, io.BytesIO(picture()))
    data = bytearray(file.getvalue())
    place = data.rindex(b"lies.jpg")
    if size:
        data[place + 124 : place + 136] = size
    data[place + 156 : place + 157] = kind
    data[place + 148 : place + 156] = b" " * 8
    data[place + 148 : place + 155] = b"%06o\0" % sum(data[place : place + 512])
    return bytes(data)


def _zip64(sizes: tuple[int, ...], length: int | None = None) -> bytes:
    """A zip of one good picture and one whose zip64 field holds these numbers: size, compressed size, place."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("good.jpg", picture())
        info = zipfile.ZipInfo("lies.jpg")
        field = struct.pack(f"<{len(sizes)}Q", *sizes)
        info.extra = struct.pack("<HH", 0x7777, len(field)) + field
        archive.writestr(info, picture())
    data = bytearray(file.getvalue())
    directory = data.rindex(b"PK\1\2")
    data[directory + 20 : directory + 28] = b"\xff" * 8
    data[directory + 42 : directory + 46] = b"\xff" * 4
    extra = data.rindex(b"\x77\x77")
    data[extra : extra + 2] = b"\1\0"
    if length is not None:
        data[extra + 2 : extra + 4] = struct.pack("<H", length)
    return bytes(data)


def octal(number: int) -> bytes:
    return b"\x80" + number.to_bytes(11, "big") if number >= 0 else b"\xff" + (number + (1 << 88)).to_bytes(11, "big")


HOSTILE = {
    "size-2^63.tar": _sized(octal(1 << 63)),
    "size-2^87.tar": _sized(octal((1 << 87) - 1)),
    "size-1.tar": _sized(octal(-1)),
    "size-512.tar": _sized(octal(-512)),
    "size-1024.tar": _sized(octal(-1024)),
    "pax-512.tar": _sized(b"", {"size": "-512"}),
    "pax-1536.tar": _sized(b"", {"size": "-1536"}),
    "pax-2^63.tar": _sized(b"", {"size": str(1 << 63)}),
    "pax-digits.tar": _sized(b"", {"size": "9" * 5000}),
    "pax-sparse.tar": _sized(b"", {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9" * 30}),
    "pax-nul.tar": _sized(b"", {"path": "a\0b.jpg"}),
    "longname.tar": _sized(octal(1 << 40), kind=tarfile.GNUTYPE_LONGNAME),
    "longname-1.tar": _sized(octal(-1), kind=tarfile.GNUTYPE_LONGNAME),
    "pax-huge.tar": _sized(octal(1 << 40), kind=tarfile.XHDTYPE),
    "zip64-0.zip": _zip64((0, 0, 0)),
    "zip64-max.zip": _zip64(((1 << 64) - 1,) * 3),
    "zip64-place.zip": _zip64((100, 100, (1 << 64) - 1)),
    "zip64-size.zip": _zip64((1 << 40, (1 << 64) - 1, 0)),
    "zip64-empty.zip": _zip64((5, 5, 5), 0),
    "zip64-long.zip": _zip64((5, 5, 5), 65535),
}
HOSTILE |= {
    name.replace(".tar", ".tar.gz"): gzip.compress(data, mtime=0) for name, data in HOSTILE.items() if "tar" in name
}
PROBE = """
import sys, resource
from ccc.cli import main
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
for path in sys.argv[1:]:
    sys.stderr.write(f"== {path}\\n")
    status = main(["index", path, "-o", path + ".parquet"])
    status = status if status == 2 else (status, main(["prepare", path, "-n", "all", "-o", path + ".set"]))
    sys.stderr.write(f"-> {status}\\n")
"""


def test_archives_that_claim_the_impossible_give_one_line_and_take_no_memory(tmp_path):
    paths = [str(write(tmp_path / name, data)) for name, data in HOSTILE.items()]
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))  # noqa: E731
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *paths], capture_output=True, text=True, preexec_fn=limit, timeout=240
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr[-3000:]
    parts = done.stderr.split("== ")[1:]
    assert len(parts) == len(HOSTILE)
    for part in parts:
        errors = [line for line in part.splitlines() if line.startswith("ccc ")]
        refused = "the archive cannot be read" in part or "neither a folder" in part or "no pictures" in part
        assert ("-> 2" in part and len(errors) == 1 and refused) or part.rstrip().endswith(")"), part


def test_rows_of_an_index_stay_within_the_source(tmp_path):
    write(tmp_path / "other.jpg")
    write(tmp_path / "in" / "a.jpg")
    index = tmp_path / "i.parquet"
    Index.of(Source(tmp_path / "in")).save(index)
    table, place = pq.read_table(index), {"modified": 0, "offset": 0, "size": 9}

    def tampered(**values):
        columns = {name: pa.array([values.get(name, place.get(name))], table.schema.field(name).type) for name in place}
        member = pa.array([values.get("member", b"a.jpg")], pa.binary())
        changed = table.set_column(0, "member", member)
        for name, column in columns.items():
            changed = changed.set_column(changed.schema.get_field_index(name), name, column)
        pq.write_table(changed, index)
        source = Source(tmp_path / "in")
        ((_, data),) = source.read(Index.open(index, source).entries(0, 1))
        return data

    assert tampered() == picture()
    for member in (b"../other.jpg", str(tmp_path / "other.jpg").encode(), b"a/../../other.jpg", b"a\0.jpg"):
        error = tampered(member=member)
        assert isinstance(error, ImageError) and error.reason == "unsafe name"
    for changed in (table.drop_columns(["size"]), table.slice(0, 0), table.set_column(1, "offset", pa.array(["x"]))):
        pq.write_table(changed, index)
        with pytest.raises(CCCError, match="i.parquet: not an index"):
            Index.open(index, Source(tmp_path / "in"))
    path = tar(tmp_path / "a.tar", {"a.jpg": picture()})
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.jpg", picture())
    for source in (Source(path), Source(tmp_path / "a.zip")):
        (entry,) = source.entries()
        for values in ({"offset": -5}, {"size": -1}, {"offset": 1 << 61}, {"size": MAX_BYTES + 1}):
            ((_, data),) = source.read([type(entry)(**(vars(entry) | values))])
            assert isinstance(data, ImageError | bytes)


# --- names ---


def test_names_that_are_no_utf8_and_long_ones_stop_nothing(tmp_path, astronaut, capsys):
    folder = tmp_path / "in"
    odd = [b"bad\xff.png", b"bad\xfe.png", b"n" * 251 + b".png", ("é" * 125).encode() + b".png", b"plain.png"]
    for number, name in enumerate(odd):
        write_png(folder / "x.png", astronaut[number * 9 :][:64, :64])
        os.rename(folder / "x.png", os.path.join(os.fsencode(folder), name))
    (folder / os.fsdecode(b"broken\xff.png")).write_bytes(b"text")
    assert main(["prepare", str(folder), "-n", "all", "-o", str(tmp_path / "set")]) == 3
    assert "broken\ufffd.png: not a picture" in capsys.readouterr().out
    assert len(list((tmp_path / "set/gray").iterdir())) == 5
    os.unlink(folder / os.fsdecode(b"broken\xff.png"))
    masks = str(tmp_path / "masks")
    assert main(["segment", str(folder), "-o", masks, "--coco", str(tmp_path / "m.json")]) == 0
    assert len(os.listdir(masks)) == 5 and len(json.loads((tmp_path / "m.json").read_text())["images"]) == 5
    for given, out in ((masks, "h1"), (str(tmp_path / "m.json"), "h2")):
        assert main(["harmonize", str(folder), str(folder), "--masks", given, "-o", str(tmp_path / out)]) == 0
        assert len(list((tmp_path / out).glob("*.png"))) == 5
        assert main(["evaluate", str(tmp_path / out), str(folder), "--metrics", "mse"]) == 0
