"""Ends this process with the process that started it.

A killed workflow engine leaves its jobs running, which would then write into the folders of the next run. The workflow
sets CCC_PARENT to one or several process ids; the job ends when any of these does. Without it nothing is watched.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

from ccc.core.errors import CCCError

if TYPE_CHECKING:
    import psutil

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)  # on these training saves its state and stops
GRACE = 60  # seconds from the polite signal, on which training saves its state, to the one nobody can refuse

_parents: list[psutil.Process] = []


class Orphaned(CCCError):
    """The process this one works for has ended."""


def watch(*numbers: int) -> None:
    """End this process soon after one of the processes `numbers` has: SIGTERM, and SIGKILL a minute later.

    Raises Orphaned where one has ended already.
    """
    import psutil  # every command reads this module, and few watch anything

    try:
        _parents[:] = map(psutil.Process, numbers)
    except psutil.NoSuchProcess as error:
        raise Orphaned(_gone(error.pid)) from None
    check()
    threading.Thread(target=_end_with_them, daemon=True).start()


def check() -> None:
    """Raise Orphaned if a watched process has ended. Cheap enough to call before each file is put in place."""
    for parent in _parents:
        if _ended(parent):
            raise Orphaned(_gone(parent.pid))


def _gone(number: int) -> str:
    return f"process {number}, for which this one works, has ended: nothing more is written"


def _ended(process: psutil.Process) -> bool:
    import psutil

    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _end_with_them() -> None:
    while not any(map(_ended, _parents)):
        time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os.kill(os.getpid(), signal.SIGKILL)
