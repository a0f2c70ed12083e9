"""The Python that the rules import: command lines, what a verb imports, methods, titles."""

import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from snakemake.exceptions import WorkflowError

import ccc.metrics.families
from ccc.assets import PUBLISHED
from ccc.core.errors import CCCError
from ccc.metrics import registry
from ccc.settings.decoding import Decoding
from ccc.settings.training import Training
from workflow.lib import families
from workflow.lib.code import code, imported
from workflow.lib.commands import assignments, braces, options
from workflow.lib.configuration import check_start, checked_config, recipe_options
from workflow.lib.ending import unavailable
from workflow.lib.incomplete import LIST_FILES, deleted
from workflow.lib.methods import Methods, cautions, kept_folder, same_decoding, segmenter_checkpoint, title
from workflow.lib.sources import no_batch, too_many_shards

ROOT = Path(__file__).resolve().parents[2]


def test_what_is_null_false_or_empty_is_left_out_of_a_command():
    section = {"per_class": 3, "seed": None, "classes": ["sea", "sky"], "none": [], "flip": True, "tf32": False}
    assert options(section) == ["--per-class", "3", "--classes", "sea", "sky", "--flip"]
    assert options(section, only=("seed", "classes")) == ["--classes", "sea", "sky"]
    assert options({"seed": 0, "cooldown": 0.0}) == ["--seed", "0", "--cooldown", "0.0"]
    assert assignments("--option", {"model": "tiny", "side": 256, "boxes": None, "on": True}) == [
        "--option", "model=tiny", "--option", "side=256", "--option", "on=true",
    ]  # fmt: skip


def test_a_command_about_thousands_of_files_is_short_enough_for_bash():
    parts = [[f"method {n}'s, {n}" for n in range(9)], ["plain"], [f"dataset{n}" for n in range(14)], ["fid"] * 40]
    paths = ["/".join(names) for names in itertools.product(*parts)]
    assert len(shlex.join(paths)) > 1 << 17  # which Linux refuses as one argument
    bash = ["bash", "-c", f"printf '%s\\n' {'/'.join(map(braces, parts))}"]
    assert subprocess.check_output(bash, text=True).splitlines() == paths


def test_the_code_of_a_verb_is_what_it_imports_all_the_way_down(tmp_path, monkeypatch):
    files = {
        "ccc/__init__.py": "",
        "ccc/cli/__init__.py": "import ccc.unrelated",
        "ccc/cli/shard.py": "def run():\n    from ccc.data import first\n",
        "ccc/data/__init__.py": "",
        "ccc/data/first.py": "import ccc.core.second as name\nimport os\n",
        "ccc/core/__init__.py": "",
        "ccc/core/second.py": "",
        "ccc/unrelated.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    assert code(tmp_path, "cli.shard") == [
        "ccc/cli/shard.py", "ccc/core/__init__.py", "ccc/core/second.py", "ccc/data/__init__.py", "ccc/data/first.py",
    ]  # fmt: skip
    assert imported(tmp_path, "ccc.core.second") == set()


@pytest.mark.parametrize("module", ["training", "decoding", "data", "harmonization"])
def test_no_job_runs_again_for_how_a_setting_is_declared(module):
    """Its value is a parameter of the rule."""
    for verb in ("prepare", "segment", "colorize", "harmonize", "evaluate"):
        assert not any(f"settings/{module}.py" in path for path in code(ROOT, f"cli.{verb}"))
    assert any("settings/segmenter.py" in path for path in code(ROOT, "cli.segment"))


def test_training_starts_from_a_model_of_its_own_kind_or_says_which():
    start = {"source": "embedded", "validation": "embedded"}
    given = {"run": "x", "data": start, "benchmarks": {"a": {"source": "embedded"}}}
    with pytest.raises(WorkflowError, match="training.init: to start from .*, set training.encoder: mobilenet_v2 and"):
        checked_config(given | {"training": {"init": True, "encoder": "resnet18"}})
    fitting = {"init": True, "encoder": "mobilenet_v2", "decoder": "skip"}
    assert checked_config(given | {"training": fitting})["training"]["init"] is True


def test_training_starts_from_no_file_that_is_no_model(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"weight": np.zeros(1)}, path)
    with pytest.raises(CCCError, match="training.init: .*other.safetensors is no model of `ccc train`"):
        check_start(Training(init=str(path)).model_dump(), trained=False)


