"""Output of a run: one line when a job starts, one when it ends, and Snakemake's error messages.

Snakemake's own output lists every input of every job, about sixty files of code each. It goes to .snakemake/log, and to
the terminal with --verbose.
"""

import copy
import logging
import textwrap
import time
from collections.abc import Callable, Collection

from snakemake_interface_logger_plugins.common import LogEvent

WIDTH = 160  # of a job's outputs and reason in a dry run
HIDDEN = {LogEvent.WORKFLOW_STARTED, LogEvent.RESOURCES_INFO, LogEvent.JOB_STARTED, LogEvent.PROGRESS}
# Messages of Snakemake that are the same in every run.
USELESS = (
    *("Select jobs to execute...", "Assuming unrestricted shared", "Using shell: ", "Conda environments: ignored"),
    *("Singularity containers: ignored", "Some jobs were triggered by provenance information"),
)
RED, PLAIN = "\033[31m", "\033[0m"


def quiet_output(logger: logging.Logger, dryrun: bool, missing: Callable[[Collection[str]], list[str]]) -> None:
    """Replace Snakemake's terminal handler with `Lines`, unless a logger plugin is used."""
    for usual in list(logger.handlers):
        if usual.name == "DefaultStreamHandler":
            logger.removeHandler(usual)
            logger.addHandler(Lines(usual, dryrun, missing))


class Lines(logging.StreamHandler):
    """One line per start and end of a job; other records formatted and filtered as by the handler `usual`.

    `missing`: from names of rules to lines about what stops their jobs, such as missing weights, for a dry run.
    """

    def __init__(self, usual: logging.StreamHandler, dryrun: bool, missing: Callable[[Collection[str]], list[str]]):
        super().__init__(usual.stream)
        self.missing = missing
        self.name, self.filters, self.formatter, self.dryrun = usual.name, usual.filters, usual.formatter, dryrun
        self.color = usual.stream.isatty()
        self.started: dict[int, tuple[str, float]] = {}  # label and start of running jobs by number
        self.done, self.total, self.begin = 0, 0, time.time()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if text := self.text(record):
                self.stream.write(f"{text}\n")
                self.flush()
        except BrokenPipeError:
            raise
        except Exception:
            self.handleError(record)

    def text(self, record: logging.LogRecord) -> str | None:
        """The text to print for a record; None or "" for nothing."""
        event = getattr(record, "event", None)
        if event in HIDDEN or str(record.msg).startswith(USELESS):
            return None
        if event == LogEvent.JOB_INFO:
            return self._planned(record) if self.dryrun else self._start(record)
        if event == LogEvent.JOB_FINISHED:
            return self._end(record)
        if event == LogEvent.JOB_ERROR:
            record = copy.copy(record)
            record.input = []
        if event == LogEvent.RUN_INFO:
            self.total = record.stats["total"] - record.stats.get("all", 0)  # which does nothing
            self.begin = time.time()
        text = self.format(record)
        if event == LogEvent.RUN_INFO and self.dryrun:
            text = "\n".join([text, *self.missing(set(record.stats))])
        return f"{RED}{text}{PLAIN}" if self.color and record.levelno >= logging.ERROR else text

    def _planned(self, record) -> str:
        outputs = textwrap.shorten(", ".join(record.output), WIDTH, placeholder=" ...")
        reason = textwrap.shorten(record.reason, WIDTH, placeholder=" ...")
        return f"{label(record)}: {outputs}\n    {reason}" if outputs else ""

    def _start(self, record) -> str:
        if not record.output:
            return ""  # `all`, which does nothing
        self.started[record.jobid] = label(record), time.time()
        return f"{time.strftime('[%H:%M:%S]')} {label(record)}: {', '.join(record.log) or 'no log'}"

    def _end(self, record) -> str:
        if record.job_id not in self.started:
            return ""
        self.done += 1
        name, start = self.started.pop(record.job_id)
        now = time.time()
        # No time left: in whole runs, neither the mean of all jobs nor that of each rule came within a factor of 2.
        count = f"{self.done} of {self.total} after {duration(now - self.begin)}"
        return f"{time.strftime('[%H:%M:%S]')} {name}: done in {duration(now - start)}, {count}"


def label(record) -> str:
    """A job's name: its rule and wildcards."""
    return " ".join([record.rule_name, *map(str, record.wildcards.values())])


def duration(seconds: float) -> str:
    """Seconds in words: "8 s", "3 min 20 s", "2 h 5 min"."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
