"""A run prints a few lines a job; the command and the log of one that fails are among them."""

import io
import logging
import re
import time

import pytest
from snakemake.logging import ColorizingTextHandler, DefaultFormatter
from snakemake_interface_logger_plugins.common import LogEvent

from workflow.lib.output import Lines, duration, quiet_output

pytestmark = pytest.mark.slow

SMALL = {"methods": ["gray"], "metrics": ["psnr"], "harmonize": {"enabled": False}}


def logged(dryrun: bool = False, missing=lambda rules: []):
    """A logger as Snakemake sets it up, made quiet, and what it prints."""
    stream, logger = io.StringIO(), logging.Logger("test")
    handler = ColorizingTextHandler(stream=stream, formatter=DefaultFormatter(show_failed_logs=True))
    handler.name = "DefaultStreamHandler"
    logger.addHandler(handler)
    quiet_output(logger, dryrun, missing)
    return logger, stream


def job(**more):
    facts = {"jobid": 7, "rule_name": "evaluate", "wildcards": {"method": "ccc", "dataset": "people"}, "indent": False}
    files = {"input": ["code.py"] * 60, "output": ["results/a.csv"], "log": ["logs/a.log"], "reason": "no reason " * 60}
    return facts | files | more


def test_a_job_is_two_lines(monkeypatch):
    logger, stream = logged()
    logger.info(None, extra={"event": LogEvent.RUN_INFO, "stats": {"all": 1, "total": 89}})
    stream.truncate(0)
    for event, facts in (
        (LogEvent.RESOURCES_INFO, {"cores": 2}),
        (LogEvent.JOB_STARTED, {"jobs": [7]}),
        (LogEvent.JOB_INFO, job()),
    ):
        logger.info("some words", extra={"event": event} | facts)
    seconds = time.time()
    monkeypatch.setattr(time, "time", lambda: seconds + 65)
    for event, facts in (
        (LogEvent.JOB_FINISHED, {"job_id": 7}),
        (LogEvent.PROGRESS, {"done": 1, "total": 88}),
    ):
        logger.info("some words", extra={"event": event} | facts)
    assert [re.sub(r"^[\0\n]*\[[\d:]{8}\] ", "", line) for line in stream.getvalue().splitlines()] == [
        "evaluate ccc people: logs/a.log", "evaluate ccc people: done in 1 min 5 s, 1 of 88 after 1 min 5 s",
    ]  # fmt: skip


def test_a_dry_run_says_of_a_job_what_it_would_make_and_why():
    logger, stream = logged(dryrun=True)
    logger.info("some words", extra={"event": LogEvent.JOB_INFO} | job())
    first, second = stream.getvalue().splitlines()
    assert first == "evaluate ccc people: results/a.csv"
    assert second.startswith("    no reason no reason") and len(second) < 170 and second.endswith(" ...")


def test_a_dry_run_says_what_the_jobs_will_lack_and_a_run_has_stopped_for_it():
    for dryrun in (True, False):
        logger, stream = logged(dryrun, lambda rules: [f"{name}: no weights" for name in rules & {"segment"}])
        logger.info("table", extra={"event": LogEvent.RUN_INFO, "stats": {"segment": 3, "all": 1, "total": 4}})
        assert ("segment: no weights\n" in stream.getvalue()) == dryrun


def test_an_error_has_the_command_and_the_log_but_no_list_of_code(tmp_path):
    (tmp_path / "a.log").write_text("what went wrong\n")
    logger, stream = logged()
    facts = job(log=[str(tmp_path / "a.log")], shellcmd="ccc evaluate", conda_env=None, aux={}, rule_msg=None)
    logger.error("some words", extra={"event": LogEvent.JOB_ERROR} | facts)
    printed = stream.getvalue()
    assert "Error in rule evaluate" in printed and "ccc evaluate" in printed and "what went wrong" in printed
    assert "code.py" not in printed
    logger.warning("a warning")
    assert stream.getvalue().endswith("a warning\n")


def test_another_handler_of_the_terminal_is_left_alone():
    logger, handler = logging.Logger("test"), logging.StreamHandler()
    logger.addHandler(handler)
    quiet_output(logger, False, lambda rules: [])
    assert logger.handlers == [handler] and not isinstance(handler, Lines)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations_are_told_in_two_units(seconds, words):
    assert duration(seconds) == words


def test_a_run_prints_three_lines_a_job_and_verbose_prints_all(checkout):
    project = checkout("output")
    project.configure(SMALL)
    run = project.run("results/metrics/gray/plain/people/pixel.csv", "results/previews/gray/plain/people")
    assert run.returncode == 0, run.output
    assert "ccc/cli" not in run.output and "\nPSNR" not in run.output
    jobs = run.output.split("Job stats:")[1].split("\n\n", 1)[1].split("Complete log")[0].splitlines()
    assert len(jobs) <= 3 * 4 and "prepare people: done in " in run.output and ", 4 of 4 after " in run.output
    assert "PSNR" in (project.folder / "logs/evaluate/gray/plain/people/pixel.log").read_text()
    assert "ccc/cli/prepare.py" in next((project.folder / ".snakemake/log").iterdir()).read_text()
    assert "ccc/cli/prepare.py" in project.run("-n", "--forceall", "--verbose", "results/benchmarks/people/gray").output
