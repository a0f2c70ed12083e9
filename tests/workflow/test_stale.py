"""A run that is repeated does again what has changed, what was deleted, and nothing else."""

import os
import shutil
import time
import zipfile
from pathlib import Path

import pytest
from job_table import jobs
from snakemake.exceptions import WorkflowError

from ccc.core.images import read_rgb, write_png
from workflow.lib.configuration import checked_config

pytestmark = pytest.mark.slow

MODEL = Path(__file__).resolve().parents[2] / "ccc/assets/ccc-scenes-objects.safetensors"
SMALL = {"methods": ["gray"], "metrics": ["psnr"], "harmonize": {"enabled": False}, "model": str(MODEL)}
SHARD = "results/shards/train/00000.tar"
EVALUATED = {"colorize_gray": 1, "evaluate": 1, "previews": 1, "tables": 1, "provenance": 1, "report": 1}
ALL = EVALUATED | {"prepare": 1, "benchmark_previews": 1}


def done(project, *targets: str) -> str:
    run = project.run(*targets)
    assert run.returncode == 0, run.output
    return run.output


def planned(project, *targets: str) -> dict[str, int]:
    return jobs(done(project, "-n", *targets))


@pytest.fixture(scope="module")
def evaluated(checkout):
    """A Checkout in which pictures were coloured gray and measured, and one shard was written."""
    project = checkout("stale")
    project.configure(SMALL)
    done(project, "all", SHARD)
    assert planned(project, "all", SHARD) == {}
    return project


@pytest.fixture
def project(evaluated, tmp_path):
    return evaluated.copy(tmp_path / "copy")


def test_a_photograph_replaced_in_place_runs_again_what_read_it(project):
    before = os.stat(project.folder / "photographs/benchmark")
    path = project.folder / "photographs/benchmark/1.png"
    write_png(path, 255 - read_rgb(path))
    os.utime(path.parent, ns=(before.st_atime_ns, before.st_mtime_ns))
    path = project.folder / "photographs/train/1.png"
    write_png(path, 255 - read_rgb(path))
    assert planned(project, "all", SHARD) == ALL | {"index": 1, "shard": 1}
    truth = project.folder / "results/benchmarks/people/truth/1.png"
    old = read_rgb(truth)
    done(project, "results/benchmarks/people/truth", SHARD)
    assert abs(read_rgb(truth).astype(int) - (255 - old)).max() < 64
    assert planned(project, "results/benchmarks/people/truth", SHARD) == {}


def test_files_that_are_no_pictures_run_nothing_again(project):
    for part in ("benchmark", "train"):
        for name in (".DS_Store", "Thumbs.db", "._1.png"):
            (project.folder / "photographs" / part / name).write_bytes(b"1")
    assert planned(project, "all", SHARD) == {}
    done(project, "--forcerun", "shard", SHARD)  # nor does it take the index for stale
    assert not planned(project, SHARD)


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_photographs_dated_in_the_future_harm_nobody(project, kind):
    source, future = project.folder / "photographs/benchmark", time.time() + 1e7
    if kind == "archive":
        with zipfile.ZipFile(project.folder / "pictures.zip", "w") as archive:
            for path in source.iterdir():
                archive.write(path, path.name)
        source = project.folder / "pictures.zip"
        project.configure(SMALL | {"benchmarks": {"people": {"source": "pictures.zip", "n": "all"}}})
    else:
        shutil.rmtree(project.folder / "results/benchmarks")
    os.utime(source, (future, future))
    assert "prepare" in jobs(done(project, "results/benchmarks/people/truth"))
    assert planned(project, "results/benchmarks/people/truth") == {}


def test_coloured_pictures_that_were_deleted_come_back(project):
    colored = project.folder / "results/colorized"
    shutil.rmtree(colored)
    assert planned(project) == EVALUATED
    done(project, "results/colorized/gray/plain/people")
    assert [path.name for path in sorted((colored / "gray/plain/people").glob("*.png"))] == ["1.png", "it's $HOME.png"]


