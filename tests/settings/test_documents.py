"""What is generated from the settings is what they generate, and what differs from the paper is told."""

import argparse
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from ccc.core.errors import CCCError
from ccc.settings.__main__ import SCHEMA, TABLE, schema, settings, with_table
from ccc.settings.base import setting
from ccc.settings.configuration import read_configuration
from ccc.settings.options import Options
from ccc.settings.training import Recipe

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATIONS = sorted((ROOT / "config").glob("*.yaml"))


def test_the_schema_is_of_today():
    assert SCHEMA.read_text() == schema(), "write it with `python -m ccc.settings`"


def test_the_table_is_of_today():
    page = TABLE.read_text()
    assert page == with_table(page), "write it with `python -m ccc.settings`"


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.name)
def test_every_configuration_is_valid_under_todays_names(path):
    given = yaml.safe_load(path.read_text())
    jsonschema.Draft202012Validator(yaml.safe_load(SCHEMA.read_text())).validate(given)
    read_configuration(given, pytest.fail)


def test_a_first_try_of_your_photographs_has_the_steps_that_the_file_names():
    text = (ROOT / "config/photos.yaml").read_text()
    (section, shorter) = re.search(r"^#   '(\w+)=(\{.*\})'$", text, re.M).groups()
    given = yaml.safe_load(text)
    given[section] |= yaml.safe_load(shorter)
    found = read_configuration(given, pytest.fail).training
    assert found.steps == 20 < yaml.safe_load(text)["training"]["steps"] and found.init is True


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(yaml.safe_load(schema()))


def test_every_setting_is_explained():
    assert all(node.get("description") for _, node in settings())


def test_what_differs_from_the_paper_is_set_in_its_configuration_and_stated_with_its_readings():
    """config/places365.yaml follows the paper to the letter."""
    given = yaml.safe_load((ROOT / "config/places365.yaml").read_text())
    readings = (ROOT / "docs/paper.md").read_text()
    differing = {place: node for place, node in settings() if "paper" in node}
    assert len(differing) >= 5
    for place, node in differing.items():
        section, name = place.split(".")
        assert node["default"] != node["paper"] == given[section][name], place
        assert f"`{place}`" in readings, place


def test_the_setting_of_the_page_is_an_option_and_is_checked():
    (line,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/add-settings.md").read_text(), re.S)
    namespace = {"setting": setting, "Recipe": Recipe}
    exec("class Longer(Recipe):\n    " + line, namespace)
    longer = namespace["Longer"]
    parser, options = argparse.ArgumentParser(), Options(longer)
    options.add(parser)
    assert options.read(parser.parse_args(["--label-noise", "0.1"])).label_noise == 0.1
    with pytest.raises(CCCError, match="label_noise: Input should be less than or equal to 1, got 2"):
        longer.checked({"label_noise": 2})
