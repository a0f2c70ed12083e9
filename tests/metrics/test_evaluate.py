"""Two folders in, one table out: what is refused, what is missing, what is counted, and the same bytes every time."""

import csv
import dataclasses
import json
import math
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image
from skimage import data as shipped

from ccc import metrics
from ccc.codebook import Codebook, class_map
from ccc.core.errors import CCCError
from ccc.core.images import read_rgb, write_png
from ccc.metrics import evaluate as module
from ccc.metrics import pair as pair_module
from ccc.metrics import store, structure
from ccc.metrics.evaluate import evaluate
from ccc.metrics.pair import Pair
from ccc.metrics.registry import METRICS

WEIGHTY = {name for name, metric in METRICS.items() if metric.needs and not metric.needs.startswith("pyiqa:")}
NETWORKLESS = [name for name, metric in METRICS.items() if metric.default and name not in WEIGHTY]


@pytest.fixture
def folders(tmp_path):
    """Predictions and truths of three pictures: one tinted, one identical, one without its colour."""
    prediction, truth = tmp_path / "prediction", tmp_path / "truth"
    for name, picture in (("a", shipped.astronaut()), ("b", shipped.coffee()), ("c", shipped.chelsea())):
        picture = np.ascontiguousarray(picture[100:164, 100:180])
        write_png(truth / f"{name}.png", picture)
        changed = {"a": picture // 2 + 60, "b": picture, "c": np.repeat(picture[..., 1:2], 3, axis=2)}[name]
        write_png(prediction / f"{name}.png", changed)
    return prediction, truth


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    for name in ("CCC_WEIGHTS", "XDG_CACHE_HOME", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))


def test_values_are_those_of_the_functions(folders):
    prediction, truth = folders
    found = evaluate(prediction, truth, NETWORKLESS)
    table = pandas.DataFrame(found.rows)
    assert list(table)[:3] == ["name", "width", "height"] and list(table["name"]) == ["a", "b", "c"]
    assert (table["width"] == 80).all() and (table["height"] == 64).all()
    for name, function in [
        *(
            (name, name)
            for name in ("mse", "psnr", "ssim", "uiqi", "cnr_56", "ciede2000", "mse_ab", "colorfulness", "fsimc", "vsi")
        ),
        ("cnr_64", "cnr"),
        ("delta_colorfulness", "delta_colorfulness"),
    ]:
        expected = [
            getattr(metrics, function)(read_rgb(prediction / f"{stem}.png"), read_rgb(truth / f"{stem}.png"))
            for stem in table["name"]
        ]
        np.testing.assert_array_equal(table[name], expected, err_msg=name)
        if name != "psnr":
            assert found.summary["mean"][name] == np.mean(expected)
            assert found.summary["median"][name] == np.median(expected)
            assert found.summary["sd"][name] == np.std(expected, ddof=1) and found.summary["n"][name] == 3
    pairs = [Pair(read_rgb(prediction / f"{stem}.png"), read_rgb(truth / f"{stem}.png")) for stem in "abc"]
    sides = [len(np.unique([pair.classes[side] for pair in pairs])) for side in (0, 1)]
    assert found.summary["set"] == {"cnr_64_pooled": sides[0] / sides[1]} and found.summary["missing"] == {}
    assert found.summary["versions"] == {METRICS[name].at(64).name: METRICS[name].version for name in NETWORKLESS}
    assert found.summary["directions"]["cnr_64"] == "higher" and found.summary["directions"]["colorfulness"] is None
    assert found.summary["images"] == 3 and found.summary["side"] == 64


def test_infinite_psnr_is_counted_and_left_out_of_the_mean(folders):
    found = evaluate(*folders, ["psnr", "mse"])
    finite = [row["psnr"] for row in found.rows if math.isfinite(row["psnr"])]
    assert len(finite) == 2 and found.rows[1]["psnr"] == math.inf
    assert found.summary["mean"]["psnr"] == np.mean(finite) and found.summary["infinite"] == {"psnr": 1}
    same = evaluate(folders[1], folders[1], ["psnr"]).summary
    assert same["mean"] == same["median"] == {"psnr": None} and same["infinite"] == {"psnr": 3}


