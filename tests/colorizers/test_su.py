"""InstColorization: the three networks against the reference's, boxes as files, and the published archive's layout."""

import json
import re
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from ccc import colorizers
from ccc.colorizers import _boxes, _detect, su
from ccc.core.errors import CCCError, MissingWeights

pytestmark = pytest.mark.slow

BOXES = np.array([(30, 40, 200, 300), (180, 10, 460, 370)], dtype=float)


@pytest.fixture
def network(parity):
    network = su.network()
    for part in network.values():
        parity.fill(part)
    return network


def _input(gray: torch.Tensor) -> torch.Tensor:
    n, _, h, w = gray.shape
    return torch.cat([gray - 0.5, torch.zeros(n, 2, h, w), torch.full((n, 1, h, w), -0.5)], dim=1)


def test_names_shapes_and_parameters(parity):
    network = su.network()
    parity.check_keys(network["G"], "siggraph17")
    parity.check_keys(network["GComp"], "siggraph17")
    parity.check_keys(network["GF"], "inst_fusion_GF")
    assert sum(parameter.numel() for parameter in network.parameters()) == su.INFO.parameters


@torch.inference_mode()
def test_networks_return_what_the_reference_returns(parity, network):
    full, crops = _input(parity.draw(1, (1, 1, 256, 256))), _input(parity.draw(2, (2, 1, 256, 256)))
    whole, conv8 = network["GComp"].trunk(full)
    parity.check_output(whole, "inst_siggraph_GComp")
    assert network["GComp"].model_class(conv8).mean().item() == pytest.approx(0.005275837145745754, abs=1e-6)
    features = network["G"](crops)
    parity.check_output(features["conv10_2"], "inst_instance_G")
    fused = network["GF"](full, features, BOXES, 500, 400)
    parity.check_output(fused, "inst_fusion_GF")
    swapped = {name: feature.flip(0) for name, feature in features.items()}
    other = network["GF"](full, swapped, BOXES[::-1], 500, 400)
    torch.testing.assert_close(other, fused, atol=1e-4, rtol=0)  # the order of instances does not matter


def test_pictures_with_and_without_boxes(network, keeps_sizes, astronaut, tmp_path):
    plain = su.Su(network, "cpu")
    keeps_sizes(plain, sizes=((1, 1), (60, 90)))
    picture = astronaut[:120, :160]
    boxes = np.array([(20.0, 30.0, 90.0, 110.0), (100.2, 5.0, 100.4, 5.1)])  # the second covers less than a pixel
    folder = tmp_path / "boxes"
    folder.mkdir()
    np.savez(folder / "cat.npz", bbox=boxes, scores=np.array([0.9, 0.8]))
    (folder / "empty.json").write_text(json.dumps({"bbox": [], "scores": []}))
    colorizer = su.Su(network, "cpu", boxes=folder)
    with_boxes = colorizer.colorize_named("cat.png", picture)
    assert with_boxes.shape == picture.shape
    assert (with_boxes != plain.colorize(picture)).any()
    np.testing.assert_array_equal(colorizer.colorize_named("empty.jpg", picture), plain.colorize(picture))
    with pytest.raises(CCCError, match="no boxes for dog.png"):
        colorizer.colorize_named("dog.png", picture)
    with pytest.raises(CCCError, match="do not fit a picture of 20x20"):
        colorizer.colorize_named("cat.png", picture[:20, :20])


def test_box_files(tmp_path):
    path = tmp_path / "all.json"
    path.write_text(json.dumps({"a.png": {"bbox": [[0, 0, 4, 4], [1, 1, 2, 2]], "scores": [0.9, 0.5]}}))
    np.testing.assert_array_equal(_boxes.read_boxes(path, "a.png"), [[1, 1, 2, 2], [0, 0, 4, 4]])  # ascending scores
    with pytest.raises(CCCError, match="all.json: no boxes for b.png"):
        _boxes.read_boxes(path, "b.png")
    path.write_text("{")
    with pytest.raises(CCCError, match="not a file of boxes"):
        _boxes.read_boxes(path, "a.png")
    path.write_text(json.dumps({"bbox": [[0, 0, 4]], "scores": [1]}))
    with pytest.raises(CCCError, match="boxes must be"):
        _boxes.read_boxes(path, "a.png")


