"""Public sets: what the catalogue says, how files are had and checked."""

import dataclasses
import os
import re
import shutil

import pytest

from ccc.assets import photographs
from ccc.cli import main
from ccc.core.errors import CCCError, MissingDataset

REAL = photographs.known()


@pytest.fixture
def publish(server, sets, tmp_path):
    """Publish a set in the manners given, "wrong" for other files; the catalogue then has these addresses."""

    def make(name, *manners):
        files = {}
        for file, facts in sets[name].files.items():
            server.files |= {file: (tmp_path / "origin" / name / file).read_bytes(), f"wrong-{file}": b"x" * 300}
            addresses = [
                server.address("good", f"wrong-{file}") if manner == "wrong" else server.address(manner, file)
                for manner in manners
            ]
            files[file] = facts | {"urls": addresses}
        sets[name] = dataclasses.replace(sets[name], files=files)
        return sets[name]

    return make


# --- the catalogue ---


def test_every_entry_can_be_checked_and_says_where_it_comes_from():
    assert {"ade20k", "celeba", "coco", "flowers102", "imagenet"} < set(REAL)
    for name, dataset in REAL.items():
        assert dataset.archive in dataset.files and dataset.source and dataset.licence and dataset.page, name
        assert dataset.split is None or dataset.split["file"] in dataset.files
        assert bool(dataset.by_hand) == (name == "imagenet")
        for facts in dataset.files.values():
            assert facts["size"] > 0 and re.fullmatch("[0-9a-f]{64}", facts["sha256"])
            assert facts["md5"] is None or re.fullmatch("[0-9a-f]{32}", facts["md5"])
            assert bool(facts["urls"]) != bool(dataset.by_hand)
            assert all(re.match("https?://", url) for url in facts["urls"])


def test_counts_are_those_of_the_owners():
    counts = {name: dataset.count for name, dataset in REAL.items()}
    assert counts == {
        "ade20k": 2000, "celeba": 19_962, "coco": 5000, "flowers102": 6149, "imagenet": 50_000,
        "places365-train": 1_803_460, "places365-val": 365 * 100, "places365-test": 365 * 900,
    }  # fmt: skip
    assert REAL["celeba"].pictures == 202_599 and REAL["flowers102"].pictures == 8189


def test_checksums_agree_with_torchvisions():
    """A second source, which recorded them by itself."""
    import ccc.core.torchvision_ops  # noqa: F401, I001
    from torchvision.datasets import CelebA, Flowers102, Places365, imagenet

    theirs = dict(Flowers102._file_dict.values()) | dict(imagenet.ARCHIVE_META.values())
    theirs |= {file: md5 for _, md5, file in CelebA.file_list} | dict(Places365._IMAGES_META.values())
    compared = 0
    for dataset in REAL.values():
        for file, facts in dataset.files.items():
            if file in theirs:
                assert facts["md5"] == theirs[file], file
                compared += 1
    assert compared == 8


def test_a_name_is_a_set_and_a_path_is_a_path(sets, tmp_path):
    assert photographs.resolve("./coco") == (photographs.Path("./coco"), None)
    with pytest.raises(MissingDataset, match="COCO val2017 is not at hand: `ccc data fetch coco`$"):
        photographs.resolve("coco")
    with pytest.raises(MissingDataset, match="`ccc data fetch coco --data '/my data'`$"):
        photographs.resolve("coco", "/my data")
    with pytest.raises(MissingDataset, match="sign in at image-net.org.*`ccc data fetch imagenet --from FILE`"):
        photographs.resolve("imagenet")
    assert photographs.resolve("coco", tmp_path / "origin")[0] == tmp_path / "origin/coco/val2017.zip"
    assert photographs.resolve("coco", tmp_path / "origin/coco")[0] == tmp_path / "origin/coco/val2017.zip"
    with pytest.raises(CCCError, match="did you mean 'coco'"):
        photographs.named("cocoo")


def test_a_set_is_at_hand_only_with_all_its_files(sets, tmp_path):
    shutil.copytree(tmp_path / "origin/flowers102", tmp_path / "data/flowers102")
    assert photographs.find(sets["flowers102"]) == tmp_path / "data/flowers102"
    (tmp_path / "data/flowers102/setid.mat").unlink()
    assert photographs.find(sets["flowers102"]) is None


# --- fetching ---


@pytest.mark.parametrize("manner", ["good", "redirect", "no_length", "busy", "breaks", "no_ranges"])
def test_a_set_comes_whole_from_servers_that_fail_once(publish, tmp_path, manner, capsys):
    publish("celeba", manner)
    assert main(["data", "fetch", "celeba"]) == 0
    said = capsys.readouterr().out
    assert "licence: non-commercial research" in said and said.count(": fetched") == 2
    folder = tmp_path / "data/celeba"
    assert sorted(os.listdir(folder)) == ["img_align_celeba.zip", "list_eval_partition.txt"]
    for file in os.listdir(folder):
        assert (folder / file).read_bytes() == (tmp_path / "origin/celeba" / file).read_bytes()
    assert main(["data", "check", "celeba"]) == 0
    assert "4 pictures in the official part" in capsys.readouterr().out


def test_mirrors_are_tried_in_turn(publish, server, tmp_path):
    publish("coco", "missing", "page", "wrong", "good")
    photographs.fetch(photographs.named("coco"))
    assert [manner for manner, _ in server.requests] == ["missing", "page", "good", "good"]
    assert photographs.find(photographs.named("coco")) == tmp_path / "data/coco"


