"""A fingerprint changes with the pictures that would be read, and with nothing else."""

import os

import pytest

from ccc.core.errors import CCCError
from ccc.data.fingerprint import fingerprint
from ccc.data.index import Index
from ccc.data.sources import Source


@pytest.fixture
def folder(tmp_path):
    for name in ("a/1.jpg", "a/2.JPG", "b/3.png"):
        path = tmp_path / "photographs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"1")
    return tmp_path / "photographs"


def replace(path):
    """Another picture of as many bytes in the same file: no folder gets another date."""
    found = path.stat()
    path.write_bytes(b"2" * found.st_size)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 1))


PICTURES = {
    "added": lambda folder: (folder / "b/4.jpg").write_bytes(b"1"),
    "removed": lambda folder: (folder / "a/1.jpg").unlink(),
    "renamed": lambda folder: (folder / "a/1.jpg").rename(folder / "a/9.jpg"),
    "moved": lambda folder: (folder / "b").rename(folder / "c"),
    "longer": lambda folder: (folder / "a/1.jpg").write_bytes(b"12"),
    "replaced": lambda folder: replace(folder / "a/1.jpg"),
}
OTHERS = {
    "Finder": lambda folder: (folder / "a/.DS_Store").write_bytes(b"1"),
    "Explorer": lambda folder: (folder / "a/Thumbs.db").write_bytes(b"1"),
    "AppleDouble": lambda folder: (folder / "a/._1.jpg").write_bytes(b"1"),
    "empty folder": lambda folder: (folder / "new").mkdir(),
    "future": lambda folder: os.utime(folder / "a", (4e9, 4e9)),
}


@pytest.mark.parametrize("change", PICTURES)
def test_whatever_happens_to_a_picture_gives_another_fingerprint_and_a_stale_index(folder, tmp_path, change):
    before, index = fingerprint(folder), tmp_path / "index.parquet"
    Index.of(Source(folder)).save(index)
    PICTURES[change](folder)
    assert fingerprint(folder) != before
    source = Source(folder)
    with pytest.raises(CCCError, match="again"):
        list(source.read(Index.open(index, source).entries(0, 3)))


def test_a_picture_of_folders_given_as_a_pattern_counts_too(folder, tmp_path):
    pattern, index = f"{folder}/{{a,b}}", tmp_path / "index.parquet"
    Index.of(Source(pattern)).save(index)
    before = fingerprint(pattern)
    replace(folder / "a/1.jpg")
    assert fingerprint(pattern) != before
    with pytest.raises(CCCError, match="stale"):
        Index.open(index, Source(pattern))


@pytest.mark.parametrize("change", OTHERS)
def test_what_is_not_read_changes_neither(folder, tmp_path, change):
    before, index = fingerprint(folder), tmp_path / "index.parquet"
    Index.of(Source(folder)).save(index)
    OTHERS[change](folder)
    assert fingerprint(folder) == before
    source = Source(folder)
    assert len(list(source.read(Index.open(index, source).entries(0, 3)))) == 3


def test_a_list_counts_with_the_files_it_names_and_an_archive_by_size_and_date(folder, tmp_path):
    listing, archive = tmp_path / "list.txt", tmp_path / "some.tar"
    listing.write_text("# comment\nphotographs/a/1.jpg\n")
    archive.write_bytes(b"1")
    before = fingerprint(listing), fingerprint(archive), fingerprint(listing, archive)
    replace(folder / "a/1.jpg")
    assert fingerprint(listing) != before[0] and fingerprint(archive) == before[1]
    replace(archive)
    assert fingerprint(archive) != before[1] and fingerprint(listing, archive) != before[2]


def test_other_files_count_where_others_are_read(folder):
    before = fingerprint(folder, suffixes={".json"})
    (folder / "a/4.jpg").write_bytes(b"1")
    assert fingerprint(folder, suffixes={".json"}) == before
    (folder / "a/4.json").write_bytes(b"1")
    assert fingerprint(folder, suffixes={".json"}) != before


def test_a_folder_that_may_not_be_read_is_told(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CCCError, match=r"photographs: cannot be read \(.*Permission denied"):
        Source(folder).entries()
