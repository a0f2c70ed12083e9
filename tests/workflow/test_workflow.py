"""The real workflow, run by Snakemake on small photographs, and what reruns after an edit."""

import contextlib
import html
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from job_table import jobs

from ccc.assets import weights as weight_files
from ccc.core.images import write_png
from ccc.metrics import registry
from workflow.lib.code import code, exempt

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
METHOD = """
rule colorize_mine:
    input:
        gray="results/benchmarks/{dataset}/gray",
    output:
        directory("results/colorized/mine/plain/{dataset}"),
    log:
        "logs/colorize/mine/{dataset}.log",
    conda:
        "../envs/ccc.yaml"
    shell:
        "mkdir -p {output:q} && cp {input.gray:q}/*.png {output:q} 2> {log:q}"
"""
ABLATED = {"ablate": 1}  # the ablation measures too
TOLD = {"tables": 1, "report": 1, "provenance": 1}  # what says it
USUAL = {metric.family for metric in registry.choose()}  # the families of default metrics
EVERY = len(USUAL)  # jobs that measure the pictures of one method and variant


@pytest.fixture(scope="module")
def finished(unbroken, tmp_path_factory):
    """A copy of the unbroken run, with every default metric and all methods that it holds the files of."""
    project = unbroken.copy(tmp_path_factory.mktemp("finished") / "with space")
    for method in (project.folder / "workflow/methods").iterdir():
        if method.stem not in ("ccc", "gray"):
            method.unlink()
    project.configure({"methods": "auto", "metrics": []}, "small")
    assert jobs(small(project)) == {"evaluate": 4 * EVERY} | TOLD
    return project


def small(project, *arguments: str, status: int = 0, name: str = "small") -> str:
    """What a run with that configuration prints."""
    run = project.run(*arguments, "--configfile", f"config/{name}.yaml")
    assert run.returncode == status, run.output
    return run.output


def planned(project, *arguments: str) -> tuple[dict[str, int], set[str]]:
    """Jobs of a dry run, and the families of metrics among them."""
    output = small(project, "-n", *arguments)
    return jobs(output), set(re.findall(r"^evaluate .* ([\w-]+): results/metrics/", output, re.M))


