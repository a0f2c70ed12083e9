"""The rules of the methods: which run, which do not and why, and that each colours what its colorizer colours."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch7
import yaml
from skimage import data

from ccc import colorizers
from ccc.cli import main
from ccc.core.images import read_rgb, write_png

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
BASELINES = ("cic", "ddcolor", "deoldify", "gain", "iizuka", "larsson", "su", "zhang")


class Checkout:
    """A checkout with one small benchmark, three photographs of different sizes, and no weights."""

    def __init__(self, folder: Path):
        self.folder, self.weights = folder, folder / "weights"
        for name in ("workflow", "config", "profiles"):
            shutil.copytree(ROOT / name, folder / name)
        shutil.copy(ROOT / "Snakefile", folder)
        (folder / "ccc").symlink_to(ROOT / "ccc")
        self.weights.mkdir()
        for name, picture in (("a", data.astronaut()), ("b", data.coffee()), ("c", data.chelsea())):
            write_png(folder / "photos" / f"{name}.png", picture[:80, : 60 + 40 * "abc".index(name)])
        self.write({})

    def write(self, config: dict) -> None:
        """Write the configuration, the small one with these keys."""
        small = {
            "run": "small",
            "data": {"source": "photos", "validation": "photos"},
            "benchmarks": {"set": {"source": "photos", "n": "all"}},
            "side": "keep",
            "showcase": {"enabled": False},
        }
        (self.folder / "config/small.yaml").write_text(yaml.safe_dump(small | config))

    def snakemake(self, *arguments: str, status: int = 0) -> str:
        """Run Snakemake; what it and its jobs said."""
        names = ("CCC_WEIGHTS", "XDG_CACHE_HOME", "TORCH_HOME")
        environment = os.environ | dict.fromkeys(names, str(self.weights)) | {"PYTHONPATH": str(self.folder)}
        environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments, "--configfile", "config/small.yaml"]
        run = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=600)
        assert run.returncode == status, run.stdout + run.stderr
        return run.stdout + run.stderr


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def test_auto_takes_what_is_there_and_names_the_others_with_the_reason(checkout):
    (checkout.weights / "siggraph17-df00044c.pth").touch()
    (checkout.weights / "ddcolor_paper_tiny.pth").touch()
    checkout.write({"baselines": {"ddcolor": {"model": "tiny"}}})
    output = checkout.snakemake("-n", "-p")
    assert (
        "not run: cic: colorization_release_v2-9b330a0b.pth is missing, get it with `ccc weights fetch cic`" in output
    )
    assert "not run: gain: nothing of it is public" in output
    assert "not run: zhang" not in output and "not run: ddcolor" not in output
    for name in BASELINES:
        assert (f"\ncolorize_{name} set: results/" in output) == (name in ("zhang", "ddcolor")), name
    tables = output.split("ccc tables ")[1].split("\n")[0]
    assert "--not-run 'cic=colorization_release" in tables and "--not-run zhang" not in tables
    assert "--title 'ddcolor=DDColor (tiny)'" in tables and "--option model=tiny" in output


def test_ccc_is_the_papers_whatever_the_configuration_says_and_ccc_photo_what_it_says(checkout):
    checkout.write({"model": True, "colorize": {"vividness": 0.9}})
    output = checkout.snakemake("-n", "-p")
    papers, photo = (output.split(f"\ncolorize_{name} set: ")[1].split("2>&1")[0] for name in ("ccc", "ccc_photo"))
    assert "--method ccc " in papers and "--option decode=argmax" in papers and "--option chroma=1.0" in papers
    assert "--method ccc " in photo and "--option decode=annealed" in photo and "--option upsample=guided" in photo
    assert "--title 'ccc_photo=CCC for photographs (vividness 0.9)'" in output
    assert "compare ccc_photo" in output and "ablate" in output
    checkout.write({})
    output = checkout.snakemake("-n")
    assert "not run: ccc_photo: colorize, or else the model's file, names the paper's decoding" in output
    checkout.write({"methods": ["ccc_photo"], "model": True})
    assert "colorize_ccc_photo" in checkout.snakemake("-n", "-p") and "--model" in checkout.snakemake("-n", "-p")


def test_a_method_named_outright_whose_weights_are_missing_stops_the_run(checkout):
    checkout.write({"methods": ["gray", "cic", "deoldify"], "baselines": {"deoldify": {"model": "video"}}})
    output = checkout.snakemake(status=1)
    assert "cic: colorization_release_v2-9b330a0b.pth is missing, get it with `ccc weights fetch cic`" in output
    assert "`ccc weights fetch deoldify_video`" in output and "Traceback" not in output
    assert not (checkout.folder / "results").exists()


def test_folders_of_boxes_and_pictures_must_be_there(checkout):
    checkout.write({"baselines": {"gain": {"folder": "nowhere"}, "su": {"boxes": "no boxes"}}})
    output = checkout.snakemake("-n", status=1)
    assert "baselines.gain.folder: nowhere is not there" in output
    assert "baselines.su.boxes: no boxes is not there" in output


def test_no_torch_is_loaded_to_find_the_methods(checkout):
    (checkout.folder / "torch.py").write_text("raise SystemExit('torch was imported')")
    checkout.snakemake("-n", "results/colorized/gray/plain/set")


def example(path: str, name: str) -> str:
    """The rule of a method as a text of the project gives it."""
    (rule,) = re.findall(rf"```python\n(rule colorize_{name}:.*?)```", (ROOT / path).read_text(), re.S)
    return rule


def test_the_method_of_the_page_goes_from_pictures_to_tables_in_any_folder(checkout, tmp_path_factory):
    (checkout.folder / "workflow/methods/mymethod.smk").write_text(example("docs/add-methods.md", "mymethod"))
    (checkout.folder / "my_colorizer.py").write_text("import shutil, sys\nshutil.copytree(*sys.argv[1:])\n")
    checkout.write({
        "photographs": str(checkout.folder), "methods": ["mymethod"], "metrics": ["psnr", "cnr"],
        "model": str(ROOT / "ccc/assets/ccc-scenes-objects.safetensors"),
    })  # fmt: skip
    other = tmp_path_factory.mktemp("a run of its own")
    there = ["--directory", str(other)]
    checkout.snakemake(*there)
    checkout.snakemake("results/colorized/mymethod/plain/set")
    for folder in (other, checkout.folder):
        colored = folder / "results/colorized/mymethod/plain/set"
        assert [path.name for path in sorted(colored.glob("*.png"))] == ["a.png", "b.png", "c.png"]
    assert (other / "results/metrics/mymethod/sam/set/pixel.csv").stat().st_size
    assert "mymethod" in (other / "reports/small/tables/table_7.csv").read_text()
    assert "mymethod" in (other / "reports/small/index.html").read_text()
    assert "Nothing to be done" in checkout.snakemake(*there)
    with open(checkout.folder / "my_colorizer.py", "a") as script:
        script.write("# edited\n")
    assert "\ncolorize_mymethod set: results/" in checkout.snakemake("-n", *there)


def test_the_other_examples_of_methods_run_too(checkout):
    (checkout.folder / "workflow/methods/theirs.smk").write_text(example("docs/methods.md", "theirs"))
    (checkout.folder / "workflow/methods/kept.smk").write_text(example("docs/methods.md", "kept"))
    (environment,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/methods.md").read_text(), re.S)
    (checkout.folder / "workflow/envs/theirs.yaml").write_text(environment)
    (checkout.folder / "theirs").mkdir()
    (checkout.folder / "theirs/colorize.py").write_text(
        "import shutil, sys\nshutil.copytree(sys.argv[2], sys.argv[4], dirs_exist_ok=True)\n"
    )
    shutil.copytree(checkout.folder / "photos", checkout.folder / "kept/set")
    checkout.write({"methods": ["theirs", "kept"], "model": str(ROOT / "ccc/assets/ccc-scenes-objects.safetensors")})
    made = [checkout.folder / f"results/colorized/{name}/plain/set" for name in ("theirs", "kept")]
    checkout.snakemake(*(str(path.relative_to(checkout.folder)) for path in made))
    for path in made:
        assert [picture.name for picture in sorted(path.glob("*.png"))] == ["a.png", "b.png", "c.png"]


# --- every method, with the seeded weights saved as the published files are ---

OPTIONS = {
    "ddcolor": {"model": "tiny", "input_size": 256},
    "deoldify": {"model": "artistic", "render_factor": 4},
    "gain": {"folder": "kept"},
}


def module(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def write_weights(folder: Path, recipe) -> None:
    """Every baseline's weight file, under its published name and in its published layout, one network at a time."""
    import h5py
    import torch

    from ccc.colorizers import cic, ddcolor, deoldify, iizuka, larsson, su, zhang

    def filled(network):
        network.load_state_dict(recipe.fill(network.state_dict()))
        return network

    for name, make, wrap in (
        ("colorization_release_v2-9b330a0b.pth", cic.Eccv16, None),
        ("siggraph17-df00044c.pth", zhang.Siggraph17, None),
        ("ColorizeArtistic_gen.pth", lambda: deoldify.DeOldify(deep=True), "model"),
        ("ddcolor_paper_tiny.pth", lambda: ddcolor.DDColor(tiny=True), "params"),
    ):
        state = filled(make()).state_dict()
        torch.save({wrap: state} if wrap else state, folder / name)
    with zipfile.ZipFile(folder / "inst_colorization_checkpoints.zip", "w") as archive:
        for part, network in su.network().items():
            state = filled(network).state_dict()
            prefix = "module." if part == "GF" else ""  # as it was published
            with archive.open(f"checkpoints/coco_finetuned_mask_256_ffs/latest_net_{part}.pth", "w") as file:
                torch.save({prefix + key: value for key, value in state.items()}, file)
    with h5py.File(folder / "autocolorize.caffemodel.h5", "w") as file:
        for key, value in filled(larsson.Larsson()).state_dict().items():
            layer, kind = key.split(".")
            file[f"data/{layer}/{['weight', 'bias'].index(kind)}"] = value.numpy()
    network = filled(iizuka.Iizuka())
    torch7.write(folder / "colornet.t7", torch7.colornet(network, network.state_dict()))


