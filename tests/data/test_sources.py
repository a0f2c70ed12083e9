"""Folders, archives and lists give the same pictures in a fixed order, and nothing outside themselves."""

import contextlib
import io
import json
import os
import tarfile
import tracemalloc
import zipfile

import pytest
from PIL import Image

import ccc.data.sources
from ccc.cli import main
from ccc.core.errors import CCCError, ImageError
from ccc.core.images import write_png
from ccc.data.sources import Source


def saved(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def photograph(astronaut):
    return Image.fromarray(astronaut[:200, 100:400])


@pytest.fixture
def members(photograph):
    small = photograph.resize((30, 20))
    return {f"data_256/a/abbey/{i:03d}.jpg": saved(small.rotate(10 * i), "JPEG") for i in range(7)} | {
        "README.txt": b"no"
    }


def sources(folder, members):
    """The same pictures as folder, tar, tar.gz, zip and list."""
    for name, data in members.items():
        path = folder / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for suffix, mode in (("tar", "w"), ("tar.gz", "w:gz")):
        with tarfile.open(folder / f"pictures.{suffix}", mode) as archive:
            archive.add(folder / "folder" / "data_256", "data_256", filter=lambda member: member)
    with zipfile.ZipFile(folder / "pictures.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    listed = [f"folder/{name}" for name in members if name.endswith(".jpg")]
    (folder / "list.txt").write_text("# pictures\n" + "\n".join(listed) + "\n")
    return [folder / name for name in ("folder", "pictures.tar", "pictures.tar.gz", "pictures.zip", "list.txt")]


def test_all_sources_give_the_same_pictures(tmp_path, members):
    expected = {name.rsplit("/", 1)[1]: data for name, data in members.items() if name.endswith(".jpg")}
    for path in sources(tmp_path, members):
        source = Source(path)
        entries = source.entries()
        assert {entry.member.rsplit("/", 1)[1] for entry in entries} == set(expected), path
        for part in (entries, entries[2:5], entries[::-1]):
            read = [(entry.member, data) for entry, data in source.read(part)]
            assert [name for name, _ in read] == [entry.member for entry in part]
            assert all(data == expected[name.rsplit("/", 1)[1]] for name, data in read)


def test_members_that_would_escape_are_refused(tmp_path, members):
    path = tmp_path / "hostile.tar"
    picture = next(iter(members.values()))
    with tarfile.open(path, "w") as archive:
        for name in ("../outside.jpg", "/absolute.jpg", "fine.jpg"):
            member = tarfile.TarInfo(name)
            member.size = len(picture)
            archive.addfile(member, io.BytesIO(picture))
        link = tarfile.TarInfo("link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    source = Source(path)
    assert [entry.member for entry in source.entries()] == ["fine.jpg"]
    assert dict(source.refused) == {
        "../outside.jpg": "unsafe name",
        "/absolute.jpg": "unsafe name",
        "link.jpg": "not a regular file",
    }


def test_wrong_sources(tmp_path):
    with pytest.raises(CCCError, match="no such folder or archive"):
        Source(tmp_path / "nowhere")
    with pytest.raises(CCCError, match="no pictures in it"):
        Source(tmp_path).entries()
    (tmp_path / "file.bin").write_bytes(b"123")
    with pytest.raises(CCCError, match="neither a folder, a tar"):
        Source(tmp_path / "file.bin")


@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "zip"])
def test_two_members_of_one_name_are_two_pictures(tmp_path, suffix):
    path = tmp_path / f"twice.{suffix}"
    contents = [b"first", b"second picture"]
    if suffix == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for data in contents:
                with pytest.warns(UserWarning) if data == contents[1] else contextlib.nullcontext():
                    archive.writestr("same.jpg", data)
    else:
        with tarfile.open(path, "w:gz" if suffix == "tar.gz" else "w") as archive:
            for data in contents:
                member = tarfile.TarInfo("same.jpg")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    source = Source(path)
    entries = source.entries()
    assert [data for _, data in source.read(entries)] == contents
    assert [data for _, data in source.read(entries[::-1])] == contents[::-1]


def test_a_zip_of_every_kind_of_member(tmp_path, members, monkeypatch):
    """Stored, deflated, with its size behind the data, not ASCII, with a program in front of the archive."""
    monkeypatch.setattr(ccc.data.sources, "MAX_BYTES", 100_000)
    picture = next(iter(members.values()))
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("stored.jpg", picture, zipfile.ZIP_STORED)
        archive.writestr("写真.jpg", picture, zipfile.ZIP_DEFLATED)
        archive.writestr("bzip2.jpg", picture, zipfile.ZIP_BZIP2)
        with archive.open("streamed.jpg", "w", force_zip64=True) as member:
            member.write(picture)
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("../outside.jpg", picture)
        archive.writestr("bomb.jpg", bytes(100_001), zipfile.ZIP_DEFLATED)
        archive.comment = b"a note"
    path = tmp_path / "all.zip"
    path.write_bytes(b"#!/bin/sh\n" + body.getvalue())
    source = Source(path)
    read = {entry.member: data for entry, data in source.read(source.entries())}
    assert all(read.pop(name) == picture for name in ("stored.jpg", "写真.jpg", "streamed.jpg"))
    assert {name: error.reason for name, error in read.items()} == {"bzip2.jpg": "unreadable", "bomb.jpg": "too large"}
    assert dict(source.refused) == {"link.jpg": "not a regular file", "../outside.jpg": "unsafe name"}


def test_a_damaged_zip_member_is_noticed(tmp_path):
    path = tmp_path / "damaged.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jpg", b"0123456789")
    path.write_bytes(path.read_bytes().replace(b"0123456789", b"0123456780"))
    ((_, error),) = Source(path).read(Source(path).entries())
    assert isinstance(error, ImageError) and error.reason == "unreadable" and "CRC" in str(error)


