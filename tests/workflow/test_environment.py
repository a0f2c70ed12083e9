"""What is installed is this checkout: on the package index the name `ccc` belongs to somebody else's project."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
TEXTS = [
    path
    for place in (".ci", "benchmarks", "ccc", "config", "docs", "profiles", "workflow", ".")
    for path in ((ROOT / place).rglob("*") if place != "." else ROOT.iterdir())
    if path.is_file() and "__pycache__" not in path.parts
]


def asked(text: str) -> list[str]:
    """The requirements named in `pip install` and its like, wherever they stand in a text."""
    commands = re.findall(
        r"\b(?:pip3?|pipx|uv(?: tool)?|conda|mamba) (?:install|download|add|create) ([^\n;&|`]*)", text
    )
    return [re.split(r"[\[=<>!~@ ]", word.strip("'\"(),."))[0] for command in commands for word in command.split()]


def packages(part) -> list[str]:
    """The names in the `dependencies` of a conda environment, those under `pip:` too."""
    lines = [line for item in part for line in (item["pip"] if isinstance(item, dict) else [item])]
    return [re.split(r"[\[=<>!~ ]", line)[0] for line in lines]


@pytest.mark.parametrize("text", ["pip install 'ccc[export]'", "`pip install ccc`", "pip install -c x.txt ccc==1 y"])
def test_what_would_ask_for_it_is_seen(text):
    assert "ccc" in asked(text)
    assert packages(["python>=3.11", {"pip": ["ccc[slurm]"]}]) == ["python", "ccc"]


def test_no_text_command_or_message_asks_an_index_for_it():
    wanted = {str(path.relative_to(ROOT)): asked(path.read_text("utf-8", "replace")) for path in TEXTS}
    assert len(wanted["docs/cluster.md"]) > 3 and "constraints.txt" in wanted["Dockerfile"]
    assert [name for name, words in wanted.items() if "ccc" in words] == []


def test_no_list_of_requirements_asks_an_index_for_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    own = project["project"]["name"]
    listed = project["build-system"]["requires"] + project["project"]["dependencies"]
    listed += [line for extra in project["project"]["optional-dependencies"].values() for line in extra]
    listed += [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    names = {canonicalize_name(Requirement(line).name) for line in listed}
    for path in (ROOT / "workflow/envs").glob("*.yaml"):
        names |= set(packages(yaml.safe_load(path.read_text())["dependencies"]))
    assert {"torch", "python", own} <= names and "ccc" not in names | {own}


# As much of conda as Snakemake calls: an environment is a folder, whose `pip` writes down where and how it is called.
CONDA = """#!/usr/bin/env bash
case "$1 $2" in
  "info --json") echo '{{"conda_prefix": "{folder}", "platform": "linux-64"}}' ;;
  "--version ") echo "conda 25.1.1" ;;
  "config --get") echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
  "env create")
    while [ $# -gt 1 ]; do [ "$1" = --prefix ] && prefix=$2; shift; done
    mkdir -p "$prefix/bin"
    printf '#!/usr/bin/env bash\\nprintf "%%s\\\\n" "$PWD" "$@" >> "{folder}/called"\\n' > "$prefix/bin/pip"
    chmod +x "$prefix/bin/pip" ;;
  "clean -y") ;;
  *) exit 1 ;;
esac
"""


@pytest.mark.parametrize("elsewhere", [False, True])
def test_snakemake_installs_this_checkout_into_the_environment_that_it_makes(checkout, tmp_path, elsewhere):
    project, conda = checkout("environment"), tmp_path / "bin"
    conda.mkdir()
    for name, text in (("conda", CONDA.format(folder=tmp_path)), ("activate", 'export PATH="$1/bin:$PATH"\n')):
        (conda / name).write_text(text)
        (conda / name).chmod(0o755)
    folder = tmp_path / "elsewhere" if elsewhere else project.folder
    project.configure({"photographs": str(project.folder)})
    environments = tmp_path / "environments"  # the checkout has a space, and Snakemake does not quote this path
    run = project.run(
        "--software-deployment-method", "conda", "--conda-create-envs-only", "--conda-prefix", str(environments),
        "--directory", str(folder), "--configfile", "config/config.yaml", front=conda,
    )  # fmt: skip
    assert run.returncode == 0, run.output
    called = (tmp_path / "called").read_text().split(f"{project.folder}\n")
    assert [words.split() for words in called[1:]] == [
        ["install", "--no-input", "-c", "constraints.txt", "-e", "."],
        ["install", "--no-input", "--force-reinstall", "--no-deps", "-c", "constraints.txt", "opencv-python-headless"],
    ]


def test_opencv_is_the_one_without_windows():
    # opencv-python, which pyiqa brings, overwrites its files, and cannot be imported where there is no libGL.so.1.
    import cv2

    hint = "pip install --force-reinstall --no-deps -c constraints.txt opencv-python-headless"
    assert re.search(r"GUI: +(\S+)", cv2.getBuildInformation())[1] == "NONE", hint


def test_the_container_installs_nothing_that_brings_the_opencv_with_windows():
    """The Dockerfile leaves out pyiqa's own dependencies, through which it comes."""
    installs = re.findall(r"pip install (.*)", (ROOT / "Dockerfile").read_text())
    assert ["pyiqa" in words.split() for words in installs] == [False, True] and "--no-deps" in installs[1].split()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    wanted, found = [Requirement(line) for line in project], set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        if name in found or requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        found.add(name)
        if name != "pyiqa":
            wanted += [Requirement(line) for line in metadata.requires(name) or []]
    assert {"torch", "opencv-python-headless", "pyiqa"} <= found
    assert not {"opencv-python", "transformers", "bitsandbytes"} & found


@pytest.mark.parametrize("name", ["Makefile", "workflow/envs/ccc.post-deploy.sh", "docs/cluster.md"])
def test_whoever_installs_the_checkout_installs_that_opencv_after_it(name):
    commands = re.findall(r"pip install ([^\n]*)", (ROOT / name).read_text())
    (checkout,) = [i for i, words in enumerate(commands) if "-e " in words]
    assert commands[checkout + 1].endswith("--force-reinstall --no-deps -c constraints.txt opencv-python-headless")