def test_a_folder_that_lacks_one_of_its_files_is_made_again(project):
    results, report = project.folder / "results", project.folder / "reports/tiny"
    gone = [
        results / "colorized/gray/plain/people/1.png",
        results / "metrics/gray/plain/people/pixel.json",  # an evaluation that has yet to run
        results / "previews/benchmark/truth/people/error/1.webp",
        report / "tables/table_3.md",
        report / "data/metrics/gray/plain/people.csv",
    ]
    for path in gone:
        path.unlink()
    output = done(project, "-n")
    assert jobs(output) == EVALUATED | {"benchmark_previews": 1}
    assert "colorized/gray/plain/people: 1 missing, such as 1: made again" in output
    assert "previews/benchmark/truth/people: 1 missing, such as error/1.webp: made again" in output
    assert "reports/tiny/tables: 1 missing, such as table_3.md: made again" in output
    assert gone[0].parent.exists()  # a dry run removes nothing
    done(project)
    assert all(path.is_file() for path in gone)
    (report / "tables/table_3.md").unlink()
    shutil.rmtree(results / "previews/gray")
    assert planned(project) == {"tables": 1, "previews": 1, "report": 1, "provenance": 1}
    (results / "benchmarks/people/truth/it's $HOME.png").unlink()
    assert planned(project) == ALL


def test_a_folder_of_no_use_to_the_run_is_left_as_it_is(project):
    (project.folder / "results/upsampled/nearest/people").mkdir(parents=True)  # of a run that harmonized
    output = done(project, "-n")
    assert jobs(output) == {} and "made again" not in output


def test_pictures_that_a_method_finds_in_a_folder_count_by_what_they_are(project):
    kept = project.folder / "kept/people"
    shutil.copytree(project.folder / "results/benchmarks/people/truth", kept)
    project.configure(SMALL | {"methods": ["gain", "gray"], "baselines": {"gain": {"folder": "kept"}}})
    target = "results/colorized/gain/plain/people"
    done(project, target)
    (kept / ".DS_Store").write_bytes(b"1")
    assert planned(project, target) == {}
    write_png(kept / "1.png", 255 - read_rgb(kept / "1.png"))
    assert planned(project, target) == {"colorize_gain": 1}


def test_missing_weights_of_the_segmenter_are_told_before_any_work(project):
    project.configure(SMALL | {"harmonize": {"enabled": True}, "segmenter": {"name": "mobile_sam"}})
    run = project.run("--forcerun", "prepare")
    assert run.returncode == 1 and "Traceback" not in run.output and "[" not in run.output.split("total ")[1]
    assert "segmenter.checkpoint: no weights: " in run.output and "`ccc weights fetch mobile_sam`" in run.output


def test_no_benchmark_can_be_called_as_the_showcase_is(project):
    change = {"benchmarks": {"showcase": {"source": "photographs/benchmark", "n": 2}}}
    message = "benchmarks.showcase: the pictures of Table III are called so"
    project.configure(SMALL | change | {"showcase": {"enabled": False}})
    run = project.run("-n")
    assert run.returncode == 1 and "Traceback" not in run.output and message in run.output
    with pytest.raises(WorkflowError, match=message):
        checked_config(change | {"run": "x", "model": True, "showcase": {"enabled": True}})


def test_a_source_without_pictures_or_of_another_kind_is_told_before_any_work(project):
    (project.folder / "empty").mkdir()
    (project.folder / "pictures.rar").write_bytes(b"Rar!")
    project.configure(SMALL | {"benchmarks": {"a": {"source": "empty"}, "b": {"source": "pictures.rar"}}})
    run = project.run("-n")
    assert run.returncode == 1 and "Traceback" not in run.output
    assert "benchmarks.a.source: empty: no pictures in it" in run.output
    assert "benchmarks.b.source: pictures.rar: a RAR archive; unpack it with `unrar x`; it is neither" in run.output


def test_a_method_whose_file_colours_nothing_is_told_before_any_work(project):
    (project.folder / "workflow/methods/mine.smk").write_text("")
    project.configure(SMALL | {"methods": ["gray", "mine"]})
    run = project.run("-n")
    assert run.returncode == 1 and "Traceback" not in run.output
    assert "workflow/methods/mine.smk: none of its rules has the output directory(" in run.output
