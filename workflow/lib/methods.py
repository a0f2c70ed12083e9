"""The methods of a run: one file each in workflow/methods."""

from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from ccc import colorizers
from ccc.assets import weights
from ccc.core.errors import MissingWeights, did_you_mean
from ccc.core.files import safetensors_metadata
from ccc.decoding import decoding, not_the_papers
from ccc.settings.decoding import PAPERS_DECODING
from ccc.settings.training import model_settings

FOLDER = Path(__file__).parents[1] / "methods"


class Methods:
    """The files of workflow/methods in a fixed order, and the methods that cannot run.

    `names`: of all; `not_run`: reasons by method, set by its file.
    """

    def __init__(self, folder: Path = FOLDER):
        self.files = sorted(map(str, folder.glob("*.smk")))
        self.names = [Path(path).stem for path in self.files]
        self.not_run: dict[str, str] = {}

    def weights(self, method: str, *names: str) -> str:
        """Path of a method's weight file, the first available one of `names`; without one the method is not run."""
        for name in names:
            try:
                return str(weights.locate(name))
            except MissingWeights:
                pass
        file = weights.known()[names[0]]["file"]
        self.not_run.setdefault(method, f"{file} is missing, get it with `ccc weights fetch {names[0]}`")
        return str(next(iter(weights.folders()), Path()) / file)

    def chosen(self, wanted: str | list[str]) -> list[str]:
        """The methods of this run; with `auto` those that can run, the others are logged.

        Raises WorkflowError if a named method is unknown or cannot run.
        """
        if wanted == "auto":
            for name, reason in self.not_run.items():
                logger.info(f"not run: {name}: {reason}")
            return [name for name in self.names if name not in self.not_run]
        for name in wanted:
            if name not in self.names:
                raise WorkflowError(
                    f"methods: no workflow/methods/{name}.smk: {did_you_mean(name, self.names)}"
                    f"there are {', '.join(self.names)}; a new method is one file saved there (docs/add-methods.md)"
                )
        missing = [f"  {name}: {self.not_run[name]}" for name in wanted if name in self.not_run]
        if missing:
            raise WorkflowError("\n".join(["methods: some cannot run:", *missing]))
        return wanted


def check_rules(rules, methods: list[str], dataset: str) -> None:
    """Raise WorkflowError for a method whose file has no rule that colours the pictures of a benchmark."""
    for name in methods:
        if not any(rule.is_producer(f"results/colorized/{name}/plain/{dataset}") for rule in rules):
            raise WorkflowError(
                f"workflow/methods/{name}.smk: none of its rules has the output "
                f'directory("results/colorized/{name}/plain/{{dataset}}") (docs/add-methods.md)'
            )


def kept_folder(folder: str, dataset: str) -> str:
    """The part of `folder` for a benchmark's pictures: its subfolder of that name, else the whole folder.

    The showcase, which collects pictures of other benchmarks, uses the whole folder.
    """
    own = Path(folder) / dataset
    return str(own if own.is_dir() else Path(folder))


def segmenter_checkpoint(segmenter: dict, dataset: str) -> str | None:
    """The weight file of the segmenter; for the segmenter `masks` the dataset's own masks."""
    given = segmenter["checkpoint"]
    if not given or segmenter["name"] != "masks":
        return given
    own = (Path(f"{given}/{dataset}"), Path(f"{given}/{dataset}.json"))
    return next((str(path) for path in own if path.exists()), given)


def segmenter_weights(segmenter: dict, dataset: str) -> str | Path | None:
    """`segmenter_checkpoint`, or the file that `ccc weights` finds; None for a segmenter without one."""
    name = segmenter["name"]
    return segmenter_checkpoint(segmenter, dataset) or (weights.find(name) if name in weights.known() else None)


def cautions(config: dict) -> dict[str, str]:
    """Cautions about the numbers by dataset; the showcase inherits those of the others, whose pictures it repeats."""
    known = {name: entry["caution"] for name, entry in config["benchmarks"].items() if entry["caution"]}
    if config["data"]["source"] == "embedded" and not config["model"]:
        halves = "training and test pictures are halves of the same photographs"
        known |= {
            name: "; ".join(filter(None, [halves, entry["caution"]]))
            for name, entry in config["benchmarks"].items()
            if entry["source"] == "embedded"
        }
    if not config["showcase"]["enabled"]:
        return known
    again = "these pictures are among those of the other benchmarks and tell nothing more"
    return known | {"showcase": "; ".join(dict.fromkeys([again, *known.values()]))}


def title(method: str, config: dict) -> str:
    """A method's title in tables: the configuration's, else its own, with the model if it has several."""
    own = colorizers.info(method).title if method in colorizers.names() else method
    called = config["titles"].get(method, own)
    if method == "ccc" and method not in config["titles"]:
        return f"CCC ({trained_on(config)})"
    if method == "ccc_photo" and method not in config["titles"]:
        chosen = photo_decoding(config)
        size = f"input size {chosen['input_size']}"
        return f"CCC for photographs ({', '.join(not_the_papers(chosen)) or size})"
    model = config["baselines"].get(method, {}).get("model")
    return f"{called} ({model})" if model else called


def trained_on(config: dict) -> str:
    """Name of CCC's training photographs, from the model if one is given."""
    if not config["model"]:
        return config["data"]["name"] or "unnamed photographs"
    return _settings_of_model(config).get("trained_on") or Path(config["model"]).name


def _settings_of_model(config: dict) -> dict:
    """Settings of a given model; {} for one that is yet to be trained."""
    return model_settings({"settings": "{}"} | safetensors_metadata(config["model"])) if config["model"] else {}


def photo_decoding(config: dict) -> dict:
    """Options of `ccc_photo`: those of `colorize`, else those of the model's file."""
    chosen = decoding(_settings_of_model(config), **config["colorize"])
    others = {name: value for name, value in config["colorize"].items() if name != "vividness"}
    return others | {name: chosen[name] for name in PAPERS_DECODING}


def same_decoding(config: dict) -> bool:
    """Whether `ccc_photo` would give the pictures of `ccc`."""
    chosen = photo_decoding(config)
    return not chosen["input_size"] and not not_the_papers(chosen)
