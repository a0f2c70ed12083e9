"""Settings: what is wrong is named in one sentence, the same in a configuration and on a command line."""

import argparse
import subprocess
import sys

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ccc.cli import main
from ccc.core.errors import CCCError
from ccc.settings.configuration import Configuration, read_configuration
from ccc.settings.data import CodebookChoice, Data
from ccc.settings.decoding import Decoding
from ccc.settings.harmonization import Algorithm
from ccc.settings.options import Options
from ccc.settings.training import Recipe, Training
from workflow.lib.commands import options as command_words

SMALLEST = {
    "run": "small",
    "data": {"source": "photos", "validation": "photos"},
    "benchmarks": {"mine": {"source": "photos"}},
}


def wrong(change: dict | str) -> str:
    """What is said of the smallest configuration with a change, in YAML as a user writes it."""
    change = yaml.safe_load(change) if isinstance(change, str) else change
    with pytest.raises(CCCError) as refused:
        read_configuration(SMALLEST | change)
    return str(refused.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("sde: 64", "unknown key 'sde': did you mean 'side'? there are run, photographs, data"),
        ("training: {stepz: 4}", "training: unknown key 'stepz': did you mean 'steps'?"),
        ("training: {steps: many}", "training.steps: Input should be a valid integer, unable to parse string as an"),
        ("training: {steps: 0}", "training.steps: Input should be greater than or equal to 1, got 0"),
        ("training: {steps: true}", "training.steps: true and false are no value of it"),
        ("training: {steps: 4.5}", "training.steps: Input should be a valid integer, got a number with a fraction"),
        ("training: {schedule: cosin}", "'constant', 'cosine' or 'cooldown', got \"cosin\" (did you mean 'cosine'?)"),
        ("training: {encoder: densnet121}", "(did you mean 'densenet121'?)"),
        (
            "training: {compile: 3}",
            "training.compile: Input should be a valid boolean, unable to interpret input, got 3",
        ),
        ("training: {phi: .nan}", "training.phi: Input should be a finite number, got NaN"),
        ("training: 5", "training: Input should be a valid dictionary or instance of Training, got 5"),
        ("training: {pretrained: true, init: true}", "training: give pretrained or init, not both"),
        (
            "training: {init: 3}",
            "training.init: Input should be a valid boolean, unable to interpret input or a valid s",
        ),
        ("codebook: {threshold: 5, relative_threshold: 0.1}", "codebook: give threshold or relative_threshold"),
        ("side: 4", "side: Input should be greater than or equal to 8 or 'keep', got 4"),
        ("benchmarks: {mine: {n: 5}}", "benchmarks.mine.source: is missing"),
        (
            "benchmarks: {mine: {source: x, n: 0}}",
            "benchmarks.mine.n: Input should be greater than or equal to 1 or 'all'",
        ),
        (
            "benchmarks: {a b: {source: x}}",
            "benchmarks.a b: String should match pattern '^[A-Za-z0-9_-]+$', got \"a b\"",
        ),
        ("benchmarks: {showcase: {source: x}}", "benchmarks.showcase: the pictures of Table III are called so"),
        ("benchmarks: {}", "benchmarks: Dictionary should have at least 1 item"),
        (
            "benchmarks: {mine: {source: x, column: Coco}}",
            "benchmarks.mine.column: Input should be 'ADE', 'Celeba', 'COCO', 'Ox. Flower', 'ImageNet', "
            "'ImageNet val5k', 'ImageNet val50k', 'COCO-Stuff val5k' or 'ADE20K val2k', got \"Coco\"",
        ),
        ("training: {crop: 512}", "training.crop: 512 is more than data.size, 224"),
        ("training: {seed: 100000000000000}", "training.seed: Input should be less than or equal to 4294967295"),
        ("data: {seed: -1}", "data.seed: Input should be greater than or equal to 0"),
        (
            "benchmarks: {mine: {source: x, seed: -1}}",
            "benchmarks.mine.seed: Input should be greater than or equal to 0",
        ),
        ("training: {workers: 2}", "training.workers: 2 need as many data.shards, and there are 1"),
        ("metrics: [cnr_128_min5]", "metrics: cnr_128_min5 is of pictures of another side than 256: give cnr_min5"),
        ("showcase: {pictures: [nope/x]}", "showcase.pictures: nope/x is no BENCHMARK/PICTURE of mine"),
        ("segmenter: {name: masks}", "segmenter.checkpoint is missing: the folder or file of the given masks"),
        ("methods: [ccc, gray, ccc]", "methods: ccc stands there more than once"),
        (
            "harmonize: {ablation: {deltas: [4, -1]}}",
            "harmonize.ablation.deltas.1: Input should be greater than or equal",
        ),
        (
            "segmenter: {name: slic, parameters: {scale: 3}}",
            "segmenter: slic: unknown key 'scale': there are n_segments",
        ),
        (
            "segmenter: {parameters: {scale: -3}}",
            "segmenter: felzenszwalb.scale: Input should be greater than or equal",
        ),
        ("data: {source: photos}", "photographs to train on are missing: give data.validation, or a trained `model`"),
        ("run: 2024", "run: Input should be a valid string, got 2024 (YAML reads some words as numbers"),
        ("titles: {ccc: no}", "titles.ccc: Input should be a valid string, got false (YAML reads some words"),
        ("benchmarks: {1920: {source: x}}", "got 1920 (YAML reads some words as numbers or as true and false: write"),
        ("benchmarks: {no: {source: x}}", "got false (YAML reads some words as numbers or as true and false: write"),
        ("{no: 5}", "unknown key False: there are run"),
    ],
)
def test_what_is_wrong_is_one_sentence(change, sentence):
    said = wrong(change)
    assert sentence in said and len(said.splitlines()) == 1


