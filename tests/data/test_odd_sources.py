"""Sources as people have them: every picture is taken, or one line says what was found instead."""

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
from PIL import Image

from ccc.cli import main
from ccc.core.errors import CCCError, ImageError
from ccc.core.images import write_png
from ccc.data import sources
from ccc.data.fingerprint import fingerprint
from ccc.data.index import Index
from ccc.data.sources import MAX_BYTES, Source


def picture(kind="JPEG", shade=90, size=(24, 16)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (shade, 120, 40)).save(file, kind)
    return file.getvalue()


def write(path, data=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture() if data is None else data)
    return path


def tar(path, members, mode="w"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def names(source) -> list[str]:
    """What a source gives, where every byte of it can be read."""
    entries = source.entries()
    for part in (entries, entries[::-1]):
        assert all(isinstance(data, bytes) for _, data in source.read(part))
    return [entry.member for entry in entries]


# --- folders ---


def test_pictures_are_known_by_content_where_their_suffix_is_unknown(tmp_path):
    for name in ("a.jpg", "b.dat", "c", "d.jpg_large", "e.JFIF", "f.img.0001"):
        write(tmp_path / "in" / name)
    for name in ("notes.txt", "hidden.json", "module.py"):  # suffixes that are not looked into
        write(tmp_path / "in" / name)
    write(tmp_path / "in" / "other.bin", b"no picture")
    source = Source(tmp_path / "in")
    assert names(source) == ["a.jpg", "b.dat", "c", "d.jpg_large", "e.JFIF", "f.img.0001"]
    assert source.ignored == 4
    before = fingerprint(tmp_path / "in")
    write(tmp_path / "in" / "g")
    assert fingerprint(tmp_path / "in") != before


def test_links_are_followed_and_circles_are_not(tmp_path):
    write(tmp_path / "other" / "b" / "1.jpg")
    write(tmp_path / "in" / "a" / "0.jpg")
    (tmp_path / "in" / "b").symlink_to("../other/b")
    (tmp_path / "in" / "2.jpg").symlink_to("../other/b/1.jpg")
    (tmp_path / "in" / "a" / "round").symlink_to("..")
    (tmp_path / "other" / "b" / "home").symlink_to("../../in")
    source = Source(tmp_path / "in")
    assert names(source) == ["2.jpg", "a/0.jpg", "b/1.jpg"]
    assert sorted(source.refused) == [("a/round", "circle of links"), ("b/home", "circle of links")]
    before, index = fingerprint(tmp_path / "in"), tmp_path / "index.parquet"
    Index.of(source).save(index)
    Index.open(index, Source(tmp_path / "in"))
    write(tmp_path / "other" / "b" / "3.jpg")
    assert fingerprint(tmp_path / "in") != before
    with pytest.raises(CCCError, match="has changed since"):
        Index.open(index, Source(tmp_path / "in"))


def test_what_systems_leave_is_passed_over_everywhere(tmp_path, capsys):
    litter = {name: picture() for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._a.jpg", "__MACOSX/._a.jpg")}
    litter |= {name: picture() for name in (".thumbnails/a.jpg", "@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg")}
    for name, data in ({"a.jpg": picture(), "b/c.jpg": picture()} | litter).items():
        write(tmp_path / "in" / name, data)
    tar(tmp_path / "in.tar", {"./a.jpg": picture(), "./b/c.jpg": picture()} | litter)
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for name, data in ({"a.jpg": picture(), "b/c.jpg": picture()} | litter).items():
            archive.writestr(name, data)
    for path in ("in", "in.tar", "in.zip"):
        source = Source(tmp_path / path)
        assert [name.removeprefix("./") for name in names(source)] == ["a.jpg", "b/c.jpg"], path
        assert source.ignored >= 5 and not source.refused
    assert main(["prepare", str(tmp_path / "in"), "-n", "all", "-o", str(tmp_path / "set")]) == 0
    assert "other files ignored (" in capsys.readouterr().out


def test_a_summary_counts_by_reason_and_names_the_first(tmp_path, capsys):
    for name in ("good.jpg", "good2.jpg"):
        write(tmp_path / "in" / name)
    for name in "vwxyz":
        (tmp_path / "in" / f"{name}.jpg").symlink_to("nowhere")
        write(tmp_path / "in" / f"{name}.txt", b"text")
    commands = {
        "index": ["-o", str(tmp_path / "i.parquet")],
        "prepare": ["-n", "all", "-o", str(tmp_path / "set")],
        "shard": ["--size", "64", "-o", str(tmp_path / "0.tar")],
    }
    for verb, more in commands.items():
        assert main([verb, str(tmp_path / "in"), *more]) == 3
        said = capsys.readouterr().out
        assert "5 refused: missing file (v.jpg, w.jpg, x.jpg and 2 more)" in said, verb
        assert "5 other files ignored (v.txt, w.txt, x.txt and 2 more)" in said, verb
        assert main([verb, str(tmp_path / "in"), *more, "--allow-skipped"]) == 0


# --- lists ---

LISTS = {
    "mark.txt": b"\xef\xbb\xbfp/0.jpg\np/1.jpg\n",
    "utf16.txt": "p/0.jpg\r\np/1.jpg\r\n".encode("utf-16"),
    "labels.txt": b"p/0.jpg 17\np/1.jpg 4\n",
    "places365.txt": b"/p/0.jpg 0\n/p/1.jpg 0\n",
    "multilabel.txt": b"p/0.jpg 1 0 0 1\np/1.jpg 0 0 1 1\n",
    "tabs.lst": b"p/0.jpg\tcat\np/1.jpg\tblack dog\n",
    "quoted.txt": b'"p/0.jpg"\n"p/1.jpg"\n',
    "windows.txt": b"p\\0.jpg\r\np\\1.jpg\r\n",
    "mac.txt": b"p/0.jpg\rp/1.jpg\r",
    "header.csv": b"id,Filename,label\n7,p/0.jpg,a\n8,p/1.jpg,b\n",
    "semicolon.csv": b"label;image\na;p/0.jpg\nb;p/1.jpg\n",
    "excel.csv": b"\xef\xbb\xbfpath,label\r\n\"p/0.jpg\",\"a, b\"\r\np/1.jpg,c\r\n",
    "bare.csv": b"p/0.jpg,17\np/1.jpg,4\n",
    "columns.tsv": b"label\tpath\na\tp/0.jpg\nb\tp/1.jpg\n",
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_lists_as_people_have_them(name, tmp_path):
    for number in range(2):
        write(tmp_path / f"p/{number}.jpg")
    source = Source(write(tmp_path / name, LISTS[name]))
    assert [member.lstrip("/") for member in names(source)] == ["p/0.jpg", "p/1.jpg"]


def test_a_file_whose_name_looks_labelled_is_itself(tmp_path):
    write(tmp_path / "a.jpg 17", picture(shade=1))
    write(tmp_path / "a.jpg", picture(shade=200))
    assert names(Source(write(tmp_path / "list.txt", b"a.jpg 17\n"))) == ["a.jpg 17"]


BROKEN_LISTS = {
    "utf16-no-mark.txt": ("p/0.jpg\n".encode("utf-16-le"), "line 1 holds zero bytes"),
    "long.txt": (b"x" * 100_000, "more than 65536 characters"),
    "columns.csv": (b"id,label\n1,2\n", "no column of files in it: the header has 'id', 'label'"),
    "cut.txt": (b"\xff\xfea", "cannot be read as a list"),
}


@pytest.mark.parametrize("name", BROKEN_LISTS)
def test_lists_that_cannot_be_read_are_told(name, tmp_path, capsys):
    data, message = BROKEN_LISTS[name]
    path = write(tmp_path / name, data)
    assert main(["index", str(path), "-o", str(tmp_path / "i.parquet")]) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1


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
    with pytest.raises(CCCError, match="no list of files"):
        Source(tmp_path / "sparse.txt").entries()


def test_a_folder_has_the_limits_of_an_archive(tmp_path):
    write(tmp_path / "good.jpg")
    with open(tmp_path / "huge.jpg", "wb") as file:
        file.truncate(40 << 30)
    source = Source(tmp_path)
    read = {entry.member: data for entry, data in source.read(source.entries())}
    assert read["huge.jpg"].reason == "too large" and read["good.jpg"] == picture()


# --- archives ---


def shards(folder):
    for number in range(2):
        members = {}
        for sample in range(2):
            key = f"{number}{sample:03d}"
            members |= {f"{key}.jpg": picture(), f"{key}.cls": b"3", f"{key}.json": b"{}"}
        tar(folder / f"{number:05d}.tar", members)
    return folder


def test_a_folder_of_tars_and_a_range_of_them_are_one_source(tmp_path):
    folder = shards(tmp_path / "wds")
    write(folder / "00000.json", b"{}")
    expected = [f"{number:05d}.tar/{number}{sample:03d}.jpg" for number in range(2) for sample in range(2)]
    for path in (folder, folder / "{00000..00001}.tar", f"{folder}/0000{{0,1}}.tar"):
        source = Source(path)
        assert names(source) == expected and source.ignored == 8
        index = tmp_path / "index.parquet"
        Index.of(source).save(index)
        before = fingerprint(path)
        assert len(Index.open(index, Source(path))) == 4
        tar(folder / "00001.tar", {"1000.jpg": picture(), "more.jpg": picture()})
        assert fingerprint(path) != before
        with pytest.raises(CCCError, match="stale"):
            Index.open(index, Source(path))
        shards(folder)
    with pytest.raises(CCCError, match=r"00002.tar: no such folder or archive"):
        Source(f"{folder}/{{00000..00002}}.tar")
    write(folder / "a.jpg")  # pictures and archives: the pictures
    source = Source(folder)
    assert names(source) == ["a.jpg"] and source.ignored == 3
    assert main(["prepare", str(shards(tmp_path / "b")), "-n", "all", "-o", str(tmp_path / "set")]) == 0


def test_zips_made_on_windows(tmp_path):
    path = tmp_path / "windows.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, system in {"a\\b\\1.jpg": 0, "..\\..\\2.jpg": 0, "a\\": 0, "c\\3.jpg": 3}.items():
            info = zipfile.ZipInfo("x")
            info.filename, info.create_system = name, system
            archive.writestr(info, picture() if name.endswith("jpg") else b"")
    source = Source(path)
    assert names(source) == ["a/b/1.jpg"]
    assert sorted(source.refused) == [("../../2.jpg", "unsafe name"), ("c\\3.jpg", "unsafe name")]


def _tar_of_tars(path):
    inner = tar(path.parent / "n01.tar", {"1.jpg": picture()}).read_bytes()
    return tar(path, {"n01.tar": inner, "n02.tar": inner})


INSTEAD = {
    "tars.tar": (_tar_of_tars, "found instead: n01.tar, n02.tar; archives within are not read: unpack this once"),
    "arrays.tar": (lambda path: tar(path, {"0.npy": b"1", "0.json": b"2"}), "found instead: 0.npy, 0.json"),
    "devkit.zip": (lambda path: zipfile.ZipFile(path, "w").writestr("a.txt", "1"), "no pictures in it|neither"),
    "x.7z": (lambda path: write(path, b"7z\xbc\xaf\x27\x1c" + bytes(99)), "a 7z archive; unpack it with"),
    "x.rar": (lambda path: write(path, b"Rar!\x1a\x07" + bytes(99)), "a RAR archive; unpack it with"),
    "x.tar.zst": (lambda path: write(path, b"\x28\xb5\x2f\xfd" + bytes(99)), "compressed by zstd; decompress it"),
    "x.parquet": (lambda path: pq.write_table(pa.table({"image": [b"1"]}), path), "a Parquet file; write its pictures"),
    "x.pdf": (lambda path: write(path, b"%PDF-1.7"), "a PDF; write its pictures"),
    "empty.tar": (lambda path: write(path, b""), "an empty file"),
    "photo.jpg": (lambda path: write(path), "a single picture; give its folder"),
    "mixed": (
        lambda path: [tar(path / "sub/a.tar", {"1.jpg": b""}), write(path / "r.txt")],
        "found instead: r.txt, sub/a.tar",
    ),
}


@pytest.mark.parametrize("name", INSTEAD)
def test_one_line_says_what_was_found_instead(name, tmp_path, capsys):
    make, message = INSTEAD[name]
    (tmp_path / "in").mkdir()
    make(tmp_path / "in" / name)
    assert main(["index", str(tmp_path / "in" / name), "-o", str(tmp_path / "i.parquet")]) == 2
    error = capsys.readouterr().err
    assert any(text in error for text in message.split("|")) and len(error.splitlines()) == 1


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


def test_a_shard_that_is_given_twice_is_refused(tmp_path, astronaut, capsys):
    write_png(tmp_path / "in/a.png", astronaut)
    shard, copy = tmp_path / "train/0.tar", tmp_path / "copy/0.tar"
    for path in (shard, copy):
        assert main(["shard", str(tmp_path / "in"), "-o", str(path)]) == 0
    for second in (shard, copy):
        command = ["codebook", str(shard), str(second), "-o", str(tmp_path / "c.json"), "--threshold", "1"]
        assert main(command) == 2
        assert f"{second}: the same shard as {shard}; give each shard once" in capsys.readouterr().err


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_compressed_part_is_opened_once_in_whatever_order(tmp_path, monkeypatch, mode):
    (tmp_path / "parts").mkdir()
    suffix = ".tar.gz" if mode == "w:gz" else ".tar"
    for number in range(3):
        with tarfile.open(tmp_path / f"parts/{number}{suffix}", mode) as archive:
            for picture in range(9):
                member = tarfile.TarInfo(f"{picture}.jpg")
                member.size = 2
                archive.addfile(member, io.BytesIO(bytes([number, picture])))
    source = Source(tmp_path / "parts")
    entries = source.entries()
    shuffled = [entries[place] for place in np.random.default_rng(0).permutation(len(entries))]
    opened = []
    monkeypatch.setattr(sources, "tar_bytes", lambda path, given=sources.tar_bytes: opened.append(path) or given(path))
    found = {entry.member: data for entry, data in source.read(shuffled)}
    assert found == {f"{n}{suffix}/{p}.jpg": bytes([n, p]) for n in range(3) for p in range(9)}
    assert len(opened) == (3 if mode == "w:gz" else 0)