@pytest.mark.usefixtures("nowhere")
def test_metrics_without_weights_are_missing_with_the_reason_and_keep_their_column(folders, tmp_path):
    found = evaluate(*folders)
    weighty = {name for name in WEIGHTY if METRICS[name].default}
    assert (
        weighty
        == {"lpips_alex", "fid_64", "fid_192", "fid_768", "fid_2048", "fid_2048_clean", "kid_2048_clean"}
        == set(found.summary["missing"])
    )
    assert all(reason.startswith("no weights: ") for reason in found.summary["missing"].values())
    assert found.summary["mean"]["lpips_alex"] is None and found.summary["set"]["fid_64"] is None
    assert found.summary["set"]["cnr_64_pooled"] > 0
    found.save(tmp_path / "m.csv", tmp_path / "m.json")
    rows = list(csv.DictReader((tmp_path / "m.csv").open()))
    assert [row["lpips_alex"] for row in rows] == ["", "", ""] and float(rows[0]["ssim"]) == found.rows[0]["ssim"]
    assert json.loads((tmp_path / "m.json").read_text()) == found.summary
    given = evaluate(*folders, ["lpips_alex"], {"alexnet": tmp_path / "absent.pth"})
    assert "absent.pth" in given.summary["missing"]["lpips_alex"]


def test_lpips_with_weights(folders, shared):
    trunk = shared("weights/alexnet_features.pth")
    found = evaluate(*folders, ["lpips_alex"], {"alexnet": trunk})
    expected = metrics.lpips(read_rgb(folders[0] / "a.png"), read_rgb(folders[1] / "a.png"), weights=trunk)
    assert found.rows[0]["lpips_alex"] == expected > 0 and found.rows[1]["lpips_alex"] == 0
    assert found.summary["missing"] == {}


def test_sets(folders, random_inception):
    names = ["fid_64", "fid_192", "fid_768", "fid_2048", "fid_2048_clean", "kid_2048_clean"]
    found = evaluate(*folders, names, {"inception_fid": random_inception}).summary
    features = {
        resize: [
            metrics.inception_features([read_rgb(folder / f"{name}.png") for name in "abc"], random_inception, resize)
            for folder in folders
        ]
        for resize in ("pytorch", "clean")
    }
    for name in names:
        distance = metrics.kid if name.startswith("kid") else metrics.frechet_distance
        x, y = (side[METRICS[name].dimension] for side in features["clean" if "clean" in name else "pytorch"])
        assert found["set"][name] == pytest.approx(distance(x, y), rel=1e-12), name
        assert found["interval"][name][0] <= found["set"][name] <= found["interval"][name][1], name
        assert ("3 pictures are fewer than" in found["cautions"].get(name, "")) == name.startswith("fid"), name
    assert found["set"]["fid_2048"] != found["set"]["fid_2048_clean"]
    assert found["mean"] == {} and found["missing"] == {}
    for folder in folders:
        for name in "bc":
            (folder / f"{name}.png").unlink()
    alone = evaluate(*folders, names, {"inception_fid": random_inception}).summary
    assert alone["set"] == dict.fromkeys(names) and set(alone["missing"].values()) == {"needs at least two pictures"}


def test_features_are_computed_once_for_every_set_of_pictures(folders, random_inception, tmp_path, monkeypatch):
    computed = []
    original = module.inception_features

    def counting(images, weights, resize, dimensions):
        computed.append(resize)
        return original(images, weights, resize, dimensions)

    counting.__module__ = original.__module__
    monkeypatch.setattr(module, "inception_features", counting)
    cache = tmp_path / "cache"

    def fid(prediction=folders[0], names=("fid_64",)):
        computed.clear()
        found = evaluate(prediction, folders[1], names, {"inception_fid": random_inception}, cache=cache).summary
        return found["set"]["fid_64"], len(computed)

    first, passes = fid()
    assert passes == 2 and fid() == (first, 0)
    other = tmp_path / "another method"
    shutil.copytree(folders[0], other)
    write_png(other / "c.png", np.zeros((64, 80, 3), np.uint8))
    assert fid(other)[1] == 1, "the truth's features are those of the first method's evaluation"
    assert fid(names=("fid_64", "kid_2048_clean")) == (first, 2), "other features of other pictures, and no more"
    stored = sorted((cache / "inception_pytorch").glob("*.npy"))
    for path in stored:
        path.write_bytes(path.read_bytes()[:-50])  # cut short
    assert fid() == (first, 2)
    write_png(folders[1] / "c.png", np.zeros((64, 80, 3), np.uint8))
    second, passes = fid()
    assert passes == 1 and second != first


def test_the_second_to_enter_waits_and_finds_what_the_first_has_stored(tmp_path):
    first, second = store.Store(tmp_path), store.Store(tmp_path)
    entered, found = threading.Event(), []

    def enter():
        entered.set()
        with second.alone("features", "key"):
            found.append(second.get("features", "key"))

    other = threading.Thread(target=enter)
    with first.alone("features", "key"), first.alone("features", "another key"):
        other.start()
        entered.wait()
        time.sleep(0.2)
        assert not found
        first.put("features", "key", np.ones(2))
    other.join(30)
    np.testing.assert_array_equal(found, [[1, 1]])


