"""Folders, archives and lists give the same pictures in a fixed order, and nothing outside themselves."""

import io
import tarfile
import zipfile

import pytest
from PIL import Image

from ccc.errors import CCCError
from ccc.sources import Source


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