def test_a_setting_at_its_default_is_no_option_of_the_training():
    """So that a new setting trains no finished model anew."""
    assert recipe_options(Training().model_dump()) == []
    assert recipe_options(Training(steps=5, flip=False).model_dump()) == ["--no-flip", "--steps", "5"]
    assert recipe_options(Training(workers=3).model_dump()) == [], "another number does not retrain a finished model"


def test_true_for_a_model_is_the_one_that_comes_with_ccc():
    config = checked_config({"run": "x", "model": True, "benchmarks": {"a": {"source": "embedded"}}})
    assert Path(config["model"]).resolve() == PUBLISHED


def test_auto_leaves_out_what_cannot_run_and_a_list_may_not_name_it(tmp_path):
    for name in ("gray", "cic", "mine"):
        (tmp_path / f"{name}.smk").touch()
    methods = Methods(tmp_path)
    assert methods.names == ["cic", "gray", "mine"]
    methods.not_run["cic"] = "no weights"
    assert methods.chosen("auto") == ["gray", "mine"] and methods.chosen(["mine"]) == ["mine"]
    with pytest.raises(WorkflowError, match="cic: no weights"):
        methods.chosen(["gray", "cic"])
    with pytest.raises(WorkflowError, match="did you mean 'gray'"):
        methods.chosen(["grey"])


def test_a_method_of_several_models_is_called_after_its_model():
    config = {
        "titles": {"ddcolor": "DDColor"},
        "baselines": {"ddcolor": {"model": "tiny"}, "gain": {}},
        "model": None,
        "data": {"name": "coffee"},
    }
    assert title("ddcolor", config) == "DDColor (tiny)" and title("mine", config) == "mine"
    assert title("ccc", config) == "CCC (coffee)"
    config["model"] = ROOT / "ccc/assets/ccc-scenes-objects.safetensors"
    assert title("ccc", config).startswith("CCC (") and "coffee" not in title("ccc", config)


@pytest.mark.parametrize(
    ("colorize", "model", "called"),
    [
        ({}, PUBLISHED, "vividness 0.1"),
        ({"vividness": 0.5}, None, "vividness 0.5"),
        (
            {"vividness": 0.5, "chroma": 2.0},
            PUBLISHED,
            "annealed, temperature 0.35, logit adjustment 0.5, chroma 2, upsample guided",
        ),
        ({"decode": "ciede2000", "chroma": 0.8}, PUBLISHED, "ciede2000, chroma 0.8"),
        ({"upsample": "nearest"}, None, "upsample nearest"),
        ({"input_size": "full"}, None, "input size full"),
        ({"decode": "argmax"}, PUBLISHED, None),
        ({"temperature": 2.0}, None, None),
        ({}, None, None),
    ],
)
def test_ccc_for_photographs_is_called_by_its_decoding_and_is_another_than_the_papers(colorize, model, called):
    config = {"titles": {}, "model": model, "colorize": Decoding(**colorize).model_dump()}
    assert same_decoding(config) == (called is None)
    if called:
        assert title("ccc_photo", config) == f"CCC for photographs ({called})"
    assert title("ccc_photo", config | {"titles": {"ccc_photo": "Ours"}, "baselines": {}}) == "Ours"


def test_what_must_be_known_of_a_set_holds_for_the_pictures_that_the_showcase_takes_of_it():
    data = {"source": "embedded", "validation": "embedded"}
    sets = {"own": {"source": "embedded"}, "faces": {"source": "x", "caution": "other faces"}, "c": {"source": "y"}}
    config = checked_config({"run": "x", "data": data, "benchmarks": sets})
    halves = "training and test pictures are halves of the same photographs"
    again = "these pictures are among those of the other benchmarks and tell nothing more"
    found = {"faces": "other faces", "own": halves}
    assert cautions(config) == found | {"showcase": f"{again}; other faces; {halves}"}
    assert cautions(config | {"showcase": {"enabled": False}}) == found
    del sets["faces"]
    assert cautions(checked_config({"run": "x", "model": True, "benchmarks": sets})) == {"showcase": again}