def typed(project, command: str, folder: Path) -> str:
    """What a command of a page prints, typed in another folder."""
    run = subprocess.run(
        command, shell=True, cwd=folder, env=project.environment(), text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=600,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout
    return run.stdout


@contextlib.contextmanager
def edited(project, name: str):
    """A file of the checkout with a line more, for a while."""
    path = project.folder / name
    old = path.read_text()
    path.write_text(old + ("\n" if path.suffix == ".css" else "\n# edited\n"))
    try:
        yield
    finally:
        path.write_text(old)


def test_every_cell_and_table_is_there_and_the_second_run_does_nothing(finished):
    report, mean = finished.folder / "reports/tiny", {"ccc": {}, "gray": {}}
    for method, variant in itertools.product(mean, ("plain", "sam")):
        cell = finished.folder / f"results/metrics/{method}/{variant}/people"
        families = {path.stem: json.loads(path.read_text()) for path in cell.glob("*.json")}
        assert set(families) == USUAL >= {"pixel", "perceptual", "distribution"}
        assert families["perceptual"]["missing"]["lpips_alex"].startswith("no weights: ")
        for name, summary in families.items():
            assert summary["images"] == 2 and summary["segmenter"] == ("felzenszwalb" if variant == "sam" else None)
            assert ("changed_share" in (cell / f"{name}.csv").read_text().splitlines()[0]) == (variant == "sam")
            mean[method] |= summary["mean"] if variant == "plain" else {}
    assert 0 < mean["gray"]["fsimc"] < 1 and 0 < mean["gray"]["vsi"] < 1
    table = (report / "tables/all_people.md").read_text()
    assert "FSIMc↑" in table and "VSI↑" in table
    assert mean["gray"]["cnr_48"] < mean["ccc"]["cnr_48"]
    for number, suffix in itertools.product(range(3, 8), ("csv", "md", "tex")):
        assert (report / f"tables/table_{number}.{suffix}").stat().st_size
    assert "felzenszwalb" in (report / "tables/table_7.md").read_text()
    for number, suffix in itertools.product(range(4, 8), ("csv", "md", "tex")):
        table = (report / f"tables/table_{number}.{suffix}").read_text().replace("\\", "")
        assert "not the paper's CCC: encoder mobilenet_v2 (paper: densenet121); " in table
        assert "trained on coffee, 4 photographs (paper: Places365)" in table and "decoding: " not in table
        assert " difference," not in table and " difference |" not in table and " difference &" not in table
    assert "FID (64)↓: " in (report / "tables/table_6.csv").read_text()
    page = (report / "harmonization.html").read_text()
    assert "ccc/people" in page and "masks of felzenszwalb" in page and "nearest" in page and "bilinear" in page
    assert 'src="harmonization/ccc/people/000.jpg"' in page
    assert (report / "harmonization/ccc/people/000.jpg").stat().st_size
    page = (report / "pictures-people.html").read_text()
    assert "it\\u0027s $HOME" in page
    config = f"\\u0027{finished.folder}/config/small.yaml\\u0027"
    assert f"--configfile {config} --forcerun results/colorized/ccc" in page
    page = (report / "index.html").read_text()
    assert 'href="harmonization.html"' in page and "1 method and 1 reference on people (n&nbsp;=&nbsp;2)" in page
    assert "of 2 pictures 0 are among CCC's photographs" in html.unescape(page)
    assert "Nothing to be done" in small(finished)


def test_the_end_of_a_run_says_what_is_not_available_why_and_where_the_report_lies(finished):
    (finished.folder / "reports/tiny/provenance.json").unlink()
    end = re.split(r", 1 of 1 after .*\n", small(finished))[1].splitlines()
    assert end[0].startswith("n/a: lpips_alex: no weights: ") and "`ccc weights fetch alexnet`" in end[0]
    assert end[1].startswith("n/a: fid_64, fid_192, ") and "`ccc weights fetch inception_fid`" in end[1]
    assert end[2] == "the report: reports/tiny/index.html"


def test_what_the_page_says_runs_it_again_from_anywhere(finished, tmp_path):
    page = html.unescape((finished.folder / "reports/tiny/index.html").read_text())
    everything, again = re.findall(r"<pre[^>]*>(snakemake .*?)</pre>", page)
    assert "Nothing to be done" in typed(finished, everything, tmp_path)
    assert jobs(typed(finished, f"{again} -n", tmp_path)).items() >= {"tables": 1, "report": 1}.items()
    assert not list(tmp_path.iterdir())


def test_the_code_inputs_cover_everything_that_a_job_imports(finished):
    verbs = set()
    for path in (finished.folder / "guard").glob("*.json"):
        arguments, loaded = json.loads(path.read_text())
        verb = arguments[0]
        verbs.add(verb)
        starts = [f"cli.{verb}"]
        if verb == "colorize":
            starts.append("colorizers." + arguments[arguments.index("--method") + 1])
        if verb == "evaluate":
            starts.append(registry.module(arguments[arguments.index("--family") + 1]).removeprefix("ccc."))
        if verb in ("tables", "report"):
            starts += [registry.module(family).removeprefix("ccc.") for family in registry.families()]
        tracked = {os.path.abspath(path) for path in code(finished.folder, *starts)}
        for module in {name for name in loaded if not exempt(name)} - {"ccc.__main__"}:
            path = finished.folder.joinpath(*module.split("."))
            file = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
            assert str(file) in tracked, f"ccc {verb} imports {module}, which its rule does not track"
    assert verbs == {
        "index", "shard", "codebook", "train", "prepare", "leakage", "segment", "colorize", "harmonize", "compare",
        "ablate", "evaluate", "tables", "previews", "report", "provenance",
    }  # fmt: skip


def test_each_rule_names_the_code_of_the_verb_it_runs():
    for path in [*(ROOT / "workflow/rules").glob("*.smk"), *(ROOT / "workflow/methods").glob("*.smk")]:
        for rule in re.split(r"^(?:use )?rule ", path.read_text(), flags=re.M)[1:]:
            verbs = re.findall(r'"ccc (\w+) ', rule)
            for verb in verbs:
                assert f'"cli.{verb}"' in rule, f"{path.name}: {rule.split(':')[0]}"


def test_a_method_is_one_file(finished, tmp_path):
    project = finished.copy(tmp_path / "copy")
    mine = project.folder / "workflow/methods/mine.smk"
    mine.write_text(METHOD)
    assert jobs(small(project, "-n")) == {
        "colorize_mine": 1, "harmonize": 1, "evaluate": 2 * EVERY, "previews": 1, "compare": 1,
    } | TOLD  # fmt: skip
    mine.unlink()
    mine.with_stem("gray").unlink()
    assert jobs(small(project, "-n")) == TOLD
    table = project.folder / "reports/tiny/tables/table_7.csv"
    assert "Gray" in table.read_text()
    small(project, "reports/tiny/tables")
    assert "Gray" not in table.read_text()


@pytest.mark.parametrize(
    ("file", "families", "more"),
    [
        ("chroma.py", {"pixel"}, ABLATED),
        ("foreign.py", {"perceptual"}, {}),
        ("families/distribution.py", {"distribution"}, {}),
        ("registry.py", USUAL, {}),
    ],
)
def test_editing_a_family_of_metrics_reruns_its_cells_and_no_others(finished, file, families, more):
    with edited(finished, f"ccc/metrics/{file}"):
        assert planned(finished) == ({"evaluate": 4 * len(families)} | TOLD | more, families)


def test_other_published_figures_make_tables_and_pages_anew(finished):
    with edited(finished, "ccc/report/published/paper.yaml"):
        assert planned(finished) == (TOLD, set())


def test_weights_that_arrive_rerun_the_families_that_need_them(finished):
    folder = Path(finished.environment()["CCC_WEIGHTS"])
    folder.mkdir(parents=True)
    trunk, inception = (folder / weight_files.known()[name]["file"] for name in ("alexnet", "inception_fid"))
    try:
        trunk.write_bytes(b"not looked at in a dry run")
        assert planned(finished) == ({"evaluate": 4} | TOLD, {"perceptual"})
        inception.write_bytes(b"not looked at in a dry run")
        assert planned(finished) == ({"evaluate": 8, "features": 1} | TOLD, {"perceptual", "distribution"})
    finally:
        shutil.rmtree(folder)


def test_a_metric_that_is_added_reruns_its_family_alone_or_is_a_family_of_its_own(finished):
    assert planned(finished, "--config", 'metrics=["psnr"]') == ({"evaluate": 4} | TOLD, {"pixel"})
    path = finished.folder / "ccc/metrics/families/mine.py"
    path.write_text(
        "from ccc.metrics import pixel\nfrom ccc.metrics.registry import Metric\n"
        "METRICS = (Metric('mine', 'Mine', 'lower', '0 and up', 'RGB', 'nobody', pair=pixel.mse.of),)\n"
    )
    try:
        assert planned(finished) == ({"evaluate": 4} | TOLD, {"mine"})
    finally:
        path.unlink()


def test_what_tables_call_a_method_measures_nothing_again(finished):
    assert planned(finished, "--config", 'titles={"gray": "No colour"}') == (TOLD, set())


def test_editing_one_colorizer_reruns_that_method_alone(finished):
    with edited(finished, "ccc/colorizers/gray.py"):
        assert jobs(small(finished, "-n")) == {
            "colorize_gray": 1, "harmonize": 1, "evaluate": 2 * EVERY, "previews": 1, "compare": 1,
        } | TOLD  # fmt: skip


def test_the_command_below_a_picture_makes_it_again_and_what_depends_on_it(finished, tmp_path):
    page = (finished.folder / "reports/tiny/pictures-people.html").read_text()
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])
    (command,) = [column["command"] for column in data["columns"] if column["key"] == "ccc/plain"]
    assert jobs(typed(finished, f"{command} -n", tmp_path)) == {
        "colorize_ccc": 1, "harmonize": 1, "evaluate": 2 * EVERY, "previews": 1, "compare": 1,
    } | ABLATED | TOLD  # fmt: skip


