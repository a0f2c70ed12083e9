"""The real workflow, run by Snakemake on small photographs, and what reruns after an edit."""

import html
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
from skimage import data

from ccc.core.images import write_png
from ccc.metrics import registry
from workflow.lib.code import code, exempt

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
# Notes which modules of ccc every process of the run has loaded, beside the verb it ran.
SPY = """
import atexit, json, os, sys
def note():
    loaded = sorted(name for name in sys.modules if name.split(".")[0] == "ccc")
    mine = os.path.basename(sys.argv[0]) in ("ccc", "__main__.py") and "snakemake" not in sys.modules
    if loaded and mine:
        with open(os.path.join(os.environ["CCC_SPY"], f"{os.getpid()}.json"), "w") as file:
            json.dump([sys.argv[1:], loaded], file)
atexit.register(note)
"""


def snakemake(folder: Path, *arguments: str, status: int = 0) -> str:
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", "config/small.yaml", *arguments]
    return run(command, folder, folder, status)


def run(command: list[str], folder: Path, cwd: Path, status: int = 0) -> str:
    """What a command of the checkout in `folder` prints, run in `cwd`."""
    environment = os.environ | {"PYTHONPATH": f"{folder / 'spy'}:{folder}", "CCC_SPY": str(folder / "spy")}
    environment |= {"CCC_WEIGHTS": str(folder), "XDG_CACHE_HOME": str(folder), "TORCH_HOME": str(folder)}
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=1800)
    output = done.stdout + done.stderr
    assert done.returncode == status, output
    return output