def test_one_more_metric_is_computed_alone(folders, tmp_path, monkeypatch):
    decoded = []
    monkeypatch.setattr(module, "read_rgb", lambda path: decoded.append(path) or read_rgb(path))
    cache = tmp_path / "cache"
    plain = evaluate(*folders, ["psnr", "ssim", "cnr_pooled"])
    decoded.clear()
    assert evaluate(*folders, ["psnr", "ssim", "cnr_pooled"], cache=cache) == plain and len(decoded) == 6
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*.npy")}
    assert evaluate(*folders, ["psnr", "ssim", "cnr_pooled"], cache=cache) == plain and len(decoded) == 6
    more = evaluate(*folders, ["psnr", "ssim", "uiqi", "cnr_pooled"], cache=cache)
    assert len(decoded) == 12 and more.rows[0]["uiqi"] == evaluate(*folders, ["uiqi"]).rows[0]["uiqi"]
    after = {path: path.stat().st_mtime_ns for path in cache.rglob("*.npy")}
    assert {path: after[path] for path in before} == before
    assert [path.parent.name for path in set(after) - set(before)] == ["uiqi"]


def test_a_stored_value_is_never_stale(folders, tmp_path, monkeypatch):
    cache, names = tmp_path / "cache", ["mse", "psnr"]
    evaluate(*folders, names, cache=cache)
    write_png(folders[0] / "a.png", read_rgb(folders[1] / "a.png"))
    assert evaluate(*folders, names, cache=cache) == evaluate(*folders, names), "another picture"
    monkeypatch.setitem(METRICS, "mse", dataclasses.replace(METRICS["mse"], version=2, pair=lambda pair: 0.5))
    assert evaluate(*folders, names, cache=cache).rows[0]["mse"] == 0.5, "another version"
    monkeypatch.setattr(store, "_versions", lambda: ["numpy 99"])
    decoded = []
    monkeypatch.setattr(module, "read_rgb", lambda path: decoded.append(path) or read_rgb(path))
    evaluate(*folders, ["psnr"], cache=cache)
    assert len(decoded) == 6, "another version of a package"


def test_values_depend_on_the_code_of_their_own_module(tmp_path, monkeypatch):
    before = {name: store.code_of(METRICS[name].pair) for name in ("ssim", "uiqi", "cnr", "cnr_min5", "lpips_alex")}
    assert before["ssim"] == before["uiqi"] and before["cnr"] == before["cnr_min5"]
    assert len(set(before.values())) == 3
    edited = tmp_path / "structure.py"
    edited.write_text(Path(structure.__file__).read_text() + "# edited")
    monkeypatch.setattr(structure, "__file__", str(edited))
    after = {name: store.code_of(METRICS[name].pair) for name in before}
    assert {name for name in before if before[name] != after[name]} == {"ssim", "uiqi"}


def test_cnr_names_the_size_it_was_counted_at(folders):
    assert [name for name in evaluate(*folders, ["cnr", "mse"]).rows[0] if name.startswith("cnr")] == ["cnr_64"]
    assert "cnr_64_min5" in evaluate(*folders, ["cnr_64_min5", "cnr_min5"]).summary["mean"]
    with pytest.raises(CCCError, match="cnr_256: the pictures' short side is 64 pixels; ask for 'cnr'"):
        evaluate(*folders, ["cnr_256"])
    for folder in folders:
        write_png(folder / "wide.png", np.zeros((20, 90, 3), np.uint8))
    assert list(evaluate(*folders, ["cnr"]).summary["mean"]) == ["cnr_native"]


def test_codebook_classes_are_counted_where_a_codebook_is_given(folders, tmp_path):
    book = Codebook.fit(np.bincount(class_map(shipped.astronaut()).ravel(), minlength=400).astype(np.int64), 20)
    book.save(tmp_path / "codebook.json")
    found = evaluate(*folders, codebook=tmp_path / "codebook.json")
    pictures = [read_rgb(folder / "a.png") for folder in folders]
    assert found.rows[0]["cnr_64_codebook"] == metrics.cnr_codebook(*pictures, book)
    without = evaluate(*folders, ["cnr_codebook"]).summary
    assert without["mean"] == {"cnr_64_codebook": None}
    assert without["missing"]["cnr_64_codebook"].startswith("no codebook")
    assert "cnr_64_codebook" not in evaluate(*folders, ["mse"], codebook=tmp_path / "codebook.json").summary["versions"]