def test_what_is_kept_of_one_benchmark_lies_in_a_folder_of_its_name_if_there_is_one(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "other.json").touch()
    assert kept_folder(str(tmp_path), "set") == str(tmp_path / "set")
    assert kept_folder(str(tmp_path), "showcase") == str(tmp_path)
    masks = {"name": "masks", "checkpoint": str(tmp_path)}
    assert segmenter_checkpoint(masks, "set") == str(tmp_path / "set")
    assert segmenter_checkpoint(masks, "other") == str(tmp_path / "other.json")
    assert segmenter_checkpoint(masks, "third") == str(tmp_path)
    assert segmenter_checkpoint(masks | {"name": "sam"}, "set") == str(tmp_path)


@pytest.mark.parametrize("kind", ["folder", "list", "zip", "tar"])
def test_more_shards_than_photographs_are_told_before_any_work(tmp_path, kind):
    for number in range(3):
        (tmp_path / f"set/{number}.jpg").parent.mkdir(exist_ok=True)
        (tmp_path / f"set/{number}.jpg").write_bytes(b"1")
    (tmp_path / "list.txt").write_text("set/0.jpg\nset/1.jpg\nset/2.jpg\n")
    source = {"folder": "set", "list": "list.txt"}.get(kind)
    if source is None:
        source = os.path.basename(shutil.make_archive(str(tmp_path / "a"), kind, tmp_path / "set"))
    data = {"source": source, "validation": "embedded", "limit": None, "validation_limit": 2, "validation_shards": 1}
    config = {"model": None, "photographs": str(tmp_path)}
    assert too_many_shards(config | {"data": data | {"shards": 3}}) == []
    told = too_many_shards(config | {"data": data | {"shards": 7, "validation_shards": 4}})
    assert told == [
        "data.shards: 7 are more than the photographs of data.source, 3",
        "data.validation_shards: 4 are more than data.validation_limit, 2 photographs",
    ]
    whole = data | {"source": "places365-train", "shards": 1_803_461, "limit": 5}
    assert too_many_shards(config | {"data": whole})[0].endswith("data.limit, 5 photographs")
    assert "photographs of data.source, 1803460" in too_many_shards(config | {"data": whole | {"limit": None}})[0]
    assert too_many_shards({"model": "m", "photographs": "", "data": whole}) == []
    batches = [config | {"data": data, "training": {"batch_size": size}} for size in (3, 4)]
    assert no_batch(batches[0]) == []
    assert no_batch(batches[1]) == ["training.batch_size: 4 are more than the photographs of data.source, 3"]


