"""The state of a training run: written atomically, checked when read, and saved on signals."""

import hashlib
import io
import json
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import torch

from ccc.core.errors import CCCError, first_line
from ccc.core.files import written_whole
from ccc.core.processes import STOPS

REQUEUE = 75  # exit status after saving the state on a signal: EX_TEMPFAIL, "try again later"
CHECKSUM_SIZE = hashlib.sha256().digest_size  # bytes


class Damaged(CCCError):
    """A state whose checksum does not match its bytes."""


def write_state(path: Path, state: dict) -> None:
    """Write tensors and plain values with torch.save, followed by the SHA-256 of these bytes."""
    buffer = io.BytesIO()  # torch's own errors do not say that a disk is full
    torch.save(state, buffer)
    buffer.write(hashlib.sha256(buffer.getbuffer()).digest())
    with written_whole(path) as scratch:
        scratch.write_bytes(buffer.getbuffer())


def read_state(path: Path) -> dict:
    """Read a file of `write_state` to the CPU.

    Raises Damaged if the checksum does not match, CCCError if the file cannot be read or loaded.
    """
    content = _checked(path)
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types, including MemoryError
        raise CCCError(
            f"{path} is intact but cannot be loaded ({first_line(error)}); remove it to resume from the state before it"
        ) from None


def _checked(path: Path) -> memoryview:
    """The bytes before the checksum; raises as `read_state`."""
    try:
        data = memoryview(path.read_bytes())
    except OSError as error:  # a network or disk error: the bytes may be intact
        raise CCCError(
            f"{path} cannot be read ({first_line(error)}) and is left as it is; run the same command again"
        ) from None
    content, checksum = data[:-CHECKSUM_SIZE], data[-CHECKSUM_SIZE:]
    if hashlib.sha256(content).digest() != checksum:
        raise Damaged(f"{path} is damaged: its checksum does not fit")
    return content


class States:
    """The last `keep` saved states of one run, `FOLDER/FINGERPRINT/step-NUMBER.pt`.

    `depends_on`: plain values that a state is valid for, such as settings and checksums of the data. The fingerprint is
    their hash, so a run with other values neither reads nor changes these states.
    """

    def __init__(self, folder: Path, depends_on: object, keep: int = 2):
        digest = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()
        self.folder, self.keep = Path(folder) / digest[:12], keep
        self.start = self.furthest = 0  # step that this run resumed from; last step saved by earlier runs

    def paths(self) -> list[Path]:
        """States to resume from, newest first."""
        return sorted(self.folder.glob("step-*.pt"), reverse=True)

    def save(self, step: int, state: dict) -> None:
        """Write a state (tensors and plain values), then remove all but the last `keep`."""
        write_state(self.folder / f"step-{step:09d}.pt", state)
        for old in self.paths()[self.keep :]:
            old.unlink()

    def newest(self, log: Callable[[str], None]) -> Path | None:
        """Returns the newest intact state, or None for a new run.

        Damaged states are logged and renamed to `.damaged`. Raises CCCError for a state that cannot be read, which is
        kept, and if all states led to non-finite numbers (see `go_back`).
        """
        others = [path for path in self.folder.parent.glob("*/step-*.pt") if path.parent != self.folder]
        if others and not self.paths():
            log(
                f"{others[0].parent} holds the state of a run with other settings or data and is kept; "
                "this run replaces its model and history"
            )
        for path in self.paths():
            try:
                _checked(path)
                break
            except Damaged as error:
                path.replace(path.with_suffix(".damaged"))
                next_state = "the state before it is used" if self.paths() else "no other is left: training starts anew"
                log(f"warning: {error}; it is renamed to {path.stem}.damaged; {next_state}")
        diverged = sorted(self.folder.glob("step-*.diverged"), reverse=True)
        if diverged and not self.paths():
            raise CCCError(
                f"all states in {self.folder} led to numbers that are not finite; use a lower learning rate or another "
                "seed, or remove this folder to start anew"
            )
        self.furthest = max(map(_step, self.paths() + diverged), default=0)
        newest = next(iter(self.paths()), None)
        self.start = _step(newest) if newest else 0
        return newest

    def go_back(self) -> str:
        """Prepare the next run after non-finite numbers; return what the same command will do, for the message.

        The next run retries the newest state, in case the device erred. If this run got no further than earlier ones,
        the state that it resumed from and all later ones are renamed to `.diverged`: the next run starts further back.
        """
        paths = self.paths()
        advice = "a lower learning rate or another seed starts anew"
        if not paths:
            return f"no state is saved yet: {advice}"
        if _step(paths[0]) > self.furthest:
            return f"the same command resumes at step {_step(paths[0])}; {advice}"
        back = [path for path in paths if _step(path) >= self.start]
        for path in back:
            path.replace(path.with_suffix(".diverged"))
        names = ", ".join(f"{path.stem}.diverged" for path in back)
        left = self.paths()
        next_state = f"the same command resumes at step {_step(left[0])}" if left else "no earlier one is left"
        return f"the states that led there are renamed to {names} in {self.folder}; {next_state}; {advice}"


def _step(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


class Signals:
    """Records the signals of STOPS, so that the training loop can save its state and stop after the current step."""

    def __enter__(self) -> "Signals":
        self.caught = ""
        self._before = {}
        for number in STOPS:
            if signal.getsignal(number) == signal.SIG_IGN:  # as under nohup
                continue
            try:
                self._before[number] = signal.signal(number, self._note)
            except ValueError:  # not the main thread, which alone receives signals
                break
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.caught = signal.Signals(number).name

    def __exit__(self, *error) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
