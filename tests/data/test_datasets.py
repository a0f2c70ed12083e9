"""Public sets: which pictures of an archive are the official ones, and what is refused."""

import csv
import dataclasses
import hashlib
import shutil
import zipfile

import pytest
import small_sets
from small_sets import OFFICIAL

from ccc.cli import main
from ccc.core.errors import CCCError
from ccc.data.datasets import select, verify
from ccc.data.sources import Source


@pytest.mark.parametrize("name", OFFICIAL)
def test_the_official_part_is_taken_in_the_archives_order(sets, tmp_path, name, capsys):
    out = tmp_path / "out"
    archive = tmp_path / "origin" / name / sets[name].archive
    command = ["prepare", str(archive), "--dataset", name, "-o", str(out), "-n", "all", "--side", "16"]
    assert main(command) == 0
    rows = list(csv.DictReader((out / "manifest.csv").open()))
    assert sorted(row["source"] for row in rows) == sorted(OFFICIAL[name])
    members = [entry.member for entry in Source(archive).entries()]
    assert [members[i] for i in select(sets[name], members, archive.parent)] == OFFICIAL[name]


def test_the_manifest_tells_the_pictures_apart(sets, tmp_path):
    shutil.copytree(tmp_path / "origin/coco", tmp_path / "data/coco")
    picked = []
    for seed in "001":
        main(["prepare", "coco", "-o", str(tmp_path / "out"), "-n", "3", "--seed", seed, "--side", "16"])
        picked.append(list(csv.DictReader((tmp_path / "out/manifest.csv").open())))
    assert picked[0] == picked[1] != picked[2] and len(picked[0]) == 3
    with zipfile.ZipFile(tmp_path / "origin/coco/val2017.zip") as archive:
        for row in picked[0]:
            assert row["source_sha256"] == hashlib.sha256(archive.read(row["source"])).hexdigest()
            truth = tmp_path / f"out/truth/{row['name']}.png"
            assert not truth.exists() or row["sha256"] != row["source_sha256"]


def test_an_archive_or_a_split_file_that_is_another_one_is_refused(sets, tmp_path):
    folder = tmp_path / "origin/flowers102"
    with pytest.raises(CCCError, match=r"102flowers.tgz: 1 pictures jpg/image_\*.jpg in it, where .* has 12"):
        select(sets["flowers102"], ["jpg/image_00001.jpg", "other.jpg"], folder)
    with pytest.raises(CCCError, match="setid.mat: lists 5 pictures, 5 of them .* where 9 are expected"):
        wrong = sets["flowers102"].split | {"pictures": 9}
        select(dataclasses.replace(sets["flowers102"], split=wrong), small_sets.MEMBERS["flowers102"], folder)
    for content in (b"", b"<!DOCTYPE html>", b"MATLAB 5.0 MAT-file, but no more"):
        (folder / "setid.mat").write_bytes(content)
        with pytest.raises(CCCError, match="setid.mat: cannot be read as a split file"):
            select(sets["flowers102"], small_sets.MEMBERS["flowers102"], folder)
    (folder / "setid.mat").unlink()
    with pytest.raises(CCCError, match="setid.mat: is not there"):
        select(sets["flowers102"], small_sets.MEMBERS["flowers102"], folder)
    (tmp_path / "origin/celeba/list_eval_partition.txt").write_text("<html> a page of three words\n")
    with pytest.raises(CCCError, match="list_eval_partition.txt: cannot be read as a split file"):
        select(sets["celeba"], small_sets.MEMBERS["celeba"], tmp_path / "origin/celeba")


def test_bytes_as_published_with_other_pictures_in_them_are_found_out(sets, tmp_path):
    other = dataclasses.replace(sets["places365-val"], pictures=8)
    with pytest.raises(CCCError, match="val_256.tar: 7 pictures .* has 8"):
        verify(other, tmp_path / "origin/places365-val")
