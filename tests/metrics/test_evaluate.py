"""Two folders in, one table out: what is refused, what is missing, what is counted, and the same bytes every time."""

import csv
import dataclasses
import functools
import json
import math
import operator
import subprocess
import sys

import numpy as np
import pandas
import pytest
from PIL import Image
from skimage import data as shipped

from ccc import metrics
from ccc.cli import main
from ccc.codebook import Codebook, class_map
from ccc.core.errors import CCCError
from ccc.core.files import sha256
from ccc.core.images import read_rgb, write_png
from ccc.metrics import features, registry
from ccc.metrics import pair as pair_module
from ccc.metrics.evaluate import evaluate
from ccc.metrics.pair import Pair

METRICS = registry.metrics()
NETWORKLESS = [name for name, m in METRICS.items() if m.default and (m.family == "pixel" or name in ("fsimc", "vsi"))]


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


def test_an_error_of_a_metric_names_it_and_the_picture(folders, monkeypatch):
    broken = dataclasses.replace(METRICS["mse"], pair=lambda pair: 1 / 0)
    monkeypatch.setattr("ccc.metrics.evaluate.choose", lambda *arguments: [broken])
    with pytest.raises(ZeroDivisionError) as raised:
        evaluate(*folders)
    assert raised.value.__notes__ == [f"mse of {folders[0] / 'a.png'}: a metric returns NaN where it has no value"]


def test_what_the_pictures_say_of_their_making_is_kept_once_each(folders):
    prediction, truth = folders
    assert evaluate(prediction, truth, ["mse"]).summary["made"] == [""]
    for name, note in (("a", "ccc colorize --method é"), ("b", "ccc colorize --method é"), ("c", "other")):
        write_png(prediction / f"{name}.png", read_rgb(prediction / f"{name}.png"), note)
    assert evaluate(prediction, truth, ["mse"]).summary["made"] == ["ccc colorize --method é", "other"]
    Image.open(prediction / "c.png").save(prediction / "c.jpg")
    (prediction / "c.png").unlink()
    assert evaluate(prediction, truth, ["mse"]).summary["made"] == ["", "ccc colorize --method é"]


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
    weighty = {name for name, metric in METRICS.items() if metric.default and name not in NETWORKLESS}
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
    names = ["fid_64", "fid_192", "fid_768", "fid_2048", "fid_2048_clean", "kid_2048_clean", "kid_2048_clean_unpaired"]
    found = evaluate(*folders, names, {"inception_fid": random_inception}).summary
    features = {
        resize: [
            metrics.inception_features([read_rgb(folder / f"{name}.png") for name in "abc"], random_inception, resize)
            for folder in folders
        ]
        for resize in ("pytorch", "clean")
    }
    for name in names:
        distance = metrics.frechet_distance
        if name.startswith("kid"):
            distance = functools.partial(metrics.kid, paired=name == "kid_2048_clean")
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


@pytest.fixture
def computed(monkeypatch):
    """Of how many pictures features were computed, a number for each pass."""
    passes = []
    original = features.inception_features

    def counting(images, *arguments):
        images = list(images)
        passes.append(len(images))
        return original(images, *arguments)

    monkeypatch.setattr(features, "inception_features", counting)
    return passes


def test_the_truths_features_are_computed_once_for_all_methods(folders, random_inception, tmp_path, computed):
    names = ["fid_64", "fid_2048_clean", "kid_2048_clean"]
    options = {"weights": {"inception_fid": random_inception}}
    both = evaluate(*folders, names, **options)
    assert computed == [3, 3, 3, 3], "both sides, once for each way to resize"
    files = tmp_path / "1.npz", tmp_path / "2.npz"
    for file in files:
        assert features.write_features(folders[1], file, random_inception) == 3
    assert files[0].read_bytes() == files[1].read_bytes()
    computed.clear()
    assert evaluate(*folders, names, features=files[0], **options) == both
    assert evaluate(*folders, family="distribution", features=files[0], **options).summary["set"].items() >= (
        both.summary["set"].items()
    )
    assert computed == [3, 3] * 2, "the prediction's alone"


