"""The configuration with all defaults; what is wrong in it stops the run before any work."""

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from ccc.core.errors import CCCError
from ccc.settings.configuration import read_configuration


def checked_config(given: dict) -> dict:
    """`given` under today's names with the defaults of `ccc.settings`. Raises a WorkflowError that names all wrong."""
    try:
        return read_configuration(given, logger.warning).model_dump()
    except CCCError as error:
        lines = ["The configuration is wrong:", *str(error).splitlines()]
        raise WorkflowError("\n  ".join(lines)) from None
