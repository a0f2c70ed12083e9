"""The whole workflow at its smallest: a checkout of its own, two pictures to colour, four steps of training."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest
import yaml
from job_table import jobs
from skimage import data

from ccc.core.images import write_png

ROOT = Path(__file__).resolve().parents[2]
CONFIG = {
    "run": "tiny",
    "data": {"source": "photographs/train", "validation": "photographs/validation", "shards": 2, "name": "coffee"},
    "codebook": {"threshold": 20},
    "training": {
        "encoder": "mobilenet_v2",
        "batch_size": 2,
        "crop": 32,
        "steps": 4,
        "validate_every": 2,
        "save_every": 1,
    },
    "methods": ["ccc", "gray"],
    "metrics": ["psnr", "cnr", "cnr_codebook"],
    "benchmarks": {"people": {"source": "photographs/benchmark", "n": "all", "column": "Celeba"}},
    "side": 48,
    "showcase": {"enabled": False},
    "segmenter": {"parameters": {"scale": 50, "min_size": 20}},
    "harmonize": {"min_pixels": 50},
}


# Loaded by every Python process of a run: whatever reaches out of this machine fails, and is written down; so are the
# modules of ccc that each verb has loaded.
GUARD = """
import atexit, json, os, socket, sys
def note():
    loaded = sorted(name for name in sys.modules if name.split(".")[0] == "ccc")
    if loaded and os.path.basename(sys.argv[0]) in ("ccc", "__main__.py") and "snakemake" not in sys.modules:
        with open(os.path.join({folder!r}, f"{{os.getpid()}}.json"), "w") as file:
            json.dump([sys.argv[1:], loaded], file)
atexit.register(note)
def refuse(*arguments, **others):
    with open(os.path.join({folder!r}, "network"), "a") as file:
        file.write(f"{{sys.argv}}: {{arguments[-1:]}}\\n")
    raise OSError("no network in tests")
connect, getaddrinfo = socket.socket.connect, socket.getaddrinfo
def inside(self, to):
    return self.family == socket.AF_UNIX or to[0] == "127.0.0.1"
socket.getaddrinfo = lambda host, *more, **named: (
    getaddrinfo(host, *more, **named) if host == "127.0.0.1" else refuse(host)
)
socket.socket.connect = lambda self, to: connect(self, to) if inside(self, to) else refuse(to)
"""


class Checkout:
    """A copy of the project in a folder of its own, whose workflow runs there with the configuration CONFIG."""

    weights: Path | None = None  # where its weight files lie; None for a folder that all share, without any

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True)
        shutil.copy(ROOT / "Snakefile", folder)
        for name in ("workflow", "ccc", "profiles"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        photographs = folder / "photographs"
        for number in range(4):
            write_png(photographs / "train" / f"{number}.png", data.coffee()[40 * number : 40 * number + 90, 50:140])
        write_png(photographs / "validation/0.png", data.coffee()[200:290, 300:390])
        for number in range(2):
            name = ("it's $HOME", "1")[number]
            write_png(photographs / "benchmark" / f"{name}.png", data.astronaut()[200 * number :][:96, 100:230])
        (folder / "config").mkdir()
        self.configure({})
        (folder / "guard").mkdir()
        (folder / "guard/sitecustomize.py").write_text(GUARD.format(folder=str(folder / "guard")))

    def copy(self, folder: Path) -> "Checkout":
        """A copy of all that a run left, dates included, which no test of the original changes."""
        copy = object.__new__(Checkout)
        copy.folder = folder
        shutil.copytree(self.folder, folder)
        return copy

    def configure(self, change: dict, name: str = "config") -> None:
        """Write a configuration, with `change` in place of its own top-level parts."""
        (self.folder / f"config/{name}.yaml").write_text(yaml.safe_dump(CONFIG | change))

    def command(self, *arguments: str) -> list[str]:
        cores = [] if "--profile" in arguments else ["--cores", "2"]
        return [sys.executable, "-m", "snakemake", *cores, "--max-threads", "1", *arguments]

    def environment(self, front: Path | None = None) -> dict[str, str]:
        """Variables of a run; programs in the folder `front` go before all others."""
        places = [*([front] if front else []), Path(sys.executable).parent, os.environ["PATH"]]
        home = self.folder.parent.parent / "home"
        empty = {
            "CCC_WEIGHTS": str(self.weights or home / "weights"),
            "XDG_CACHE_HOME": str(home),
            "TORCH_HOME": str(home),
        }
        return (
            os.environ
            | empty
            | {"PYTHONPATH": f"{self.folder}/guard:{self.folder}", "PATH": ":".join(map(str, places))}
        )

    def run(self, *arguments: str, front: Path | None = None) -> subprocess.CompletedProcess:
        """Run the workflow to its end, well or not. `output` of what is returned is all that it said."""
        run = subprocess.run(
            self.command(*arguments), cwd=self.folder, env=self.environment(front), text=True, timeout=1800,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        run.output = run.stdout
        return run

    def start(self, *arguments: str, front: Path | None = None) -> subprocess.Popen:
        """Start the workflow and return at once."""
        return subprocess.Popen(self.command(*arguments), cwd=self.folder, env=self.environment(front))

    def results(self) -> dict[str, str]:
        """SHA-256 of every file of results and reports, hidden ones too, but for the states of training.

        What tells the time is left out: timings and what draws them, the sources' dates in an index (its manifest
        stays), and the moment of writing in the overview.
        """
        found = {}
        for part in ("results", "reports"):
            for path in sorted((self.folder / part).rglob("*")):
                name = path.relative_to(self.folder)
                timed = {"state", "timings", "tensorboard"} & set(name.parts) or path.name == "timing.csv"
                if path.is_file() and not timed and path.suffix != ".parquet":
                    data = re.sub(rb'<dt class="provenance">Written.*', b"", path.read_bytes())
                    data = data.replace(str(self.folder).encode(), b"")  # which the command to run it again names
                    data = re.sub(rb'<h2 id="timing">.*?<script>', b"", data, flags=re.DOTALL)
                    found[str(name)] = hashlib.sha256(data).hexdigest()
        return found


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """Make a Checkout."""
    return lambda name="checkout": Checkout(tmp_path_factory.mktemp(name) / "with space")


@pytest.fixture(scope="session")
def unbroken(checkout):
    """A Checkout whose workflow has run without any failure."""
    whole = checkout("unbroken")
    run = whole.run(front=_counting(whole.folder / "bin"))
    assert run.returncode == 0, run.output
    assert jobs(run.output) == {
        "index": 2, "shard": 3, "codebook": 1, "train": 1, "prepare": 1, "leakage": 1, "segment": 1,
        "colorize_ccc": 1, "colorize_gray": 1, "harmonize": 2, "evaluate": 4, "previews": 2,
        "benchmark_previews": 1, "tables": 1, "report": 1, "provenance": 1, "upsample": 1, "ablate": 1, "compare": 2,
    }  # fmt: skip
    return whole


@pytest.fixture
def copied(unbroken, tmp_path):
    """A copy of what the unbroken run left, for one test alone."""
    return unbroken.copy(tmp_path / "a copy")  # quoted in commands, as the original is


COUNTING = """#!{python}
# `ccc`, noting for each verb how many files it begins.
import os, sys, tempfile
verb, real, count = sys.argv[1], tempfile.mkstemp, 0
def mkstemp(*arguments, **others):
    global count
    count += "dir" in others
    return real(*arguments, **others)