def test_an_unknown_key_hides_nothing_else():
    said = wrong(
        "training: {stepz: 4, beta3: 1, steps: 0}\nbenchmarks: {source: {source: x, m: 3}}\nseide: 4"
    ).splitlines()
    assert [line.partition(":")[0] for line in said if "unknown key" not in line] == ["training.steps"]
    unknown = [
        line.partition(": did you mean")[0].partition(": there are")[0] for line in said if "unknown key" in line
    ]
    places = ["training: unknown key 'stepz'", "training: unknown key 'beta3'", "benchmarks.source: unknown key 'm'"]
    assert unknown == [*places, "unknown key 'seide'"]


NAMES = st.sampled_from(["train", "data", "training", "mine", "steps", "zoom", "n", "source", "deltas", "ablation"])
VALUES = st.none() | st.booleans() | st.integers(-3, 300) | st.floats() | st.text(max_size=3) | st.just("photos")
ANYTHING = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | VALUES, inner, max_size=4), max_leaves=9
)


@given(st.dictionaries(st.sampled_from([*Configuration.model_fields, "train", "sde"]), ANYTHING, max_size=5))
@settings(max_examples=1000, deadline=None, derandomize=True)
def test_whatever_is_given_is_read_or_refused_in_sentences(change):
    try:
        read_configuration(SMALLEST | change, str)
    except CCCError as error:
        assert all(line.strip() for line in str(error).splitlines())


def test_everything_wrong_is_named_at_once():
    said = wrong("{run: a/b, side: 4, training: {crop: 40, seed: x}}").splitlines()
    assert [line.split(":")[0] for line in said] == ["run", "training.crop", "training.seed", "side"]


@pytest.mark.parametrize(("setting", "value"), [("crop", "40"), ("upsilon", "2"), ("balance", "cbc"), ("steps", "x")])
def test_the_command_says_the_same_sentence(setting, value, capsys):
    command = ["train", "x.tar", "--validation", "x.tar", "--codebook", "x.json", "-o", "x"]
    assert main([*command, f"--{setting}", value]) == 2
    said = capsys.readouterr().err
    assert said == f"ccc train: error: --{wrong({'training': {setting: value}}).removeprefix('training.')}\n"


