"""The state of a training run: saved whole, found again, and the signals on which it is saved."""

import hashlib
import io
import json
import signal
from collections.abc import Callable
from pathlib import Path

import torch

from ccc.core.files import write_bytes

REQUEUE = 75  # exit status of a run that was asked to stop and has saved its state: "try again later"


class States:
    """The saved states of one run, `FOLDER/FINGERPRINT/step-NUMBER.pt`, the last `keep` of them.

    `depends_on`: plain values that a state is of no use without, such as settings and what the data are; they make the
    fingerprint, so that a run with others neither finds nor harms these.
    """

    def __init__(self, folder: Path, depends_on: object, keep: int = 2):
        digest = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()
        self.folder, self.keep = Path(folder) / digest[:12], keep

    def save(self, step: int, state: dict) -> Path:
        """Write what `load` returns (tensors and plain values); then remove all but the last `keep`."""
        path = self.folder / f"step-{step:09d}.pt"
        buffer = io.BytesIO()  # torch writes to a full disk with errors that do not say so
        torch.save(state, buffer)
        write_bytes(path, buffer.getvalue())
        for old in sorted(self.folder.glob("step-*.pt"))[: -self.keep]:
            old.unlink()
        return path

    def load(self, say: Callable[[str], None]) -> dict | None:
        """The newest state that can be read, or None. One that cannot is renamed to `.broken`, and said so."""
        others = [path for path in self.folder.parent.glob("*/step-*.pt") if path.parent != self.folder]
        paths = sorted(self.folder.glob("step-*.pt"), reverse=True)
        if others and not paths:
            say(
                f"{others[0].parent} holds the state of a run with other settings or data, and is left as it is; its "
                "model and history are replaced by this run's"
            )
        for path in paths:
            try:
                return torch.load(path, map_location="cpu", weights_only=True)
            except Exception as error:  # any corruption: torch raises many kinds
                reason = (str(error) or type(error).__name__).splitlines()[0]
                say(f"warning: {path} cannot be read ({reason}); trying the state before it")
                path.replace(path.with_suffix(".broken"))
        return None


STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)  # on these a run saves its state and stops


class Signals:
    """Notes the signals of STOPS instead of dying, so that the loop can save and stop after its step."""

    def __enter__(self) -> "Signals":
        self.caught = ""
        self._before = {}
        for number in STOPS:
            if signal.getsignal(number) == signal.SIG_IGN:  # as under nohup
                continue
            try:
                self._before[number] = signal.signal(number, self._note)
            except ValueError:  # not the main thread: nobody can send us signals there
                break
        return self

    def _note(self, number: int, frame) -> None:
        self.caught = signal.Signals(number).name

    def __exit__(self, *error) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
