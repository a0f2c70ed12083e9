"""Every setting, declared once: type, default, range or choices, and a line of help.

A section of the configuration is a class, a stage of the pipeline a module. From them come the configuration's schema
and the table in config/README.md (`python -m ccc.settings` writes both), the options of the command, and the sentence
for a wrong value.
"""

from ccc.settings.base import Section, current_names
from ccc.settings.configuration import Configuration, read_configuration
from ccc.settings.options import Options
from ccc.settings.training import Recipe, Training

__all__ = ["Configuration", "Options", "Recipe", "Section", "Training", "current_names", "read_configuration"]