def test_an_unknown_option_gets_a_suggestion(capsys):
    command = ["train", "x.tar", "--validation", "x.tar", "--codebook", "x.json", "-o", "x"]
    assert main([*command, "--gama-jitter", "1"]) == 2
    assert "--gama-jitter: no such option or argument: did you mean '--gamma-jitter'?" in capsys.readouterr().err


def test_an_option_is_explained_without_the_words_of_yaml():
    parser = argparse.ArgumentParser()
    Options(Training).add(parser)
    said = " ".join(parser.format_help().split())
    assert "null" not in said and "(true)" not in said and "those that `ccc weights` keeps (no PATH)" in said


def test_all_that_does_not_fit_together_is_named_at_once():
    change = {"methods": ["gray", "gray"], "showcase": {"pictures": ["a/b"]}, "training": {"crop": 512}}
    assert [line.split(":")[0] for line in wrong(change).splitlines()] == [
        "training.crop",
        "showcase.pictures",
        "methods",
    ]


def test_numbers_that_yaml_reads_as_text_are_taken():
    """`1e-3` without a point is text to YAML 1.1."""
    training = yaml.safe_load("{learning_rate: 1e-3}")
    assert isinstance(training["learning_rate"], str)
    assert read_configuration(SMALLEST | {"training": training}).training.learning_rate == 1e-3


@pytest.mark.parametrize("text", ["true", "True"])
def test_true_of_a_command_line_is_no_path(text):
    assert Recipe.checked({"init": text}).init is True and Recipe.checked({"pretrained": text}).pretrained is True
    assert Recipe.checked({"init": f"./{text}"}).init == f"./{text}"
    assert Recipe.checked({"init": "false"}).init is False


def test_a_home_folder_is_expanded(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    paths = {"photographs": "~/photos", "model": "~/ccc.safetensors", "baselines": {"gain": {"folder": "~/gain"}}}
    config = read_configuration(SMALLEST | paths | {"training": {"init": "~/start.safetensors"}})
    assert (config.photographs, config.model) == ("/home/somebody/photos", "/home/somebody/ccc.safetensors")
    assert config.baselines.gain.folder == "/home/somebody/gain"
    assert config.training.init == "/home/somebody/start.safetensors"


def test_a_run_that_only_evaluates_needs_no_photographs_to_train_on():
    config = read_configuration({key: SMALLEST[key] for key in ("run", "benchmarks")} | {"model": "a.safetensors"})
    assert config.data.source is None and "photographs to train on" in wrong({"data": {}})


def test_an_empty_section_is_one_of_defaults():
    config = read_configuration(SMALLEST | yaml.safe_load("training:\ncodebook:\n"))
    assert config.training == Training() and config.codebook == CodebookChoice()


def test_whole_numbers_stay_whole_where_tables_show_them():
    config = read_configuration(SMALLEST | {"harmonize": {"delta_a": 8, "delta_b": 8.0, "ablation": {"deltas": [4]}}})
    assert [repr(config.harmonize.delta_a), repr(config.harmonize.delta_b)] == ["8", "8"]
    assert repr(config.harmonize.ablation.deltas) == "[4]"


OLD = {
    "run": "small",
    "data": "/photos",
    "training": {"source": "a", "validation": "b", "seed": 3},
    "train": {"zoom": 0.3, "relight": 0.8, "clip": 1.0, "steps": 5},
    "colorize": {"unbalance": 0.5},
    "benchmarks": {"mine": {"source": "photos"}},
}
TODAY = {
    "run": "small",
    "photographs": "/photos",
    "data": {"source": "a", "validation": "b", "seed": 3},
    "training": {"random_resized_crop": 0.3, "gamma_jitter": 0.8, "gradient_clipping": 1.0, "steps": 5},
    "colorize": {"logit_adjustment": 0.5},
    "benchmarks": {"mine": {"source": "photos"}},
}


def test_old_names_are_taken_with_a_line_of_warning_each():
    warnings = []
    assert read_configuration(OLD, warnings.append) == read_configuration(TODAY, pytest.fail)
    assert len(warnings) == 7 and all(len(line.splitlines()) == 1 for line in warnings)
    for words in ("`data` is `photographs`", "`training` is `data`", "`train` is `training`", "zoom is random_resized"):
        assert sum(words in line for line in warnings) == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"train": {"steps": 7}}, {"training": TODAY["training"] | {"steps": 7}}),  # --config train='{steps: 7}'
        ({"training": {"steps": 7, "clip": 2}}, {"training": {"steps": 7, "gradient_clipping": 2}}),
    ],
)
def test_old_names_beside_new_ones(change, expected):
    assert read_configuration(TODAY | change, str) == read_configuration(TODAY | expected)