tempfile.mkstemp = mkstemp
from ccc.cli import main
status = main()
with open(os.path.join({folder!r}, "counts"), "a") as file:
    file.write(f"{{verb}} {{count}}\\n")
sys.exit(status)
"""


def _counting(folder: Path) -> Path:
    folder.mkdir()
    program = folder / "ccc"
    program.write_text(COUNTING.format(python=sys.executable, folder=str(folder)))
    program.chmod(0o755)
    return folder


# `ccc`, which sends a signal when it begins the middle one of the files of a verb, once for each verb. The file
# `sent-<verb>` holds the number of the process that sent it.
DEADLY = """#!{python}
import os, signal, sys, tempfile
verb, real, count, at = sys.argv[1], tempfile.mkstemp, 0, {at!r}
def snakemake():
    process = os.getpid()
    while process > 1:
        with open(f"/proc/{{process}}/cmdline") as file:
            if "snakemake" in file.read().split("\\0"):
                return process
        with open(f"/proc/{{process}}/stat") as file:
            process = int(file.read().rsplit(")", 1)[1].split()[1])
def mkstemp(*arguments, **others):
    global count
    made = real(*arguments, **others)
    count += "dir" in others
    if count == at.get(verb):
        try:
            with open(os.path.join({folder!r}, "sent-" + verb), "x") as file:
                file.write(str(os.getpid()))
        except FileExistsError:
            pass
        else:
            os.kill({victim}, signal.{number})
    return made
tempfile.mkstemp = mkstemp
from ccc.cli import main
sys.exit(main())
"""


def deadly(folder: Path, at: dict[str, int], victim: str = "os.getpid()", number: str = "SIGKILL") -> Path:
    folder.mkdir()
    program = folder / "ccc"
    program.write_text(DEADLY.format(python=sys.executable, folder=str(folder), victim=victim, at=at, number=number))
    program.chmod(0o755)
    return folder


def waited(condition, seconds: float = 600):
    """What `condition` gives as soon as it is true."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return value


def state(process: int) -> str:
    """State of a process as Linux writes it: T is stopped, Z a zombie; empty where there is none of that number."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def stopped(front: Path, verb: str) -> int:
    """Number of the `ccc` that has stopped itself at a verb."""
    mark = front / f"sent-{verb}"
    number = int(waited(lambda: mark.exists() and mark.read_text()))
    waited(lambda: state(number) == "T")
    return number


@pytest.fixture(scope="session")
def processes():
    """Ways to kill and stop processes of a run: `deadly`, `stopped`, `waited` and `state`."""
    return types.SimpleNamespace(deadly=deadly, stopped=stopped, waited=waited, state=state)
