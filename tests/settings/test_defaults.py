"""Functions that are called without the command have the defaults and the choices of the settings."""

import inspect

import pytest
import torch

from ccc.codebook import Codebook
from ccc.colorizers import ccc, ddcolor, deoldify, iizuka, oracle, su
from ccc.data.benchmark import prepare
from ccc.data.shards import write_shard
from ccc.harmonize import harmonize
from ccc.loss import ClassBalancedCrossEntropy, class_weights
from ccc.model import ClassColors, ColorClassifier
from ccc.settings.base import schema_of
from ccc.settings.baselines import DDColor, DeOldify, Iizuka, Oracle, Su
from ccc.settings.data import PAPERS_THRESHOLD, CodebookChoice, Data
from ccc.settings.decoding import PAPERS_DECODING, Decoding
from ccc.settings.evaluation import Preparation
from ccc.settings.harmonization import Algorithm
from ccc.settings.training import Recipe


@pytest.mark.parametrize(
    ("function", "section", "fewest"),
    [
        (harmonize, Algorithm, 6),
        (ClassBalancedCrossEntropy, Recipe, 4),
        (class_weights, Recipe, 2),
        (ColorClassifier, Recipe, 3),
        (Codebook.fit, CodebookChoice, 1),
        (write_shard, Data, 2),
        (prepare, Preparation, 2),
        (ccc.load, Decoding, 6),
        (deoldify.load, DeOldify, 2),
        (ddcolor.load, DDColor, 2),
        (su.load, Su, 3),
        (iizuka.load, Iizuka, 1),
        (oracle.load, Oracle, 2),
    ],
    ids=lambda value: getattr(value, "__qualname__", None),
)
def test_a_function_has_the_defaults_of_the_settings(function, section, fewest):
    parameters = inspect.signature(function).parameters
    shared = [name for name in section.model_fields if name in parameters and name != "threshold"]
    shared = [name for name in shared if parameters[name].default is not inspect.Parameter.empty]
    assert len(shared) >= fewest
    assert {name: parameters[name].default for name in shared} == {
        name: section.model_fields[name].default for name in shared
    }


def test_what_null_stands_for():
    assert inspect.signature(Codebook.fit).parameters["threshold"].default == PAPERS_THRESHOLD
    decoder = inspect.signature(ClassColors).parameters
    papers = {name: value for name, value in PAPERS_DECODING.items() if name in decoder}
    assert len(papers) == 3 and papers == {name: decoder[name].default for name in papers}


@pytest.mark.parametrize(("method", "section"), [(deoldify, DeOldify), (ddcolor, DDColor), (iizuka, Iizuka)])
def test_a_method_has_the_models_of_the_settings(method, section):
    assert set(schema_of(section)["properties"]["model"]["enum"]) == set(method.INFO.models)


def test_the_encoders_are_those_that_torchvision_has_and_that_end_at_1_32():
    from torchvision import models  # after ccc.core.torchvision_ops

    names = schema_of(Recipe)["properties"]["encoder"]["enum"]
    assert set(names) <= set(models.list_models(module=models))
    smallest = ["densenet121", "resnet18", "wide_resnet50_2", "resnext50_32x4d", "convnext_tiny", "efficientnet_b0"]
    smallest += ["efficientnet_v2_s", "mobilenet_v2", "mobilenet_v3_small", "vgg11", "vgg11_bn"]  # of each family
    with torch.device("meta"):
        for name in smallest:
            assert name in names and ColorClassifier(3, name, decoder="skip").taps