def test_zips_that_claim_what_is_not_so(tmp_path):
    """Encrypted members, fewer bytes than inflate out of them, and names that are no UTF-8 though flagged so."""
    path = tmp_path / "picture.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("é.jpg", bytes(50_000_000))
    whole, size = path.read_bytes(), (50_000_000).to_bytes(4, "little")
    directory = whole.index(b"PK\1\2")

    def read(data):
        path.write_bytes(data)
        ((_, error),) = Source(path).read(Source(path).entries())
        return error

    flags = directory + 8
    encrypted = read(whole[:flags] + bytes([whole[flags] | 1]) + whole[flags + 1 :])
    assert encrypted.reason == "unreadable" and "encrypted" in str(encrypted)
    tracemalloc.start()
    assert read(whole.replace(size, (100).to_bytes(4, "little"))).reason == "unreadable"
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    with pytest.raises(CCCError, match="picture.zip: the archive cannot be read"):
        read(whole.replace("é".encode(), b"\xff\xfe"))


def test_special_files_of_a_folder_are_refused(tmp_path, members):
    folder = sources(tmp_path, members)[0]
    os.mkfifo(folder / "pipe.jpg")  # reading it would wait for ever
    (folder / "nowhere.jpg").symlink_to("missing")
    source = Source(folder)
    assert len(source.entries()) == 7
    assert dict(source.refused) == {"pipe.jpg": "not a regular file", "nowhere.jpg": "missing file"}


def test_a_link_to_itself_and_a_name_that_is_no_utf8_stop_nothing(tmp_path, astronaut, capsys):
    folder = tmp_path / "odd"
    write_png(folder / "good.png", astronaut[:64, :64])
    os.rename(folder / "good.png", os.path.join(os.fsencode(folder), b"good\xff.png"))
    os.symlink("loop.png", folder / "loop.png")
    assert main(["shard", str(folder), "--size", "64", "-o", str(tmp_path / "0.tar")]) == 3
    assert json.loads((tmp_path / "0.json").read_text())["refused_by_reason"] == {"missing file": 1}
    assert main(["prepare", str(folder), "-n", "all", "-o", str(tmp_path / "set")]) == 3
    assert (tmp_path / "set/manifest.csv").read_text().splitlines()[1].startswith("good\ufffd,good\ufffd.png,")
    assert (tmp_path / "set/truth/good\ufffd.png").is_file()
