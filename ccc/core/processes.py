"""A process that ends with the one it works for.

An engine that is killed leaves its jobs running. Left alone, such an orphan goes on writing into folders in which the
next run works. CCC_PARENT, which the workflow sets, names the process to end with, or several, any of which is missed;
without it nothing is watched.
"""

import os
import select
import signal
import threading

from ccc.core.errors import CCCError

GRACE = 60  # seconds from the polite signal, on which training saves its state, to the one nobody can refuse

_parents: "list[Parent]" = []


class Orphaned(CCCError):
    """The process this one works for has ended."""


class Parent:
    """A process of this machine, by its number."""

    def __init__(self, number: int):
        self.number = number
        self._handle = None
        self._gone = False
        try:
            if hasattr(os, "pidfd_open"):
                self._handle = os.pidfd_open(number)
            else:
                os.kill(number, 0)
        except ProcessLookupError:
            self._gone = True

    def ended(self, wait: float = 0) -> bool:
        """Whether it has ended, after at most `wait` seconds."""
        if self._gone:
            return True
        if self._handle is not None:
            poll = select.poll()
            poll.register(self._handle, select.POLLIN)
            self._gone = bool(poll.poll(wait * 1000))
            return self._gone
        threading.Event().wait(wait)
        try:
            os.kill(self.number, 0)
        except ProcessLookupError:
            self._gone = True
        return self._gone


def watch(*numbers: int) -> None:
    """End this process soon after one of the processes `numbers` has: SIGTERM, and SIGKILL a minute later.

    Raises Orphaned where one has ended already.
    """
    _parents[:] = map(Parent, numbers)
    check()
    for parent in _parents:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def check() -> None:
    """Raise Orphaned where a process this one works for has ended. Cheap: to be called before each file appears."""
    for parent in _parents:
        if parent.ended():
            raise Orphaned(f"process {parent.number}, for which this one works, has ended: nothing more is written")


def _end_with(parent: Parent) -> None:
    while not parent.ended(wait=1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(GRACE)
    os.kill(os.getpid(), signal.SIGKILL)