def test_a_folder_knows_which_of_its_files_are_gone(tmp_path):
    folder = tmp_path / "a folder"
    for name in ("1.png", "in/a\nb.csv", ".hidden"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (tmp_path / "page.html").touch()
    outputs = [str(tmp_path / "page.html"), "a folder"]
    subprocess.run(["bash", "-c", f"{LIST_FILES} {shlex.join(outputs)}"], check=True, cwd=tmp_path)
    assert deleted([str(folder), str(tmp_path / "none")]) == {}
    (folder / "in/a\nb.csv").unlink()
    (folder / ".hidden").unlink()
    assert deleted([str(folder)]) == {str(folder): ["in/a\nb.csv"]}


def test_metrics_without_a_value_are_told_by_their_reason(tmp_path):
    def cell(name, family, missing, **values):
        path = tmp_path / name / f"{family}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"missing": missing, "mean": values, "set": {}}))
        return str(path)

    cells = [
        cell("a", "perceptual", {"lpips": "no weights", "dists": "no weights"}, lpips=None, dists=None),
        cell("b", "perceptual", {"lpips": "no weights"}, lpips=None),
        cell("a", "pixel", {"ssim": "a side is below 11 pixels"}, ssim=0.5, psnr=9),
        cell("b", "pixel", {"ssim": "a side is below 11 pixels"}, ssim=None),
    ]
    assert unavailable(cells) == [
        "n/a: lpips, dists: no weights", "n/a in 1 of 2 cells: ssim: a side is below 11 pixels",
    ]  # fmt: skip


# The files of ccc/metrics that the cells of each family depend on, besides those that all depend on.
FAMILIES = {
    "pixel": {"families/pixel.py", "pixel.py", "structure.py", "chroma.py"},
    "perceptual": {"families/perceptual.py", "perceptual.py", "similarity.py", "foreign.py"},
    "distribution": {"families/distribution.py", "distribution.py", "features.py", "inception.py"},
    "pyiqa-gmsd": {"foreign.py"},
}
SHARED = {"__init__.py", "evaluate.py", "families/__init__.py", "field.py", "folders.py", "pair.py", "registry.py"}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_cells_of_a_family_depend_on_its_own_files(family, monkeypatch):
    monkeypatch.chdir(ROOT)
    names = ["pyiqa:gmsd"] if family == "pyiqa-gmsd" else []
    module = families.chosen(names, {}, codebook=False)[family].module
    found = {path.removeprefix("ccc/metrics/") for path in code(ROOT, "cli.evaluate", module) if "/metrics/" in path}
    assert found == FAMILIES[family] | SHARED


def test_a_family_gets_what_its_metrics_need_and_nothing_else():
    weights = {"alexnet": "a.pth", "vgg16": "v.pth", "inception_fid": "i.pth"}
    found = families.chosen([], weights, codebook=True)
    usual = dict.fromkeys(metric.family for metric in registry.choose())
    assert list(found) == list(usual) and list(found)[:3] == ["pixel", "perceptual", "distribution"]
    shipped = {name: found[name] for name in ("pixel", "perceptual", "distribution")}
    assert {name: list(family.weights) for name, family in shipped.items()} == {
        "pixel": [], "perceptual": ["alexnet"], "distribution": ["inception_fid"],
    }  # fmt: skip
    assert [name for name, family in shipped.items() if family.codebook] == ["pixel"]
    assert [name for name, family in shipped.items() if family.features] == ["distribution"]
    assert not families.chosen([], {}, codebook=False)["distribution"].features, "no weights, no features to wait for"
    found = families.chosen(["cnr_128", "lpips_vgg", "pyiqa:gmsd", "psnr"], weights, codebook=True)
    assert {name: family.metrics for name, family in found.items()} == {
        "pixel": ["cnr_128", "psnr"], "perceptual": ["lpips_vgg"], "pyiqa-gmsd": ["pyiqa:gmsd"],
    }  # fmt: skip
    assert not found["pixel"].codebook and list(found["perceptual"].weights) == ["vgg16"]
    with pytest.raises(WorkflowError, match="^metrics: no metric 'psrn': did you mean 'psnr'"):
        families.chosen(["psrn"], {}, codebook=False)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("METRICS = Metric('x', 'X', 'lower', '', '', '')", "METRICS must be a tuple of Metric, with a comma"),
        ("METRICS = (Metric('x', 'X', 'low', '', '', ''),)", 'direction of x must be "lower", "higher" or None'),
        ("METRICS = (Metric('psnr', 'X', 'higher', '', '', ''),)", "pixel and mine both have a metric 'psnr'"),
    ],
)
def test_what_is_wrong_with_a_family_is_told_before_anything_is_measured(tmp_path, monkeypatch, text, sentence):
    (tmp_path / "mine.py").write_text(f"from ccc.metrics.registry import Metric\n\n{text}\n")
    path = [*ccc.metrics.families.__path__, str(tmp_path)]
    monkeypatch.setattr(ccc.metrics.families, "__path__", path)
    registry._family.cache_clear()
    try:
        with pytest.raises(WorkflowError, match="metrics: .*" + re.escape(sentence)):
            families.chosen([], {}, False)
    finally:
        registry._family.cache_clear()
        sys.modules.pop("ccc.metrics.families.mine", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run: x\nmodel: true\nrun: y\n", "line 3: run is given twice"),
        ("run: x\ntraining:\n  steps: 5\n  steps: 6\n", "line 4: steps is given twice"),
        ('{"run": "x", "run": "y"}', "line 1: run is given twice"),
    ],
)
def test_a_key_that_stands_twice_in_the_configuration_is_refused(tmp_path, text, message):
    (tmp_path / "c.yaml").write_text(text)
    given = {"run": "x", "model": True, "benchmarks": {"a": {"source": "embedded"}}}
    with pytest.raises(WorkflowError, match=f"c.yaml, {message}; merge the two"):
        checked_config(given, [tmp_path / "c.yaml"])
    (tmp_path / "c.yaml").write_text("a: &a {b: 1}\nc: {<<: *a, b: 2}\nd: &d {b: *d}\n", encoding="utf-8-sig")
    assert checked_config(given, [tmp_path / "c.yaml"])["run"] == "x"