def jobs(output: str) -> dict[str, int]:
    """Rule and count of Snakemake's job table."""
    table = output.split("Job stats:")[1].split("\n\n")[0] if "Job stats:" in output else ""
    return {
        name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)$", table, re.M) if name not in ("total", "all")
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A checkout in which the whole workflow has run, training included."""
    folder = tmp_path_factory.mktemp("checkout with space")
    shutil.copy(ROOT / "Snakefile", folder)
    for name in ("workflow", "ccc", "config", "profiles"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for method in (folder / "workflow/methods").iterdir():
        if method.stem not in ("ccc", "gray", "oracle"):
            method.unlink()
    (folder / "spy").mkdir()
    (folder / "spy/sitecustomize.py").write_text(SPY)
    photographs = folder / "my photos"
    for number in range(10):
        write_png(photographs / "train" / f"{number}.png", data.coffee()[20 * number : 20 * number + 150, 50:250])
    for number in range(2):
        write_png(
            photographs / "benchmark" / f"it's $HOME {number}.png", data.astronaut()[200 * number :][:100, 100:240]
        )
    config = {
        "run": "small",
        "photographs": "my photos",
        "data": {"source": "train", "validation": "train", "shards": 2, "name": "coffee"},
        "codebook": {"threshold": 100},
        "training": {
            "encoder": "mobilenet_v2",
            "batch_size": 4,
            "crop": 64,
            "steps": 4,
            "validate_every": 2,
            "save_every": 2,
        },
        "benchmarks": {"people": {"source": "benchmark", "n": "all", "column": "Celeba"}},
        "side": 64,
        "showcase": {"enabled": False},
        "segmenter": {"parameters": {"scale": 50, "min_size": 20}},
        "harmonize": {"min_pixels": 50},
    }
    (folder / "config/small.yaml").write_text(yaml.safe_dump(config))
    output = snakemake(folder)
    assert jobs(output) == {
        "index": 2, "shard": 3, "codebook": 1, "train": 1, "prepare": 1, "segment": 1, "colorize_ccc": 1,
        "colorize_gray": 1, "colorize_oracle": 1, "harmonize": 3, "evaluate": 24, "previews": 6,
        "benchmark_previews": 2, "tables": 1, "report": 1, "provenance": 1, "upsample": 1, "ablate": 1, "compare": 3,
    }  # fmt: skip
    return folder


def test_every_cell_and_table_is_there_and_the_second_run_does_nothing(finished):
    for method in ("ccc", "gray", "oracle"):
        for variant in ("plain", "sam"):
            cell = finished / f"results/metrics/{method}/{variant}/people"
            families = {path.stem: json.loads(path.read_text()) for path in cell.glob("*.json")}
            assert set(families) == {"pixel", "perceptual", "similarity", "distribution"}
            assert families["perceptual"]["missing"]["lpips_alex"].startswith("no weights: ")
            for name, summary in families.items():
                assert summary["images"] == 2 and summary["segmenter"] == ("felzenszwalb" if variant == "sam" else None)
                assert ("changed_share" in (cell / f"{name}.csv").read_text().splitlines()[0]) == (variant == "sam")
    mean = {
        name: {
            metric: value
            for path in (finished / f"results/metrics/{name}/plain/people").glob("*.json")
            for metric, value in json.loads(path.read_text())["mean"].items()
        }
        for name in ("ccc", "gray", "oracle")
    }
    assert 0 < mean["gray"]["fsimc"] < 1 and 0 < mean["gray"]["vsi"] < 1
    table = (finished / "reports/small/tables/all_people.md").read_text()
    assert "FSIMc↑" in table and "VSI↑" in table
    assert mean["gray"]["cnr_64"] == min(value["cnr_64"] for value in mean.values())
    assert mean["oracle"]["psnr"] == max(value["psnr"] for value in mean.values())
    for number in range(3, 8):
        for suffix in ("csv", "md", "tex"):
            assert (finished / f"reports/small/tables/table_{number}.{suffix}").stat().st_size
    assert "felzenszwalb" in (finished / "reports/small/tables/table_7.md").read_text()
    assert "FID (64)↓: " in (finished / "reports/small/tables/table_6.csv").read_text()
    page = (finished / "reports/small/harmonization.html").read_text()
    assert "ccc/people" in page and "masks of felzenszwalb" in page and "nearest" in page and "bilinear" in page
    assert 'src="harmonization/ccc/people/000.jpg"' in page
    assert (finished / "reports/small/harmonization/ccc/people/000.jpg").stat().st_size
    page = (finished / "reports/small/pictures-people.html").read_text()
    assert "it\\u0027s $HOME 0" in page
    config = f"\\u0027{finished}/config/small.yaml\\u0027"
    assert f"--configfile {config} --forcerun results/colorized/ccc" in page
    page = (finished / "reports/small/index.html").read_text()
    assert 'href="harmonization.html"' in page and "1 method and 2 references on people (n&nbsp;=&nbsp;2)" in page
    assert "Nothing to be done" in snakemake(finished)


def test_what_the_page_says_runs_it_again_from_anywhere(finished, tmp_path):
    page = html.unescape((finished / "reports/small/index.html").read_text())
    everything, again = re.findall(r"<pre[^>]*>(snakemake .*?)</pre>", page)
    assert "Nothing to be done" in run(["bash", "-c", everything], finished, tmp_path)
    assert jobs(run(["bash", "-c", f"{again} -n"], finished, tmp_path)).items() >= {"tables": 1, "report": 1}.items()
    assert not list(tmp_path.iterdir())


def test_the_code_inputs_cover_everything_that_a_job_imports(finished):
    verbs = set()
    for path in (finished / "spy").glob("*.json"):
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
        tracked = {os.path.abspath(path) for path in code(finished, *starts)}
        for module in {name for name in loaded if not exempt(name)} - {"ccc.__main__"}:
            path = finished.joinpath(*module.split("."))
            file = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
            assert str(file) in tracked, f"ccc {verb} imports {module}, which its rule does not track"
    assert verbs == {
        "index",
        "shard",
        "codebook",
        "train",
        "prepare",
        "segment",
        "colorize",
        "harmonize",
        "compare",
        "ablate",
        "evaluate",
        "tables",
        "previews",
        "report",
        "provenance",
    }


def test_each_rule_names_the_code_of_the_verb_it_runs():
    for path in [*(ROOT / "workflow/rules").glob("*.smk"), *(ROOT / "workflow/methods").glob("*.smk")]:
        for rule in re.split(r"^(?:use )?rule ", path.read_text(), flags=re.M)[1:]:
            verbs = re.findall(r'"ccc (\w+) ', rule)
            for verb in verbs:
                assert f'"cli.{verb}"' in rule, f"{path.name}: {rule.split(':')[0]}"


def test_a_method_is_one_file(finished):
    path = finished / "workflow/methods/mine.smk"
    before = {file: file.stat().st_mtime_ns for file in (finished / "results/metrics").rglob("*.json")}
    path.write_text(METHOD)
    try:
        output = snakemake(finished)
        assert jobs(output) == {
            "colorize_mine": 1, "harmonize": 1, "evaluate": 8, "previews": 2, "tables": 1, "report": 1, "provenance": 1,
            "compare": 1,
        }  # fmt: skip
        for number in range(4, 8):
            assert "mine" in (finished / f"reports/small/tables/table_{number}.csv").read_text()
        assert "mine" in (finished / "reports/small/index.html").read_text()
        assert before == {file: file.stat().st_mtime_ns for file in before}
    finally:
        path.unlink()
    assert jobs(snakemake(finished)) == {"tables": 1, "report": 1, "provenance": 1}
    assert "mine" not in (finished / "reports/small/tables/table_7.csv").read_text()


TOLD = {"tables": 1, "report": 1, "provenance": 1}  # what says it


def planned(folder: Path, *arguments: str) -> tuple[dict[str, int], set[str]]:
    """Jobs of a dry run, and the families of metrics among them."""
    output = snakemake(folder, "-n", *arguments)
    return jobs(output), set(re.findall(r"^evaluate .* ([\w-]+): results/metrics/", output, re.M))


@pytest.mark.parametrize(
    ("file", "families", "more"),
    [
        ("structure.py", {"pixel"}, {}),
        ("chroma.py", {"pixel"}, ABLATED),
        ("families/perceptual.py", {"perceptual"}, {}),
        ("foreign.py", {"similarity"}, {}),
        ("distribution.py", {"distribution"}, {}),
        ("registry.py", {"pixel", "perceptual", "similarity", "distribution"}, {}),
    ],
)
def test_editing_a_family_of_metrics_reruns_its_cells_and_no_others(finished, file, families, more):
    path = finished / "ccc/metrics" / file
    old = path.read_text()
    path.write_text(old + "\n# edited\n")
    try:
        assert planned(finished) == ({"evaluate": 6 * len(families)} | TOLD | more, families)
    finally:
        path.write_text(old)


def test_other_published_figures_make_tables_and_pages_anew(finished):
    path = finished / "ccc/report/published.yaml"
    old = path.read_text()
    path.write_text(old + "\n# edited\n")
    try:
        assert planned(finished) == (TOLD, set())
    finally:
        path.write_text(old)


@pytest.mark.parametrize(
    ("file", "family", "more"),
    [
        ("alexnet-owt-7be5be79.pth", "perceptual", {}),
        ("pt_inception-2015-12-05-6726825d.pth", "distribution", {"features": 1}),
    ],
)
def test_weights_that_arrive_rerun_the_family_that_needs_them(finished, file, family, more):
    arrived = finished / file  # in the folder that $CCC_WEIGHTS names
    arrived.write_bytes(b"not looked at in a dry run")
    try:
        assert planned(finished) == ({"evaluate": 6} | TOLD | more, {family})
    finally:
        arrived.unlink()


def test_a_metric_that_is_added_reruns_its_family_alone_or_is_a_family_of_its_own(finished):
    assert planned(finished, "--config", 'metrics=["psnr"]') == ({"evaluate": 6} | TOLD, {"pixel"})
    path = finished / "ccc/metrics/families/mine.py"
    path.write_text(
        "from ccc.metrics import pixel\nfrom ccc.metrics.registry import Metric\n"
        "METRICS = (Metric('mine', 'Mine', 'lower', '0 and up', 'RGB', 'nobody', pair=pixel.mse_of),)\n"
    )
    try:
        assert planned(finished) == ({"evaluate": 6} | TOLD, {"mine"})
    finally:
        path.unlink()


def test_what_tables_call_a_method_measures_nothing_again(finished):
    assert planned(finished, "--config", 'titles={"gray": "Gray (floor)"}') == (TOLD, set())


def test_editing_one_colorizer_reruns_that_method_alone(finished):
    path = finished / "ccc/colorizers/oracle.py"
    old = path.read_text()
    path.write_text(old + "\n# edited\n")
    try:
        expected = {
            "colorize_oracle": 1, "harmonize": 1, "evaluate": 8, "previews": 2, "tables": 1, "report": 1,
            "provenance": 1, "compare": 1,
        }  # fmt: skip
        assert jobs(snakemake(finished, "-n")) == expected
    finally:
        path.write_text(old)


def test_the_command_below_a_picture_makes_it_again_and_what_depends_on_it(finished, tmp_path):
    page = (finished / "reports/small/pictures-people.html").read_text()
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])
    (command,) = [column["command"] for column in data["columns"] if column["key"] == "oracle/plain"]
    expected = {
        "colorize_oracle": 1, "harmonize": 1, "evaluate": 8, "previews": 2, "tables": 1, "report": 1,
        "provenance": 1, "compare": 1,
    }  # fmt: skip
    assert jobs(run(["bash", "-c", f"{command} -n"], finished, tmp_path)) == expected


def test_the_report_of_snakemake_holds_tables_pages_codebook_and_previews(finished):
    snakemake(finished, "--report", "all.html")
    text = (finished / "all.html").read_text()
    for category in ("Tables", "Page", "Codebook", "Previews"):
        assert f'"{category}"' in text, category
    assert "ours beside the published figures" in text


def test_editing_a_template_renders_the_pages_and_nothing_else(finished):
    path = finished / "ccc/report/static/report.css"
    old = path.read_text()
    path.write_text(old + "\n")
    try:
        assert jobs(snakemake(finished, "-n")) == {"report": 1}
    finally:
        path.write_text(old)


def test_editing_the_training_code_does_not_train_again(finished):
    path = finished / "ccc/training/loop.py"
    old = path.read_text()
    path.write_text(old + "\n# edited\n")
    try:
        assert jobs(snakemake(finished, "-n")) == {}
    finally:
        path.write_text(old)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sde": 64}, "unknown key 'sde' (did you mean 'side'?)"),
        (
            {"training": {"steps": "many"}},
            "training.steps must be a whole number of at least 1, got 'many' (steps in all)",
        ),
        ({"training": {"stepz": 4}}, "(did you mean 'steps'?)"),
        ({"methods": ["grey"]}, "did you mean 'gray'?"),
        ({"metrics": ["psrn"]}, "metrics: no metric 'psrn': did you mean 'psnr'?"),
        ({"metrics": ["pyiqa:gmsdd"]}, "metrics: pyiqa has no metric 'gmsdd': did you mean 'gmsd'?"),
        ({"benchmarks": {"people": {"source": "nowhere"}}}, "benchmarks.people.source: my photos/nowhere is not there"),
        ({"weights": {"alexnet": "no/file.pth"}}, "weights.alexnet: no/file.pth is not there"),
        ({"run": "a/b"}, "run must be a name of letters, digits, _ and -, got 'a/b'"),
    ],
)
def test_wrong_configuration_is_explained_before_any_work(finished, change, message):
    config = yaml.safe_load((finished / "config/small.yaml").read_text())
    for key, value in change.items():
        config[key] = config.get(key, {}) | value if isinstance(value, dict) else value
    path = finished / "config/wrong.yaml"
    path.write_text(yaml.safe_dump(config))
    output = snakemake(finished, "--configfile", "config/wrong.yaml", status=1)
    assert message in output and "Traceback" not in output


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


def test_missing_weights_of_the_encoder_are_told_before_any_work(checkout):
    fresh = checkout("pretrained")
    train = yaml.safe_load((fresh.folder / "config/config.yaml").read_text())["training"]
    fresh.configure({"training": train | {"pretrained": True}})
    run = fresh.run()
    assert run.returncode == 1 and "`ccc weights fetch mobilenet_v2`" in run.output and "Traceback" not in run.output
    assert not (fresh.folder / "results").exists()


def test_the_evaluation_refuses_a_folder_that_does_not_match(finished, tmp_path):
    truth = finished / "results/benchmarks/people/truth"
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