def test_undefined_values_are_empty_cells_with_a_reason(folders, tmp_path):
    for folder in folders:
        write_png(folder / "tiny.png", read_rgb(folder / "a.png")[:1, :4])
    found = evaluate(*folders, NETWORKLESS)
    assert found.summary["missing"] == {
        "ssim": "undefined for 1 of 4 pictures: a side is below 11 pixels",
        "uiqi": "undefined for 1 of 4 pictures: a side is below 8 pixels",
        "fsimc": "undefined for 1 of 4 pictures: a side is below 48 pixels",
        "vsi": "undefined for 1 of 4 pictures: a side is below 3 pixels, or both pictures are of a single colour each",
        "cnr_native_min5": "undefined for 1 of 4 pictures: no class of the truth has 5 pixels",
    }
    assert found.summary["mean"]["ssim"] == np.mean([row["ssim"] for row in found.rows[:3]])
    found.save(tmp_path / "m.csv", tmp_path / "m.json")
    last = list(csv.DictReader((tmp_path / "m.csv").open()))[-1]
    assert last["name"] == "tiny" and last["ssim"] == last["uiqi"] == "" and float(last["mse"]) > 0


def test_equal_inputs_give_equal_bytes(folders, tmp_path, shared):
    trunk = shared("weights/alexnet_features.pth")
    written = []
    for run in ("1", "2"):
        paths = tmp_path / run / "m.csv", tmp_path / run / "m.json"
        evaluate(*folders, weights={"alexnet": trunk}).save(*paths)
        written.append([path.read_bytes() for path in paths])
    assert written[0] == written[1]
    assert sorted(path.name for path in (tmp_path / "1").iterdir()) == ["m.csv", "m.json"]


def test_folders_that_do_not_match_are_refused_with_names(folders, tmp_path):
    prediction, truth = folders
    for i in range(5):
        write_png(prediction / f"extra{i}.png", np.zeros((4, 4, 3), np.uint8))
    (prediction / "a.png").unlink()
    write_png(prediction / "b.png", np.zeros((64, 79, 3), np.uint8))
    (prediction / "c.png").write_bytes(b"no picture")
    with pytest.raises(CCCError) as caught:
        evaluate(prediction, truth)
    for part in (
        "missing (1): a",
        "extra (5): extra0, extra1, extra2 and 2 more",
        "of another size (1): b (79x64, not 80x64)",
        "unreadable (1): ",
        "c.png: not a picture",
    ):
        assert part in str(caught.value), part
    assert "\n" not in str(caught.value)


def test_pictures_cut_short_are_named_all_of_them(folders):
    for name in "ac":
        path = folders[0] / f"{name}.png"
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(CCCError, match=r"unreadable \(2\): .*a\.png: truncated.*c\.png: truncated"):
        evaluate(*folders, ["mse"])


def test_other_folders_and_names_are_refused(folders, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CCCError, match="empty: holds no pictures"):
        evaluate(tmp_path / "empty", folders[1])
    with pytest.raises(CCCError, match="absent: no such folder"):
        evaluate(folders[0], tmp_path / "absent")
    with pytest.raises(CCCError, match="no metric 'lpips': did you mean 'lpips_alex'"):
        evaluate(*folders, ["mse", "lpips"])
    with pytest.raises(CCCError, match="no metric needs weights 'alexnt': there are alexnet, inception_fid, vgg16"):
        evaluate(*folders, ["mse"], {"alexnt": "a.pth"})
    (folders[0] / ".hidden").write_text("not looked at")
    evaluate(*folders, ["mse"])
    (folders[0] / "notes.txt").write_text("?")
    (folders[0] / "folder.png").mkdir()
    with pytest.raises(CCCError, match="holds what is no picture: folder.png, notes.txt"):
        evaluate(*folders, ["mse"])


def test_formats_may_differ_but_one_name_is_one_picture(folders):
    prediction, truth = folders
    Image.open(truth / "a.png").save(prediction / "a.bmp")
    with pytest.raises(CCCError, match="more than one picture named a"):
        evaluate(prediction, truth, ["mse"])
    (prediction / "a.png").unlink()
    assert evaluate(prediction, truth, ["mse"]).rows[0]["mse"] == 0


def test_a_picture_that_exif_turns_matches_one_that_stands(folders):
    prediction, truth = folders
    upright = read_rgb(truth / "a.png")
    image = Image.fromarray(np.ascontiguousarray(np.rot90(upright)))  # stored lying, shown upright
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(truth / "a.png", exif=exif)
    assert read_rgb(truth / "a.png").tobytes() == upright.tobytes()
    write_png(prediction / "a.png", upright)
    assert evaluate(prediction, truth, ["mse"]).rows[0]["mse"] == 0


def test_the_classes_of_a_picture_are_computed_once(folders, monkeypatch):
    calls = []
    original = pair_module.rgb_to_lab
    monkeypatch.setattr(pair_module, "rgb_to_lab", lambda rgb: calls.append(1) or original(rgb))
    evaluate(*folders, NETWORKLESS)
    assert len(calls) == 2 * 3


def test_progress_sees_every_picture(folders):
    seen = []

    def progress(items):
        for item in items:
            seen.append(item[0])
            yield item

    evaluate(*folders, ["mse"], None, progress)
    assert seen == ["a", "b", "c"]
