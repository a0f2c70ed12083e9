"""Weight files that the configuration names or that jobs will look for: what is wrong is told before the first job."""

import hashlib
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from ccc.assets import weights as files
from workflow.lib import families, weights

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Two weight files in the catalogue, of known checksums, the first of which is found."""
    monkeypatch.setenv("CCC_WEIGHTS", str(tmp_path / "found"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "none"))
    facts = {}
    for name, file in (("alexnet", "alexnet.pth"), ("vgg16", "vgg16.pth"), ("mobile_sam", "mobile_sam.pt")):
        content = b"\x80" + name.encode()
        facts[name] = {"file": file, "urls": [], "size": None, "sha256": hashlib.sha256(content).hexdigest()[:8]}
        (tmp_path / "mine").mkdir(exist_ok=True)
        (tmp_path / "mine" / file).write_bytes(content)
    (tmp_path / "found").mkdir()
    (tmp_path / "found/alexnet.pth").write_bytes(b"whatever")
    monkeypatch.setattr(files, "known", lambda: facts)
    return tmp_path


def test_weights_of_metrics_are_given_or_found(published):
    given = {"alexnet": None, "vgg16": str(published / "mine/vgg16.pth"), "mobile_sam": None}
    assert weights.at_hand(given) == {"alexnet": str(published / "found/alexnet.pth"), "vgg16": given["vgg16"]}


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("mine/alexnet.pth", "alexnet.pth: sha256 .* is expected; remove it and `ccc weights fetch vgg16`"),
        ("page.pth", "page.pth: not a .pth file, it begins with b'<html>'"),
        ("none.pth", "no weights: .*none.pth is not there; `ccc weights fetch vgg16` gets the published file"),
        ("mine", "mine: Is a directory"),
    ],
)
def test_a_file_of_another_kind_is_told_with_its_key(published, file, message):
    (published / "page.pth").write_text("<html>")
    with pytest.raises(WorkflowError, match=f"weights.vgg16: .*{message}"):
        weights.at_hand({"alexnet": None, "vgg16": str(published / file)})


def test_a_file_that_is_not_the_published_one_is_taken_where_its_tensors_fit(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(logger, "info", told.append)
    features = {f"features.{n}.{kind}": value for n, kind, value in _trunk()}
    torch.save(features, tmp_path / "trunk.pth")
    assert weights.at_hand({"alexnet": str(tmp_path / "trunk.pth")}) == {"alexnet": str(tmp_path / "trunk.pth")}
    assert told == [f"weights.alexnet: {tmp_path / 'trunk.pth'}: not the published file, but its tensors fit"]
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(WorkflowError, match="weights.alexnet: .*other.pth: .* bytes, where 244,408,911 are expected"):
        weights.at_hand({"alexnet": str(tmp_path / "other.pth")})


def _trunk():
    """Numbers, kinds and tensors of AlexNet's convolutions."""
    shapes = {0: (64, 3, 11, 11), 3: (192, 64, 5, 5), 6: (384, 192, 3, 3), 8: (256, 384, 3, 3), 10: (256, 256, 3, 3)}
    for number, shape in shapes.items():
        yield number, "weight", torch.zeros(shape)
        yield number, "bias", torch.zeros(shape[0])


def test_what_jobs_look_for_themselves_is_told_with_what_gets_it(published):
    config = {
        "training": {"pretrained": True, "encoder": "vgg16"},
        "segmenter": {"name": "mobile_sam", "checkpoint": None},
    }
    lines = weights.missing({"train", "segment"}, config)
    assert [line.split(":")[0] for line in lines] == ["training.pretrained", "segmenter.checkpoint"]
    assert "`ccc weights fetch vgg16`" in lines[0] and "`ccc weights fetch mobile_sam`" in lines[1]
    assert weights.missing({"prepare"}, config) == []
    config["training"]["pretrained"], config["segmenter"]["checkpoint"] = False, "mine.pt"
    assert weights.missing({"train", "segment"}, config) == []


def test_a_metric_that_is_named_needs_its_weights_and_a_default_one_is_told(monkeypatch):
    told = []
    monkeypatch.setattr(logger, "info", told.append)
    missing = "lpips_vgg: vgg16-397923af.pth is missing, get it with `ccc weights fetch vgg16`"
    with pytest.raises(WorkflowError, match=f"metrics: some cannot be computed:\n  {missing}\n  .*allow_missing: true"):
        families.chosen(["psnr", "lpips_vgg"], {}, False)
    assert not told
    assert set(families.chosen(["psnr", "lpips_vgg"], {}, False, allow_missing=True)) == {"pixel", "perceptual"}
    assert told.pop() == f"n/a: {missing}"
    families.chosen(["psnr", "lpips_vgg"], {"vgg16": "vgg16.pth"}, False)
    assert not told
    families.chosen(["lpips_alex"], {}, False, allow_missing=True)
    assert "fetch alexnet`; its trunk alone" in (line := told.pop()) and "`weights: {alexnet: FILE}`" in line
    families.chosen([], {"alexnet": "alexnet.pth"}, False)
    assert len(told) == 1 and told[0].startswith("n/a: fid_64, fid_192") and "fetch inception_fid`" in told[0]


def test_a_metric_of_pyiqa_that_cannot_be_loaded_is_told(tmp_path, monkeypatch):
    for name in ("TORCH_HOME", "XDG_CACHE_HOME", "HF_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    (line,) = weights.missing_of_pyiqa({"gmsd", "musiq"})
    assert line.startswith("metrics: no weights: pyiqa:musiq cannot be loaded here (")
    assert weights.missing_of_pyiqa(set()) == []
    kinds = [("evaluate", "pyiqa-musiq"), ("evaluate", "pixel"), ("harmonize", "pyiqa-gmsd")]
    jobs = [SimpleNamespace(rule=SimpleNamespace(name=rule), wildcards=SimpleNamespace(family=f)) for rule, f in kinds]
    assert families.of_pyiqa(jobs) == {"musiq"}
