"""Shards and results in a bucket of a real S3 server, which is started on this machine and stopped after the tests."""

import logging
import os
import re
import shutil
import subprocess
import types
from pathlib import Path

import pytest
import yaml

moto = pytest.importorskip("moto.server", reason="no S3 server to start: pip install 'moto[s3]' flask flask-cors")
pytest.importorskip("snakemake_storage_plugin_s3", reason="no storage plugin: pip install snakemake-storage-plugin-s3")

import boto3  # noqa: E402 (the plugin brings it)

from ccc.assets.weights import known  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "s3://pictures/tiny"
STORAGE = ["--default-storage-provider", "s3", "--default-storage-prefix", PREFIX]
# What a stage keeps for itself beside its outputs stays on the machine that ran it.
LOCAL = re.compile(r"results/(cache/|segments/\w+/people/|train/tiny/(classes\.csv|previews/))")


@pytest.fixture(scope="module")
def storage():
    """A server with a bucket: its `files`, of the runs with the options STORAGE."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # not a line for each request
    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    keys = {"aws_access_key_id": "name", "aws_secret_access_key": "secret"}
    bucket = boto3.resource("s3", endpoint_url=url, region_name="us-east-1", **keys).Bucket("pictures")

    def files() -> dict[str, bytes]:
        """By name below the prefix, as the rules know it."""
        return {one.key.removeprefix("tiny/"): one.get()["Body"].read() for one in bucket.objects.all()}

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNAKEMAKE_STORAGE_S3_ENDPOINT_URL", url)
        patch.setenv("SNAKEMAKE_STORAGE_S3_ACCESS_KEY", "name")
        patch.setenv("SNAKEMAKE_STORAGE_S3_SECRET_KEY", "secret")
        yield types.SimpleNamespace(files=files)
    server.stop()


@pytest.fixture(scope="module")
def folders(storage, checkout):
    """Two folders with the same code and photographs: the run began in the first and went on in the second."""
    first, second = checkout("first"), checkout("second")
    run = first.run("results/codebook.json", *STORAGE)
    assert run.returncode == 0, run.output
    run = second.run(*STORAGE)
    assert run.returncode == 0, run.output
    return first, second, run.output


def test_a_bucket_holds_what_a_folder_holds(storage, folders, unbroken, tmp_path):
    held = object.__new__(type(unbroken))
    held.folder = tmp_path / "bucket"
    words = " ".join(["", *STORAGE]).encode()
    for name, data in storage.files().items():
        path = held.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.replace(words, b"") if path.suffix == ".html" else data)  # of the command shown there
    expected = {name: digest for name, digest in unbroken.results().items() if not LOCAL.match(name)}
    assert held.results() == expected
    assert "--default-storage-prefix" in storage.files()["reports/tiny/index.html"].decode()
    assert "results/timings/ccc/people.tsv" in storage.files() and "logs/train/tiny.log" in storage.files()


def test_any_folder_goes_on_where_another_one_stopped(folders):
    first, second, output = folders
    made = " ".join(re.findall(r"^ +output: (.*)", output, re.M))
    assert "results/shards/validation/00000.tar" in made
    assert "results/shards/train/" not in made and "results/codebook.json" not in made
    for one in (second, first):
        assert "Nothing to be done" in one.run(*STORAGE).output
        assert [path.name for path in (one.folder / "results").rglob("*.tar")] == []


def test_an_edit_of_the_code_reruns_what_it_did(folders):
    _, second, _ = folders
    path = second.folder / "ccc/colorizers/gray.py"
    old, before = path.read_text(), path.stat()
    path.write_text(old + "\n# edited\n")
    try:
        output = second.run("-n", *STORAGE).output
        assert re.findall(r"^\w*rule (colorize_\w+):", output, re.M) == ["colorize_gray"]
    finally:
        path.write_text(old)
        os.utime(path, (before.st_atime, before.st_mtime))


def test_where_no_folder_is_shared_the_jobs_leave_the_machine_and_find_what_they_need(
    storage, folders, checkout, monkeypatch, tmp_path
):
    apart = checkout("apart")
    plugin = "snakemake_executor_plugin_elsewhere"
    shutil.copytree(Path(__file__).with_name(plugin), apart.folder / plugin)
    apart.configure({"data": str(apart.folder)})  # the same path on all machines
    for command in (["init", "--quiet"], ["add", "Snakefile", "workflow", "ccc", "profiles", "config"]):
        subprocess.run(["git", *command], cwd=apart.folder, check=True)  # what is sent is what git knows
    monkeypatch.setenv("CCC_TEST_ELSEWHERE", str(tmp_path))
    options = ["--executor", "elsewhere", "--jobs", "2", *STORAGE[:-1], "s3://pictures/apart"]
    run = apart.run("results/colorized/gray/plain/people", *options)
    assert run.returncode == 0, run.output
    assert {path.name.split("-")[0] for path in tmp_path.iterdir()} == {"prepare", "colorize_gray"}
    files = storage.files()
    for name in ("results/benchmarks/people/manifest.csv", "results/colorized/gray/plain/people/0.png"):
        assert files[f"apart/{name}"] == files[name]


def test_the_method_of_the_readme_works_in_a_bucket(storage, folders):
    _, second, _ = folders
    (rule,) = re.findall(r"```python\n(rule colorize_mymethod:.*?)```", (ROOT / "README.md").read_text(), re.S)
    rule = rule.replace("    output:", '        script=here("my_colorizer.py"),\n    output:')
    (second.folder / "workflow/methods/mymethod.smk").write_text(rule)
    (second.folder / "my_colorizer.py").write_text("import shutil, sys; shutil.copytree(*sys.argv[1:])")
    run = second.run("results/colorized/mymethod/plain/people", *STORAGE)
    assert run.returncode == 0, run.output
    made = {name for name in storage.files() if name.startswith("results/colorized/mymethod/plain/people/")}
    assert {Path(name).name for name in made} >= {"0.png", "1.png"}


def test_pictures_that_are_no_longer_chosen_leave_the_bucket(storage, folders):
    _, second, _ = folders
    second.configure({"benchmarks": {"people": {"source": "photographs/benchmark", "n": 1, "column": "Celeba"}}})
    run = second.run("results/benchmarks/people/gray", *STORAGE)
    assert run.returncode == 0, run.output
    left = [name for name in storage.files() if re.match("results/benchmarks/people/gray/.*png", name)]
    assert len(left) == 1


@pytest.mark.parametrize("model", [None, "ccc/assets/ccc-scenes.safetensors"])
def test_files_that_the_configuration_names_are_not_looked_for_in_the_bucket(storage, checkout, model):
    one = checkout("named")
    files = [one.folder / "own" / entry["file"] for entry in known().values()]
    files += [one.folder / f"own/{name}" for name in ("alexnet", "encoder", "boxes/people/0.npz", "gain/people/0.npz")]
    files += [one.folder / "own/masks/people/0.npz"]
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    configuration = yaml.safe_load((one.folder / "config/config.yaml").read_text())
    one.configure({
        "model": model, "methods": "auto", "weights": {"alexnet": "own/alexnet"},
        "train": configuration["train"] | {"pretrained": "own/encoder"},
        "segmenter": {"name": "masks", "checkpoint": "own/masks"},
        "baselines": {"su": {"boxes": "own/boxes"}, "gain": {"folder": "own/gain"}},
    })  # fmt: skip
    environment = one.environment
    one.environment = lambda front=None: environment(front) | {"CCC_WEIGHTS": str(one.folder / "own")}
    run = one.run("-n", *STORAGE[:-1], "s3://pictures/named")
    assert run.returncode == 0, run.output
    assert len(set(re.findall(r"^\w*rule colorize_(\w+):", run.output, re.M))) == 11
    looked_for = set(re.findall(r"s3://pictures/named/(?!results/|reports/|logs/)\S+", run.output))
    assert "s3://pictures/named/results" in run.output and not looked_for