def test_the_report_of_snakemake_holds_tables_pages_codebook_and_previews(finished):
    small(finished, "--report", "all.html")
    text = (finished.folder / "all.html").read_text()
    for category in ("Tables", "Page", "Codebook", "Previews"):
        assert f'"{category}"' in text, category
    assert "ours beside the published figures" in text


def test_an_edit_of_the_training_trains_nothing_again_and_one_of_a_template_renders_the_pages(finished):
    with edited(finished, "ccc/training/loop.py"):
        assert jobs(small(finished, "-n")) == {}
        with edited(finished, "ccc/report/static/report.css"):
            assert jobs(small(finished, "-n")) == {"report": 1}


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        ({"sde": 64}, ["unknown key 'sde': did you mean 'side'?"]),
        ({"training": {"stepz": 4}}, ["training: unknown key 'stepz': did you mean 'steps'?"]),
        (
            {"run": "a/b", "training": {"steps": "many", "encoder": "densnet121"}},
            [
                "run: String should match pattern '^[A-Za-z0-9_-]+$', got \"a/b\"",
                'training.steps: Input should be a valid integer, unable to parse string as an integer, got "many"',
                "(did you mean 'densenet121'?)",
            ],
        ),
        ({"methods": ["grey"]}, ["did you mean 'gray'?"]),
        ({"metrics": ["psrn"]}, ["metrics: no metric 'psrn': did you mean 'psnr'?"]),
        ({"metrics": ["pyiqa:gmsdd"]}, ["metrics: pyiqa has no metric 'gmsdd': did you mean 'gmsd'?"]),
        (
            {"metrics": ["psnr", "lpips_alex"]},
            ["lpips_alex: alexnet-owt-7be5be79.pth is missing, get it with `ccc weights fetch alexnet`"],
        ),
        ({"data": {"shards": 9}}, ["data.shards: 9 are more than the photographs of data.source, 4"]),
        (
            {
                "photographs": "my photos",
                "weights": {"alexnet": "no/file.pth"},
                "benchmarks": {"people": {"source": "nowhere"}},
            },
            ["benchmarks.people.source: my photos/nowhere is not there", "weights.alexnet: no/file.pth is not there"],
        ),
        ({"weights": {"alexnet": "Snakefile"}}, ["weights.alexnet: Snakefile: not a .pth file"]),
    ],
)
def test_wrong_configuration_is_explained_before_any_work(finished, change, messages):
    config = yaml.safe_load((finished.folder / "config/small.yaml").read_text())
    finished.configure(
        {
            key: config.get(key, {}) | value if isinstance(value, dict) and key != "benchmarks" else value
            for key, value in change.items()
        },
        "wrong",
    )
    output = small(finished, name="wrong", status=1)
    assert all(message in output for message in messages) and "Traceback" not in output, output


