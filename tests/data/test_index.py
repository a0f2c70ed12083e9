"""An index holds the chosen pictures in order, serves any slice, and is refused once its source has changed."""

import io
import json
import os
import tarfile

import pytest
from odd_sources import picture, tar

from ccc.core.errors import CCCError
from ccc.data.index import ROWS, Choice, Index, class_of
from ccc.data.sources import Source


@pytest.fixture
def places(tmp_path):
    """A tar in Places365's layout, three classes of 5, 3 and 7 members; their bytes are their names."""
    path = tmp_path / "places.tar"
    with tarfile.open(path, "w") as archive:
        for folder, count in (("a/abbey", 5), ("a/apartment_building/outdoor", 3), ("b/beach", 7)):
            for number in range(count):
                name = f"data_256/{folder}/{number:08d}.jpg"
                member = tarfile.TarInfo(name)
                member.size = len(name)
                archive.addfile(member, io.BytesIO(name.encode()))
    return path


def names(path, choice=None):
    index = Index.of(Source(path), choice or Choice())
    return [entry.member for entry in index.entries(0, len(index))]


def test_an_opened_index_gives_every_slice_of_what_was_chosen(places, tmp_path):
    for choice in (Choice(), Choice(seed=1), Choice(seed=1, limit=9)):
        made = Index.of(Source(places), choice)
        made.save(tmp_path / "index.parquet")
        opened = Index.open(tmp_path / "index.parquet", Source(places))
        whole = made.entries(0, len(made))
        assert len(opened) == len(made) == (choice.limit or 15) and opened.entries(0, len(opened)) == whole
        assert opened.entries(3, 7) == whole[3:7] and opened.entries(8, 8) == []
        assert all(data.decode() == entry.member for entry, data in Source(places).read(opened.entries(2, 9)))


def test_slices_across_row_groups(tmp_path):
    count = 2 * ROWS + 100
    listing = tmp_path / "many.txt"
    listing.write_text("".join(f"{number}.jpg\n" for number in range(count)))
    Index.of(Source(listing)).save(tmp_path / "many.parquet")
    index = Index.open(tmp_path / "many.parquet", Source(listing))
    for start, stop in ((0, 1), (ROWS - 1, ROWS + 1), (ROWS, 2 * ROWS), (5, count)):
        assert [entry.member for entry in index.entries(start, stop)] == [f"{i}.jpg" for i in range(start, stop)]


def test_equal_sources_and_choices_give_equal_bytes(places, tmp_path):
    for name in ("one", "two"):
        Index.of(Source(places), Choice(seed=4)).save(tmp_path / f"{name}.parquet")
    for suffix in ("parquet", "json"):
        assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("data_256/a/abbey", "abbey"),
        ("data_256/a/apartment_building/outdoor", "apartment_building/outdoor"),
        ("train/cat", "cat"),
        ("val_256", "val_256"),
        ("a", "a"),
        ("", ""),
    ],
)
def test_the_class_is_the_folder_below_the_letter(folder, expected):
    assert class_of(folder) == expected


def test_choices(places):
    assert [name.split("/")[2] for name in names(places, Choice(per_class=3))] == ["abbey"] * 3 + [
        "apartment_building"
    ] * 3 + ["beach"] * 3
    assert {name.split("/")[2] for name in names(places, Choice(("beach", "apartment_building")))} == {
        "apartment_building",
        "beach",
    }
    assert len(names(places, Choice(("beach",), limit=4))) == 4
    mixed = names(places, Choice(seed=0))
    assert sorted(mixed) == names(places) != mixed == names(places, Choice(seed=0)) != names(places, Choice(seed=1))
    even = names(places, Choice(per_class=3, seed=0))
    assert len(even) == 9 and even == [name for name in mixed if name in even]
    with pytest.raises(CCCError, match="no class 'beech': did you mean 'beach'"):
        names(places, Choice(("beech",)))


def test_a_flat_archive_has_no_classes_to_choose_by(tmp_path):
    path = tmp_path / "val_256.tar"
    with tarfile.open(path, "w") as archive:
        for number in range(3):
            archive.addfile(tarfile.TarInfo(f"val_256/Places365_val_{number:08d}.jpg"))
    for choice in (Choice(("beach",)), Choice(per_class=96)):
        with pytest.raises(CCCError, match="no folders of classes.* use a limit"):
            names(path, choice)


def test_the_only_class_can_be_chosen(tmp_path):
    path = tar(tmp_path / "cat.tar", {f"cat/{number}.jpg": picture() for number in range(3)})
    assert names(path, Choice(("cat",))) == ["cat/0.jpg", "cat/1.jpg", "cat/2.jpg"]
    assert names(path, Choice(("cat",), per_class=2)) == ["cat/0.jpg", "cat/1.jpg"]
    with pytest.raises(CCCError, match="no folders of classes, but all in one, 'cat': name it by classes"):
        names(path, Choice(per_class=2))


def test_the_manifest_says_what_went_in_and_how(places, tmp_path):
    Index.of(Source(places), Choice(per_class=4, seed=2)).save(tmp_path / "index.parquet")
    manifest = json.loads((tmp_path / "index.json").read_text())
    assert manifest["words"] == "11 of 15 pictures, at random (seed 2), at most 4 of each class"
    assert manifest["classes"] == {"abbey": 4, "apartment_building/outdoor": 3, "beach": 4}
    assert manifest["source"] == "places.tar" and manifest["choice"]["seed"] == 2


def test_a_changed_archive_makes_its_index_stale(places, tmp_path):
    index = tmp_path / "index.parquet"
    Index.of(Source(places)).save(index)
    Index.open(index, Source(places))
    os.utime(places, ns=(1, 1))
    with pytest.raises(CCCError, match="stale, .*places.tar has changed .*make it again with `ccc index "):
        Index.open(index, Source(places))


@pytest.mark.parametrize("change", ["added", "removed", "moved"])
def test_a_changed_folder_makes_its_index_stale(tmp_path, change):
    for name in ("a/1.jpg", "a/2.jpg", "b/3.jpg"):
        path = tmp_path / "photographs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"1")
    folder, index = tmp_path / "photographs", tmp_path / "index.parquet"
    Index.of(Source(folder)).save(index)
    Index.open(index, Source(folder))
    if change == "added":
        (folder / "b" / "4.jpg").touch()
    elif change == "removed":
        (folder / "a" / "1.jpg").unlink()
    else:
        (folder / "b").rename(folder / "c")
    with pytest.raises(CCCError, match="stale"):
        Index.open(index, Source(folder))


def test_what_is_no_index(places, tmp_path):
    with pytest.raises(CCCError, match="no such index; make it with `ccc index"):
        Index.open(tmp_path / "none.parquet", Source(places))
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    with pytest.raises(CCCError, match="not an index"):
        Index.open(tmp_path / "broken.parquet", Source(places))
    Index.of(Source(places)).save(tmp_path / "index.parquet")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CCCError, match="another kind of source"):
        Index.open(tmp_path / "index.parquet", Source(tmp_path / "folder"))
