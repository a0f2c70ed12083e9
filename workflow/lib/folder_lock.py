"""Lets only one run at a time use a folder."""

import os
import socket
from pathlib import Path
from typing import TextIO

from filelock import lock_descriptor
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

_held: list[TextIO] = []  # a lock goes with its file, and this list with the process


def hold_folder(path: str | os.PathLike = ".snakemake/run.lock") -> None:
    """Lock this file of a folder until the process ends. Raises WorkflowError, naming the holder, if it is locked.

    Snakemake's own lock outlives a killed run and has to be removed by hand; the kernel's ends with the process.
    """
    folder = Path(path).absolute().parent.parent
    lock = open(path, "a+")
    try:
        if not lock_descriptor(lock.fileno(), blocking=False):
            lock.seek(0)
            raise WorkflowError(
                f"another run works in {folder}: {lock.read().strip()}. "
                "Wait for it, end it, or give this one another folder with --directory"
            )
    except OSError as error:
        logger.warning(
            f"{folder}: no locks on this file system ({error.strerror}): make sure that only one run works here"
        )
    lock.truncate(0)
    lock.write(f"process {os.getpid()} on {socket.gethostname()}")
    lock.flush()
    _held.append(lock)
