"""Top-1 accuracy: the class of a picture is known from its name, a file of labels or its source, and counted right."""

import json

import numpy as np
import pytest
import torch
from skimage import data as shipped

import ccc.core.torchvision_ops  # noqa: F401  before torchvision
from ccc.cli import main
from ccc.core.errors import CCCError, NoValue
from ccc.core.images import write_png
from ccc.metrics.evaluate import evaluate
from ccc.metrics.folders import Match
from ccc.metrics.semantic import accuracy, accuracy_interval, classifier, true_classes

from timm.data import ImageNetInfo  # isort: skip
from torchvision import models  # isort: skip

NAMES = [f"top1_mobilenet_v2{suffix}" for suffix in ("", "_truth", "_gray")]
PHOTOGRAPHS = [getattr(shipped, name)()[:256, :256] for name in ("astronaut", "coffee", "chelsea")]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Seeded random weights. Features have the photographs' mean taken away, so that classes differ."""
    torch.manual_seed(0)
    network = models.mobilenet_v2(weights=None)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1
    show = models.MobileNet_V2_Weights.IMAGENET1K_V1.transforms()
    x = torch.stack([show(torch.tensor(photograph).permute(2, 0, 1)) for photograph in PHOTOGRAPHS])
    with torch.no_grad():
        network.train()(x)
        linear = network.classifier[1]
        linear.bias.copy_(-linear.weight @ network.eval().features(x).mean(dim=(0, 2, 3)))
    path = tmp_path_factory.mktemp("weights") / "mobilenet_v2.pth"
    torch.save(network.state_dict(), path)
    return path


def matches(folder, *names):
    return [Match(name, folder / f"mine/{name}.png", folder / f"truth/{name}.png", 256, 256) for name in names]


def test_the_interval_is_wilsons_of_40_in_50():
    true = np.arange(50)
    predicted = np.where(true < 40, true, -1)
    assert accuracy(predicted, true) == 0.8
    centre, half = (40 + 1.96**2 / 2) / (50 + 1.96**2), 1.96 * np.sqrt(50 * 0.16 + 1.96**2 / 4) / (50 + 1.96**2)
    assert accuracy_interval(predicted, true) == pytest.approx((centre - half, centre + half), abs=1e-4)


def test_a_classifier_sees_what_torchvision_shows_it(weights):
    network = models.mobilenet_v2(weights=None)
    network.load_state_dict(torch.load(weights))
    x = torch.tensor(PHOTOGRAPHS[0][16:240, 16:240] / 255).float().permute(2, 0, 1)[None]
    mean, deviation = (torch.tensor(v).reshape(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        expected = network.eval()((x - mean) / deviation).argmax()
    assert classifier("mobilenet_v2", weights)(PHOTOGRAPHS[0]) == expected


def test_accuracy_of_two_folders_is_that_counted_by_hand(tmp_path, weights):
    classify, wnids = classifier("mobilenet_v2", weights), ImageNetInfo().label_names()
    classes = [classify(photograph) for photograph in PHOTOGRAPHS]
    assert len(set(classes)) > 1
    for number, photograph in enumerate(PHOTOGRAPHS):
        wnid = wnids[classes[number] if number else (classes[0] + 1) % 1000]  # the first is another class
        write_png(tmp_path / f"truth/{wnid}_{number}.png", photograph)
        write_png(tmp_path / f"mine/{wnid}_{number}.png", photograph if number == 1 else 255 - photograph)
    found = evaluate(tmp_path / "mine", tmp_path / "truth", NAMES, {"mobilenet_v2": weights}).summary
    assert found["set"]["top1_mobilenet_v2_truth"] == pytest.approx(2 / 3)
    right = 1 + (classify(255 - PHOTOGRAPHS[2]) == classes[2]) + (classify(255 - PHOTOGRAPHS[0]) == (classes[0] + 1))
    assert found["set"]["top1_mobilenet_v2"] == pytest.approx(right / 3)
    assert 0 <= found["interval"]["top1_mobilenet_v2_gray"][0] <= found["set"]["top1_mobilenet_v2_gray"] <= 1


def test_classes_come_from_names_labels_and_sources(tmp_path):
    (tmp_path / "manifest.csv").write_text("name,source\nc,val/n15075141/c.JPEG\nb,val/n15075141/b.JPEG\n")
    (tmp_path / "labels.csv").write_text("ImageId,PredictionString\nb.JPEG,n01440764 85 1 499 272\n")
    assert true_classes(matches(tmp_path, "n01443537_fish", "b", "c")) == [1, 0, 999]


def test_labels_lie_beside_the_folder_of_links(tmp_path):
    names = ("b", "x/c")
    for name in names:
        write_png(tmp_path / f"elsewhere/deep/{name}.png", PHOTOGRAPHS[0])
        (tmp_path / f"truth/{name}.png").parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"truth/{name}.png").symlink_to(tmp_path / f"elsewhere/deep/{name}.png")
    (tmp_path / "labels.csv").write_text("b,n01440764\nc,n01443537\n")
    assert true_classes(matches(tmp_path, *names)) == true_classes(matches(tmp_path, *names)[::-1])[::-1] == [0, 1]


def test_labels_belong_to_one_picture_each(tmp_path):
    lines = ["\ufeffmy photo.jpg,n01440764", "a.b,n01443537", "x/1.png,n01440764", "y/1.png,n15075141", "z n01443537"]
    (tmp_path / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    assert true_classes(matches(tmp_path, "my photo", "a.b", "x/1", "y/1", "z")) == [0, 1, 0, 999, 1]
    (tmp_path / "labels.csv").write_text("1.png,n01440764\n")
    with pytest.raises(NoValue, match="2 of 2 pictures, x/1, y/1"):
        true_classes(matches(tmp_path, "x/1", "y/1"))


@pytest.mark.parametrize(("name", "said"), [("d", "labels.csv"), ("n00000000_d", "none of ImageNet's 1,000 classes")])
def test_an_unknown_class_is_refused(tmp_path, name, said):
    with pytest.raises(CCCError, match=said):
        true_classes(matches(tmp_path, "n01443537_fish", name))


def test_missing_labels_leave_the_metric_without_a_value(tmp_path, weights, capsys):
    for part in ("mine", "truth"):
        for name in ("a", "b"):
            write_png(tmp_path / part / f"{name}.png", PHOTOGRAPHS[0])
    words = ["evaluate", str(tmp_path / "mine"), str(tmp_path / "truth"), "--metrics", NAMES[0]]
    assert main([*words, "--weights", f"mobilenet_v2={weights}", "--json", str(tmp_path / "out.json")]) == 3
    reason = "no class is known of 2 of 2 pictures, a, b: put a wnid such as n01440764 into their names"
    assert reason in capsys.readouterr().out
    summary = json.loads((tmp_path / "out.json").read_text())
    assert summary["set"][NAMES[0]] is None
    assert reason in summary["missing"][NAMES[0]]


def test_published_weights_know_most_photographs(shared, tmp_path):
    weights, folder = shared("weights/mobilenet_v2-b0353104.pth"), shared("data/benchmarks/imagenet")
    name = "top1_mobilenet_v2_truth"
    value = evaluate(folder, folder, [name], {"mobilenet_v2": weights}).summary["set"][name]
    assert 0.7 < value < 0.95