def test_features_of_other_pictures_or_weights_are_refused(folders, random_inception, tmp_path):
    kept, given = tmp_path / "truth.npz", {"inception_fid": random_inception}
    features.write_features(folders[1], kept, random_inception)

    def refused(match, *arguments, **options):
        with pytest.raises(CCCError, match=match):
            evaluate(*folders, *arguments, **{"weights": given, "features": kept} | options)

    refused("truth.npz: none of the metrics takes features", ["mse"], weights={})
    refused("absent.npz: no such file; make it with `ccc features`", ["fid_64"], features=tmp_path / "absent.npz")
    other = tmp_path / "other.pth"
    other.write_bytes(random_inception.read_bytes() + b"more")
    refused(f"made with other weights than {other}; make it again", ["fid_64"], weights={"inception_fid": other})
    write_png(folders[1] / "c.png", np.zeros((64, 80, 3), np.uint8))
    refused("truth.npz: made from other pictures: c differ", ["fid_64"])
    for folder in folders:
        (folder / "c.png").unlink()
    refused("truth.npz: made from other pictures: c differ", ["fid_64"])
    kept.write_bytes(kept.read_bytes()[:-50])
    refused("truth.npz: not a file of `ccc features`", ["fid_64"])
    kept.write_text("no archive")
    refused("truth.npz: not a file of `ccc features`", ["fid_64"])
    names = {path.stem: sha256(path) for path in folders[1].iterdir()}
    made_from = {"weights": sha256(random_inception)}
    for facts in ({}, made_from | {"pictures": 3}, made_from | {"pictures": names}):
        np.savez(kept, made_from=np.array(json.dumps({"format": features.FORMAT} | facts)))  # without the features
        refused("truth.npz: not a file of `ccc features`", ["fid_64"])


def test_families_together_are_the_whole(folders, tmp_path, shared):
    weights = {"alexnet": shared("weights/alexnet_features.pth")}
    whole = evaluate(*folders, weights=weights)
    parts = [
        evaluate(*folders, weights=weights if name == "perceptual" else None, family=name)
        for name in dict.fromkeys(metric.family for metric in registry.choose())
    ]
    for i, row in enumerate(whole.rows):
        assert row == functools.reduce(operator.or_, (part.rows[i] for part in parts))
    for key in ("mean", "median", "sd", "n", "set", "interval", "infinite", "versions", "directions", "inputs"):
        merged = functools.reduce(operator.or_, (part.summary[key] for part in parts))
        assert whole.summary[key] == merged, key
    assert [list(part.summary["directions"])[0] for part in parts] == ["mse", "lpips_alex", "fid_64"]


def test_a_family_has_its_own_metrics_alone(folders):
    assert list(evaluate(*folders, family="distribution_torchvision").summary["missing"]) == ["fid_2048_torchvision"]
    assert list(evaluate(*folders, ["cnr", "mse"], family="pixel").summary["mean"]) == ["mse", "cnr_64"]
    assert list(evaluate(*folders, family="pyiqa-gmsd").summary["mean"]) == ["pyiqa:gmsd"]
    with pytest.raises(CCCError, match="no metric 'fsimc' in the family pixel: did you mean 'ssim'"):
        evaluate(*folders, ["fsimc"], family="pixel")
    with pytest.raises(CCCError, match="no family of metrics 'pixels': did you mean 'pixel'"):
        evaluate(*folders, family="pixels")
    with pytest.raises(CCCError, match="no metric needs weights 'alexnet'"):
        evaluate(*folders, weights={"alexnet": "a.pth"}, family="pixel")