def test_a_folder_of_its_own_gets_the_default_unless_it_holds_one(checkout, tmp_path):
    project = checkout("elsewhere")
    default = project.folder / "config/config.yaml"
    default.write_text(default.read_text().replace("photographs/", f"{project.folder}/photographs/"))
    assert "reports/tiny/index.html" in project.run("-n", "--directory", str(tmp_path / "empty")).output
    own = tmp_path / "own"
    shutil.copytree(project.folder / "config", own / "config")
    path = own / "config/config.yaml"
    path.write_text(path.read_text().replace("run: tiny", "run: mine"))
    assert "reports/mine/index.html" in project.run("-n", "--directory", str(own)).output
    assert "reports/other/index.html" in project.run("-n", "--config", "run=other").output


def test_the_constant_depends_on_the_model_that_gives_its_colour(checkout):
    """Without CCC it is the packaged one, which an update replaces."""
    project = checkout("constant")
    project.configure({"methods": ["constant"], "model": True, "harmonize": {"enabled": False}, "data": {}})
    target, packaged = "results/colorized/constant/plain/people", "ccc/assets/ccc-scenes-objects.safetensors"
    assert project.run(target).returncode == 0
    assert "Nothing to be done" in project.run(target, "-n").output
    (project.folder / packaged).touch()
    assert "colorize_constant" in project.run(target, "-n").output


def test_missing_weights_of_the_encoder_are_told_before_any_work(checkout):
    fresh = checkout("pretrained")
    train = yaml.safe_load((fresh.folder / "config/config.yaml").read_text())["training"]
    fresh.configure({"training": train | {"pretrained": True}})
    run = fresh.run()
    assert run.returncode == 1 and "`ccc weights fetch mobilenet_v2`" in run.output and "Traceback" not in run.output
    assert not (fresh.folder / "results").exists()


def test_too_few_photographs_for_a_batch_are_told_by_a_dry_run_and_stop_a_run(checkout):
    fresh = checkout("small batch")
    train = yaml.safe_load((fresh.folder / "config/config.yaml").read_text())["training"]
    fresh.configure({"training": train | {"batch_size": 9}})
    wrong = "training.batch_size: 9 are more than the photographs of data.source, 4"
    assert wrong in fresh.run("-n").output and wrong not in fresh.run("-n", "results/codebook.json").output
    run = fresh.run()
    assert run.returncode == 1 and wrong in run.output and not (fresh.folder / "results").exists()


def test_the_evaluation_refuses_a_folder_that_does_not_match(finished, tmp_path):
    truth = finished.folder / "results/benchmarks/people/truth"
    names = sorted(path.name for path in truth.glob("*.png"))
    cases = (("missing", "missing (1): "), ("extra", "extra (1): more"), ("resized", "of another size (1): "))
    for case, message in cases:
        folder = tmp_path / case
        shutil.copytree(truth, folder)
        if case == "missing":
            (folder / names[0]).unlink()
        elif case == "extra":
            shutil.copy(folder / names[0], folder / "more.png")
        else:
            write_png(folder / names[0], np.zeros((9, 9, 3), np.uint8))
        run = subprocess.run([sys.executable, "-m", "ccc", "evaluate", folder, truth], capture_output=True, text=True)
        assert run.returncode == 2 and message in run.stderr and len(run.stderr.splitlines()) == 1
