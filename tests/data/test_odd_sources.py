"""Sources as people have them: every picture is taken, or one line says what was found instead."""

import io
import tarfile
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from odd_sources import picture, tar, write

from ccc.cli import main
from ccc.core.errors import CCCError
from ccc.core.images import write_png
from ccc.data import sources
from ccc.data.fingerprint import fingerprint
from ccc.data.index import Index
from ccc.data.sources import Source


def names(source) -> list[str]:
    """What a source gives, where every byte of it can be read."""
    entries = source.entries()
    for part in (entries, entries[::-1]):
        assert all(isinstance(data, bytes) for _, data in source.read(part))
    return [entry.member for entry in entries]


# --- kinds of archives ---


def test_an_archive_is_told_by_its_beginning(tmp_path):
    """A tar may end in a zip, as in WebDataset's of arrays, and its first name may begin as bzip2 does."""
    np.savez(inner := io.BytesIO(), a=np.zeros(3))
    members = {"BZ_photos/0.jpg": picture(), "BZ_photos/0.npz": inner.getvalue()}
    for name, mode, kind in (("a.tar", "w", "tar"), ("a.tar.bz2", "w:bz2", "compressed tar")):
        source = Source(tar(tmp_path / name, members, mode))
        assert source.kind == kind and names(source) == ["BZ_photos/0.jpg"]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("0.jpg", picture())
    write(tmp_path / "program.zip", b"BZ" + bytes(999) + (tmp_path / "a.zip").read_bytes())
    assert names(Source(tmp_path / "program.zip")) == ["0.jpg"]


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
    "columns.csv": (b"id,label\n1,2\n", "no column of files: the header has 'id', 'label'"),
    "cut.txt": (b"\xff\xfea", "cannot be read as a list"),
}


@pytest.mark.parametrize("name", BROKEN_LISTS)
def test_lists_that_cannot_be_read_are_told(name, tmp_path, capsys):
    data, message = BROKEN_LISTS[name]
    path = write(tmp_path / name, data)
    assert main(["index", str(path), "-o", str(tmp_path / "i.parquet")]) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1


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
    with pytest.raises(CCCError, match="a pattern of 10,000,000,000 names, at most 1,000,000"):
        Source(f"{folder}/{{0..9}}{{000000000..999999999}}.tar")
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
    "tars.tar": (_tar_of_tars, "found instead: n01.tar, n02.tar; nested archives are not read: unpack the outer one"),
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


# --- shards and parts ---


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