def test_the_old_training_section_alone_is_known_by_its_keys():
    old = {key: OLD[key] for key in ("run", "training", "benchmarks")}
    config = read_configuration(old, str)
    assert config.data.source == "a" and config.training == Training()


def test_old_names_that_leave_a_doubt_are_refused():
    assert "give random_resized_crop alone" in wrong({"training": {"zoom": 0.3, "random_resized_crop": 0.3}})
    assert "--config photographs=/photos" in wrong({"data": "/photos"})  # over a configuration of today


@pytest.mark.parametrize(
    ("options", "values"),
    [
        (Options(Training), Training()),
        (
            Options(Training),
            Training(encoder="resnet50", pretrained=True, crop=64, flip=False, tf32=False, compile=True, phi=1e-3),
        ),
        (Options(Training), Training(init="a b.safetensors", random_resized_crop=0.3, balance="none", workers=3)),
        (Options(Data, only=("classes", "limit", "seed", "size", "fit")), Data(classes=["a b", "c"], size=64)),
        (Options(Algorithm), Algorithm(delta_a=2.5, order="given")),
        (Options(Decoding), Decoding(decode="annealed", temperature=0.7, input_size="full")),
    ],
)
def test_words_of_a_command_are_read_back_as_the_same_settings(options, values):
    parser = argparse.ArgumentParser()
    options.add(parser)
    given = {name: value for name, value in values.model_dump(exclude_defaults=True).items() if name in options.flags}
    words = [f"--no-{name}" for name, value in given.items() if value is False] + command_words(given)
    assert options.read(parser.parse_args(words)) == values


def test_old_options_are_taken_with_a_warning(capsys):
    parser = argparse.ArgumentParser()
    Options(Training).add(parser)
    training = Options(Training).read(parser.parse_args(["--zoom", "0.3", "--clip=2"]))
    assert (training.random_resized_crop, training.gradient_clipping) == (0.3, 2.0)
    assert capsys.readouterr().err.splitlines() == [
        "warning: zoom is random_resized_crop now, and the next release takes only the new name",
        "warning: clip is gradient_clipping now, and the next release takes only the new name",
    ]
    assert "--zoom" not in parser.format_help()


def test_the_paper_has_its_defaults():
    """Implementation Set Up and Table II."""
    recipe, algorithm = Recipe(), Algorithm()
    assert (recipe.encoder, recipe.batch_size, recipe.learning_rate) == ("densenet121", 64, 1e-3)
    assert (recipe.beta1, recipe.beta2, recipe.upsilon, recipe.phi) == (0.5, 0.999, 0.5, None)
    assert (recipe.balance, recipe.decoder, recipe.schedule, recipe.ema) == ("cbce", "plain", "constant", 0)
    assert (algorithm.min_pixels, algorithm.delta_a, algorithm.delta_b) == (500, 8, 8)
    assert Data().size == 224 and Configuration.model_fields["side"].default == 256


def test_the_settings_need_no_torch():
    code = "import sys, ccc.settings.configuration; assert not {'torch', 'numpy'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