LOADED = """
import sys
from ccc.metrics import registry
{}
print(*sorted(name for name in sys.modules if name.startswith("ccc.metrics.") or name in ("torch", "skimage", "pyiqa")))
"""


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ('registry.metrics("pixel")', {"distribution", "inception", "features", "perceptual", "similarity", "foreign"}),
        ('registry.metrics("distribution")', {"pixel", "chroma", "structure", "perceptual", "similarity", "foreign"}),
        ('registry.metrics("perceptual")', {"pixel", "chroma", "structure", "distribution", "inception", "features"}),
        ('registry.metrics(); registry.find("pyiqa:gmsd")', set()),
    ],
)
def test_a_family_loads_no_other_and_facts_need_no_torch(code, absent):
    run = subprocess.run([sys.executable, "-c", LOADED.format(code)], capture_output=True, text=True, check=True)
    loaded = {name.rsplit(".", 1)[-1] for name in run.stdout.split()}
    assert "registry" in loaded and not loaded & (absent | {"torch", "skimage", "pyiqa"})


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


def test_a_name_that_leads_elsewhere_is_refused(folders, tmp_path, capsys):
    words = ["evaluate", *map(str, folders), "--metrics", "psnr", "--json", str(tmp_path / "a.json")]
    assert main([*words, "--csv", str(tmp_path / "a.csv"), "--dataset", "../else"]) == 2
    assert "--dataset: '../else' cannot name files" in capsys.readouterr().err and not (tmp_path / "a.json").exists()


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
    with pytest.raises(CCCError, match="empty: no pictures in it"):
        evaluate(tmp_path / "empty", folders[1])
    with pytest.raises(CCCError, match="absent: no such folder"):
        evaluate(folders[0], tmp_path / "absent")
    with pytest.raises(CCCError, match="no metric 'lpips': did you mean 'lpips_alex'"):
        evaluate(*folders, ["mse", "lpips"])
    with pytest.raises(
        CCCError,
        match="no metric needs weights 'alexnt': there are alexnet, inception_fid, inception_torchvision, "
        "mobilenet_v2, vgg16",
    ):
        evaluate(*folders, ["mse"], {"alexnt": "a.pth"})
    (folders[0] / ".hidden").write_text("not looked at")
    evaluate(*folders, ["mse"])
    (folders[0] / "notes.txt").write_text("?")
    (folders[0] / "folder.png").mkdir()
    with pytest.raises(CCCError, match="holds what is no picture: folder.png; move"):
        evaluate(*folders, ["mse"])


def test_files_that_are_no_pictures_are_left_out_counted_and_named(folders, capsys):
    prediction, truth = folders
    command = ["evaluate", str(prediction), str(truth), "--metrics", "mse"]
    assert main(command) == 0 and "left out" not in capsys.readouterr().out
    (prediction / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    (prediction / "a.ab.npz").write_bytes(b"")
    for name in "1234":
        (truth / f"{name}.txt").write_text("?")
    assert main(command) == 0
    said = capsys.readouterr().out
    assert f"{prediction}: 3 pictures compared with {truth}\n" in said
    assert f"\n{prediction}: left out, no pictures (1): film.mp4\n" in said
    assert f"\n{truth}: left out, no pictures (4): 1.txt, 2.txt, 3.txt and 1 more\n" in said
    (prediction / "b.png").unlink()
    (prediction / "b.txt").write_text("?")
    with pytest.raises(CCCError, match=r"missing \(1\): b$"):
        evaluate(prediction, truth, ["mse"])


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


def test_a_metric_that_was_named_and_has_no_value_is_in_the_exit_status(folders, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CCC_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for names, status in (("fid_2048", 3), ("mse,fid_2048", 3), ("mse,psnr", 0)):
        command = ["evaluate", *map(str, folders), "--metrics", names]
        assert main([*command, "--allow-skipped"]) == 0
        said = capsys.readouterr().out
        assert ("`ccc weights fetch inception_fid`" in said) == (status == 3)
        assert main(command) == status and capsys.readouterr().out == said