@pytest.fixture(scope="module")
def colored(tmp_path_factory):
    """A checkout in which each baseline's rule has coloured the three photographs."""
    recipe = Path(os.environ.get("CCC_SHARED", ROOT.parent / "shared")) / "parity/recipe.py"
    if not recipe.exists():
        pytest.skip("the recipe of seeded weights is not at hand: set CCC_SHARED to the folder that holds it")
    checkout = Checkout(tmp_path_factory.mktemp("coloured"))
    write_weights(checkout.weights, module(recipe))
    shutil.copytree(checkout.folder / "photos", checkout.folder / "kept/set")
    checkout.write({"methods": list(BASELINES), "baselines": OPTIONS})
    checkout.snakemake(*(f"results/colorized/{name}/plain/set" for name in BASELINES))
    yield checkout
    shutil.rmtree(checkout.weights)  # two gigabytes, which pytest would keep


@pytest.mark.parametrize("name", BASELINES)
def test_rule_command_and_python_give_the_same_pictures(colored, name, tmp_path, monkeypatch):
    import torch

    for variable in ("CCC_WEIGHTS", "XDG_CACHE_HOME", "TORCH_HOME"):
        monkeypatch.setenv(variable, str(colored.weights))
    monkeypatch.chdir(colored.folder)
    gray = colored.folder / "results/benchmarks/set/gray"
    options = OPTIONS.get(name, {}) | ({"folder": "kept/set"} if name == "gain" else {})
    words = [word for option in options.items() for word in ("--option", "=".join(map(str, option)))]
    command = ["colorize", str(gray), "--method", name, "--device", "cpu", "--batch", "3", "-o", str(tmp_path), *words]
    assert main(command) == 0
    colorizer = colorizers.load(name, device="cpu", **options)
    assert not {value.dtype for value in (colorizer.network or torch.nn.Identity()).state_dict().values()} & {
        torch.float64
    }

    def no_doubles(layer, inputs):  # Apple's devices have none
        assert not any(isinstance(value, torch.Tensor) and value.dtype == torch.float64 for value in inputs), layer

    with torch.nn.modules.module.register_module_forward_pre_hook(no_doubles):
        for path in sorted(gray.glob("*.png")):
            ours = colorizer.colorize_named(path.name, read_rgb(path))
            assert ours.shape == read_rgb(path).shape
            least = 0 if name == "cic" else 3  # with these weights its colours stay within two units of gray
            assert (np.ptp(ours, axis=-1) > least).any()
            by_rule = read_rgb(colored.folder / f"results/colorized/{name}/plain/set" / path.name)
            np.testing.assert_array_equal(by_rule, ours)
            assert np.abs(read_rgb(tmp_path / path.name).astype(int) - ours).max() <= 2  # in a batch: other rounding


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "gain"])
def test_broken_weight_files_are_told(colored, name, tmp_path, monkeypatch, capsys):
    """Missing, cut off, and of another network: one line that names the file and the remedy."""
    for variable in ("CCC_WEIGHTS", "XDG_CACHE_HOME", "TORCH_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    options = OPTIONS.get(name, {})
    words = [word for option in options.items() for word in ("--option", "=".join(map(str, option)))]
    command = ["colorize", str(colored.folder / "photos/a.png"), "--method", name, "-o", str(tmp_path / "out"), *words]
    monkeypatch.setenv("CCC_WEIGHTS", str(colored.weights))
    (whole,) = colorizers.files(name, **options)
    monkeypatch.setenv("CCC_WEIGHTS", str(tmp_path))
    assert main(command) == 2
    assert f"no weights: {whole.name} is not in" in (said := capsys.readouterr().err) and "`ccc weights fetch " in said
    with open(whole, "rb") as file:
        (tmp_path / whole.name).write_bytes(file.read(100_000))
    assert main(command) == 2
    said = capsys.readouterr().err
    assert f"{whole.name}: " in said and "fetch" in said and len(said.splitlines()) == 1
    (tmp_path / whole.name).unlink()
    other = colored.weights / ("siggraph17-df00044c.pth" if name == "cic" else "colorization_release_v2-9b330a0b.pth")
    assert main([*command, "--weights", str(other)]) == 2
    said = capsys.readouterr().err
    assert other.name in said and len(said.splitlines()) == 1
    assert not (tmp_path / "out").exists()
