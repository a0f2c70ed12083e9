"""The `ccc` command: one verb per stage, each a module of this package with `add_arguments` and `run`."""

import argparse
import importlib
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from ccc import __version__
from ccc.core import processes
from ccc.core.errors import STATUSES, CCCError, did_you_mean, first_line, unknown, write_line

_ORDER = """
embedded index shard codebook train export data prepare showcase leakage segment colorize harmonize compare ablate
features evaluate tables previews report metrics provenance methods weights
""".split()


def _summary(verb: str) -> str:
    """The first line of a verb's module, read without importing it so that `ccc --help` stays fast."""
    with open(Path(__file__).with_name(f"{verb}.py"), encoding="utf-8") as file:
        return file.readline().strip().strip('"')


VERBS = {verb: _summary(verb) for verb in _ORDER}


class _Parser(argparse.ArgumentParser):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.register("type", Path, _path)

    def error(self, message: str) -> NoReturn:
        raise CCCError(f"{message}; see `{self.prog} --help`")


def _path(text: str) -> Path:
    if not text:  # `Path` would take the working folder
        raise argparse.ArgumentTypeError("an empty name; give a path, or check the variable that should hold it")
    return Path(text) if Path(text).name else Path(os.path.abspath(text))  # "." has no name that a suffix can follow


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *args, **kwargs) -> None:
        from ccc.report.provenance import commit

        print(f"ccc {__version__}" + (f" ({found})" if (found := commit()) else ""))
        parser.exit()


def _parser(verb: str | None) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="ccc",
        description="Color Classified Colorization: every stage of the benchmark as a command.",
        epilog="`ccc VERB --help` explains a verb. The whole workflow runs with `snakemake --cores all`.\n\n"
        + "\n".join(["exit status:", *(f"{number:>5}  {text}" for number, text in STATUSES.items())]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, default=argparse.SUPPRESS, help="print version and commit, then exit"
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, text in VERBS.items():
        sub = verbs.add_parser(name, help=text[0].lower() + text[1:].rstrip("."), description=text)
        if name == verb:  # no other is imported
            module = importlib.import_module(f"ccc.cli.{name}")
            module.add_arguments(sub)
            sub.epilog = (module.__doc__ or "").partition("\n")[2].strip()
            sub.formatter_class = argparse.RawDescriptionHelpFormatter
            shown = [action for action in sub._actions if action.help != argparse.SUPPRESS]
            sub.set_defaults(handler=module.run, known_options=[flag for each in shown for flag in each.option_strings])
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status, one of `ccc.core.errors.STATUSES`."""
    program, arguments = arguments is None, sys.argv[1:] if arguments is None else arguments
    verb = next((word for word in arguments if not word.startswith("-")), None)
    if program and hasattr(signal, "SIGPIPE"):  # a Python caller keeps its own handler
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, _stop)
    try:
        if os.environ.get("CCC_PARENT"):
            processes.watch(*map(int, os.environ["CCC_PARENT"].split()))
        if verb and verb not in VERBS:
            raise unknown("verb", verb, VERBS)
        parser = _parser(verb)
        if not arguments:
            parser.print_help(sys.stderr)
            return 2
        parsed, left = parser.parse_known_args(arguments)
        if getattr(parsed, "name", None) == [] and not any(word.startswith("-") for word in left):
            parsed.name, left = left, []  # argparse rejects names that follow an option
        if left:
            hint = did_you_mean(left[0].split("=")[0], parsed.known_options)
            raise CCCError(f"{left[0]}: no such option or argument: {hint}see `ccc {verb} --help`")
        _refuse_overwriting(parsed)
        return parsed.handler(parsed) or 0
    except CCCError as error:
        message, status = str(error), error.status
    except OSError as error:
        message, status = (f"{error.filename}: " if error.filename else "") + first_line(error), 2
        if isinstance(error, (NotADirectoryError, FileExistsError)):
            message += "; a file is where a folder is needed: write to another folder"
        elif isinstance(error, IsADirectoryError):
            message += "; a folder is where a file is needed: give another name"
    except MemoryError:
        message, status = "out of memory; free some, or lower CCC_MAX_PICTURE_MB to skip large pictures", 2
    except KeyboardInterrupt:
        write_line(f"ccc {verb}: interrupted; run the same command again to resume")
        return 130
    write_line(f"ccc {verb}: error: {message}" if verb else f"ccc: error: {message}")
    return status


def _refuse_overwriting(args: argparse.Namespace) -> None:
    """Raise CCCError if a file to write is also read, or named twice.

    `args.outputs`, set by a verb's `add_arguments`, names the options of files to write; by default `output`.
    """
    outputs, written = getattr(args, "outputs", ("output",)), {}
    for path in (getattr(args, name, None) for name in outputs):
        if isinstance(path, Path) and written.setdefault(os.path.realpath(path), path) is not path:
            raise CCCError(f"{path}: is to be written by two options; give each a name of its own")
    for name, value in vars(args).items():
        values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
        for path in values if name not in outputs else ():
            if isinstance(path, str | Path) and os.path.isfile(path) and os.path.realpath(path) in written:
                raise CCCError(f"{path}: would be overwritten, but it is read, too; write to another name")


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)  # unlike the default handler, this removes half-written files


def threads() -> int:
    """Number of cores to use: OMP_NUM_THREADS, which a scheduler sets, else the cores that this process may run on."""
    return int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))
