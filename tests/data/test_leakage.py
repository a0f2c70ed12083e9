"""Benchmark pictures among the training photographs are found, and what is not known is said to be."""

import csv
import json

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from ccc.cli import main
from ccc.core.errors import CCCError
from ccc.core.files import write_csv
from ccc.core.images import write_png
from ccc.data.benchmark import prepare
from ccc.data.leakage import NEAR, compare, read_pictures
from ccc.data.likeness import SUFFIX, perceptual_hash
from ccc.data.shards import read_statistics, write_shard

PHOTOGRAPHS = {"astronaut": data.astronaut(), "chelsea": data.chelsea(), "coffee": data.coffee()}


def bits_apart(first: np.ndarray, second: np.ndarray) -> int:
    return (perceptual_hash(first) ^ perceptual_hash(second)).bit_count()


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A benchmark of three pictures, of which one was trained on as it is and one at another size and quality."""
    folder = tmp_path_factory.mktemp("leakage")
    for name, rgb in PHOTOGRAPHS.items():
        write_png(folder / f"benchmark/{name}.png", rgb)
    (folder / "photographs").mkdir()
    (folder / "photographs/same.png").write_bytes((folder / "benchmark/astronaut.png").read_bytes())
    Image.fromarray(PHOTOGRAPHS["coffee"]).resize((200, 133)).save(folder / "photographs/small.jpg", quality=40)
    write_png(folder / "photographs/other.png", data.rocket())
    write_shard(folder / "photographs", folder / "shards/train/0.tar", size=64, map_size=16)
    prepare(folder / "benchmark", folder / "set", None)
    return folder / "set/manifest.csv", folder / "shards/train/0.tar"


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_picture_looks_the_same_at_another_size_and_quality_and_others_do_not(name):
    rgb = PHOTOGRAPHS[name]
    jpeg = cv2.imdecode(cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], cv2.IMREAD_COLOR)
    for copy in (jpeg, cv2.resize(rgb, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA), rgb // 2 + 40):
        assert bits_apart(rgb, copy) <= NEAR
    assert min(bits_apart(rgb, other) for key, other in PHOTOGRAPHS.items() if key != name) > 2 * NEAR


def test_what_was_trained_on_is_found_by_bytes_and_by_looks(compared, tmp_path, capsys):
    manifest, shard = compared
    out = tmp_path / "set.json"
    assert main(["leakage", str(manifest), str(shard), "-o", str(out)]) == 0
    facts = json.loads(out.read_text())
    assert facts["pictures"] == 3 and facts["compared"] == {"train": 3}
    assert facts["exact"] == [{"picture": "astronaut", "found": "same.png", "split": "train"}]
    (near,) = facts["near"]
    assert (near["picture"], near["found"]) == ("coffee", "small.jpg") and 0 <= near["distance"] <= NEAR
    said = capsys.readouterr().out
    assert "of 3 pictures 1 are among" in said and "astronaut (same.png, train), coffee (small.jpg, train)" in said


def test_shards_without_hashes_are_refused(compared, tmp_path):
    _, shard = compared
    facts = json.loads(shard.with_suffix(".json").read_text())
    facts.pop("pictures_sha256")
    (tmp_path / "0.json").write_text(json.dumps(facts))
    with pytest.raises(CCCError, match=r"0\.json: .*pictures_sha256: Field required.*write the shard again"):
        read_statistics([tmp_path / "0.tar"])


def test_files_that_are_not_the_ones_told_of_are_refused(compared, tmp_path):
    manifest, shard = compared
    with pytest.raises(CCCError, match=r"0\.pictures\.parquet: missing or not of this shard"):
        read_pictures([shard], [read_statistics([shard])[0] | {"pictures_sha256": "0" * 64}])
    old = tmp_path / "manifest.csv"
    old.write_text("name,source,source_sha256\na,b,c\n")
    with pytest.raises(CCCError, match=r"holds no hashes of pictures \(.*\); write the benchmark again"):
        compare(old, [shard], read_statistics([shard]))


def test_equal_photographs_give_equal_files(compared, tmp_path):
    _, shard = compared
    write_shard(shard.parents[2] / "photographs", tmp_path / "0.tar", size=64, map_size=16)
    assert (tmp_path / f"0{SUFFIX}").read_bytes() == shard.with_suffix(SUFFIX).read_bytes()


@pytest.mark.parametrize("before", [0, 200, 400])
def test_a_thousand_photographs_more_change_nothing(compared, tmp_path, before):
    """The nearest of many is the one found, at whichever place."""
    manifest, shard = compared
    for name, rgb in (("rocket", data.rocket()), ("cat", data.chelsea()[:, ::-1])):
        write_png(tmp_path / f"photographs/{name}.png", rgb)
    other = tmp_path / "shards/train/1.tar"
    write_shard(tmp_path / "photographs", other, size=64, map_size=16)
    shards = [other] * before + [shard] + [other] * (400 - before)
    found = compare(manifest, shards, read_statistics(shards))
    assert found["compared"] == {"train": 803} and [item["found"] for item in found["exact"]] == ["same.png"]
    assert [item["found"] for item in found["near"]] == ["small.jpg"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("source_sha256", "zz"),
        ("source_sha256", ""),
        ("perceptual_hash", "zz"),
        ("perceptual_hash", "-1"),
        ("name", ""),
    ],
)
def test_a_damaged_manifest_is_named(compared, tmp_path, capsys, column, value):
    manifest, shard = compared
    rows = list(csv.DictReader(manifest.read_text().splitlines()))
    rows[0][column] = value
    write_csv(tmp_path / "manifest.csv", rows)
    assert main(["leakage", str(tmp_path / "manifest.csv"), str(shard), "-o", str(tmp_path / "o.json")]) == 2
    assert "manifest.csv: holds no hashes of pictures" in capsys.readouterr().err and not (tmp_path / "o.json").exists()


def test_folders_of_relative_names_and_a_manifest_of_a_spreadsheet(compared, tmp_path, monkeypatch, capsys):
    manifest, shard = compared
    monkeypatch.chdir(shard.parent)
    (tmp_path / "set").mkdir()
    (tmp_path / "set/manifest.csv").write_text(manifest.read_text(), encoding="utf-8-sig")
    assert main(["leakage", str(tmp_path / "set/manifest.csv"), shard.name, "-o", str(tmp_path / "o.json")]) == 0
    assert json.loads((tmp_path / "o.json").read_text())["compared"] == {"train": 3}
    monkeypatch.chdir(manifest.parent)
    assert main(["leakage", "manifest.csv", str(shard), "-o", str(tmp_path / "o.json")]) == 0
    assert json.loads((tmp_path / "o.json").read_text())["benchmark"] == "set"
    (tmp_path / "set/manifest.csv").write_text(manifest.read_text().replace(",", ";"))
    assert main(["leakage", str(tmp_path / "set/manifest.csv"), str(shard), "-o", str(tmp_path / "o.json")]) == 2
    assert "holds no hashes of pictures (no column name)" in capsys.readouterr().err