def test_stand_in_detector(astronaut, tmp_path, monkeypatch):
    torch.manual_seed(0)
    detector = _detect.Detector(_detect.network(least_score=0.0), "cpu")
    detector.network.transform.min_size = (160,)  # the picture's own size, for speed
    boxes = detector.boxes(astronaut[:160, :200])
    assert boxes.ndim == 2 and boxes.shape[1] == 4 and len(boxes) > 0
    assert (boxes[:, 2:] <= (200, 160)).all() and (boxes >= 0).all()
    monkeypatch.setenv("CCC_WEIGHTS", str(tmp_path))
    path = tmp_path / "maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth"
    torch.save(detector.network.state_dict(), path)
    np.testing.assert_array_equal(
        _detect.load(device="cpu").network.state_dict()["rpn.head.cls_logits.bias"], torch.zeros(3)
    )
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(CCCError, match="bf2d0c1e.pth: not the weights of torchvision's Mask R-CNN R50"):
        _detect.load(device="cpu")
    with pytest.raises(CCCError, match="su.detector: Input should be 'maskrcnn_r50', got .yolo"):
        colorizers.files("su", detector="yolo")
    with pytest.raises(CCCError, match="su takes boxes, or the detector maskrcnn_r50"):
        colorizers.files("su", detector="maskrcnn_r50", boxes=tmp_path)


def test_boxes_on_a_feature_map_are_truncated_and_at_least_one_cell():
    np.testing.assert_array_equal(_boxes.placed(BOXES, 500, 400, 32), [(1, 3, 12, 24), (11, 0, 29, 29)])
    corner = np.array([(499.0, 399.0, 500.0, 400.0), (0.0, 0.0, 1.0, 1.0)])
    np.testing.assert_array_equal(_boxes.placed(corner, 500, 400, 32), [(31, 31, 32, 32), (0, 0, 1, 1)])


def test_published_archive_with_one_file_saved_from_data_parallel(tmp_path, monkeypatch):
    parts = {"G": nn.Linear(2, 3), "GF": nn.Linear(3, 2), "GComp": nn.Linear(2, 2)}
    fresh = {key: (part.in_features, part.out_features) for key, part in parts.items()}
    monkeypatch.setattr(su, "network", lambda: nn.ModuleDict({key: nn.Linear(*size) for key, size in fresh.items()}))
    inner = tmp_path / "checkpoints" / "coco_finetuned_mask_256_ffs"
    inner.mkdir(parents=True)
    for key, part in parts.items():
        holder = nn.Sequential()
        holder.add_module("module", part)
        torch.save((holder if key == "GF" else part).state_dict(), inner / f"latest_net_{key}.pth")
    with zipfile.ZipFile(tmp_path / "checkpoints.zip", "w") as archive:
        for path in inner.iterdir():
            archive.write(path, path.relative_to(tmp_path))
    for weights in (tmp_path / "checkpoints.zip", tmp_path / "checkpoints"):
        loaded = colorizers.load("su", weights=weights, device="cpu").network
        for key, part in parts.items():
            torch.testing.assert_close(loaded[key].weight, part.weight)
    torch.save({"weight": torch.zeros(2, 3)}, inner / "latest_net_GF.pth")
    with pytest.raises(CCCError, match="latest_net_GF.pth.*Missing key.*bias"):
        colorizers.load("su", weights=tmp_path / "checkpoints")
    (inner / "latest_net_GComp.pth").unlink()
    with pytest.raises(MissingWeights, match="^no weights: latest_net_GComp.pth"):
        colorizers.load("su", weights=tmp_path / "checkpoints")
    (tmp_path / "checkpoints.zip").write_bytes((tmp_path / "checkpoints.zip").read_bytes()[:900])
    with pytest.raises(CCCError, match="checkpoints.zip: truncated"):
        colorizers.load("su", weights=tmp_path / "checkpoints.zip")


def test_single_file_of_mmagic(parity, network, tmp_path):
    """MMagic's classes hold these layers bare; its three networks are image_model, instance_model, fusion_model."""
    bare = re.compile(r"(model\d+up|model\dshort\d+|model_class)\.0\.")
    state = {}
    for part, name in {"G": "instance_model", "GF": "fusion_model", "GComp": "image_model"}.items():
        state |= {name + "." + bare.sub(r"\1.", key): value for key, value in network[part].state_dict().items()}
    torch.save({"state_dict": state}, tmp_path / "all.pth")
    loaded = colorizers.load("su", weights=tmp_path / "all.pth", device="cpu").network.state_dict()
    (tmp_path / "all.pth").unlink()
    for key, value in network.state_dict().items():
        torch.testing.assert_close(loaded[key], value)