@pytest.mark.parametrize("manner", ["missing", "page", "wrong"])
def test_what_is_not_the_file_is_refused_and_nothing_looks_finished(publish, sets, manner, capsys):
    publish("coco", manner)
    assert main(["data", "fetch", "coco"]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "val2017.zip could not be fetched" in error and "https://cocodataset.org" in error
    assert error.endswith("`ccc data fetch coco --from FILE`")
    assert photographs.find(sets["coco"]) is None


def test_a_transfer_that_broke_off_is_taken_up_by_the_next_call(publish, server, tmp_path):
    publish("coco", "breaks")
    server.failures = 100
    with pytest.raises(CCCError, match="the transfer broke off"):
        photographs.fetch(photographs.named("coco"))
    left = (tmp_path / "data/coco/.val2017.zip.part").stat().st_size
    assert left and photographs.find(photographs.named("coco")) is None
    server.failures = 0
    seen = []
    photographs.fetch(photographs.named("coco"), progress=lambda *report: seen.append(report))
    assert server.requests[-1][1] == f"bytes={left}-"
    size = photographs.named("coco").files["val2017.zip"]["size"]
    assert seen[-1] == ("val2017.zip", size, size)


def test_what_is_at_hand_is_not_fetched_again_unless_it_is_broken(publish, server, tmp_path):
    publish("flowers102", "good")
    photographs.fetch(photographs.named("flowers102"))
    server.requests.clear()
    ways = {how for _, how in photographs.fetch(photographs.named("flowers102"))}
    assert ways == {"was there"} and not server.requests
    (tmp_path / "data/flowers102/setid.mat").write_bytes(b"broken")
    done = dict((path.name, how) for path, how in photographs.fetch(photographs.named("flowers102")))
    assert done == {"102flowers.tgz": "was there", "setid.mat": "fetched"}


def test_files_at_hand_are_taken_and_the_rest_is_fetched(publish, server, sets, tmp_path):
    publish("celeba", "good")
    done = photographs.fetch(sets["celeba"], given=str(tmp_path / "origin/celeba/img_align_celeba.zip"))
    assert [how for _, how in done] == ["taken", "fetched"] and len(server.requests) == 1
    assert (tmp_path / "origin/celeba/img_align_celeba.zip").is_file()
    assert main(["data", "fetch", "coco", "ade20k", "--from", str(tmp_path / "origin")]) == 2
    for name in ("coco", "ade20k"):
        assert main(["data", "fetch", name, "--from", str(tmp_path / "origin" / name)]) == 0
    assert main(["data", "check", str(tmp_path / "data")]) == 0


def test_a_set_that_needs_a_person_takes_a_file_of_any_name(sets, tmp_path, capsys):
    assert main(["data", "fetch", "imagenet"]) == 2
    error = capsys.readouterr().err
    assert "sign in at image-net.org" in error and "`ccc data fetch imagenet --from FILE`" in error
    archive = tmp_path / "origin/imagenet/ILSVRC2012_img_val.tar"
    (tmp_path / "wrong.tar").write_bytes(b"x" * archive.stat().st_size)
    assert main(["data", "fetch", "imagenet", "--from", str(tmp_path / "wrong.tar")]) == 2
    assert "sha256" in capsys.readouterr().err and photographs.find(sets["imagenet"]) is None
    shutil.copy(archive, tmp_path / "val (1).tar")
    assert main(["data", "fetch", "imagenet", "--from", str(tmp_path / "val (1).tar")]) == 0
    assert (tmp_path / "data/imagenet/ILSVRC2012_img_val.tar").read_bytes() == archive.read_bytes()


def test_a_mirror_is_tried_first(publish, server, sets, tmp_path):
    publish("flowers102", "missing")
    mirror = server.address("good", "x").removesuffix("/x")
    photographs.fetch(sets["flowers102"], given=mirror)
    assert [manner for manner, _ in server.requests] == ["good", "good"]
    shutil.rmtree(tmp_path / "data")
    publish("coco", "missing")
    photographs.fetch(sets["coco"], given=server.address("good", "val2017.zip"))


# --- listing and checking ---


def test_list_says_what_is_at_hand_and_where(sets, tmp_path, capsys):
    shutil.copytree(tmp_path / "origin/coco", tmp_path / "data/coco")
    assert main(["data", "list"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["coco"].endswith(str(tmp_path / "data/coco")) and "Flickr" in lines["coco"]
    assert lines["celeba"].endswith("not at hand") and lines["imagenet"].endswith("get it by hand")
    assert main(["data", "list", "--data", str(tmp_path / "origin")]) == 0
    assert "not at hand" not in capsys.readouterr().out


def test_check_says_what_is_wrong_and_goes_on(sets, tmp_path, capsys):
    archive = tmp_path / "origin/coco/val2017.zip"
    archive.write_bytes(archive.read_bytes()[:-1] + b"x")
    (tmp_path / "origin/celeba/list_eval_partition.txt").unlink()
    paths = [archive, tmp_path / "origin/flowers102/setid.mat", tmp_path / "origin/celeba", tmp_path, "ade20k"]
    assert main(["data", "check", *map(str, paths)]) == 2
    said = capsys.readouterr()
    assert "flowers102: " in said.out and "102flowers.tgz, setid.mat: size and checksum as recorded" in said.out
    wrong = said.err.splitlines()
    assert len(wrong) == 4 and "val2017.zip: sha256" in wrong[0] and "remove it and `ccc data fetch coco`" in wrong[0]
    assert "list_eval_partition.txt: is not there" in wrong[1] and "no file of a known dataset" in wrong[2]
    assert "ADE20K validation (SceneParsing 2016) is not at hand" in wrong[3] and "`ccc data fetch ade20k`" in wrong[3]
