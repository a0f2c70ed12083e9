"""The settings that a model's file carries."""

import json
from collections.abc import Mapping

from ccc.settings.base import current_names
from ccc.settings.decoding import Decoding
from ccc.settings.training import Recipe


def model_settings(metadata: Mapping[str, str]) -> dict:
    """The settings in a model file's metadata, under today's names. Raises KeyError where there are none."""
    return current_names(json.loads(metadata["settings"]), Recipe, Decoding)[0]
