"""The `ccc` command: one verb a stage. Each verb is a module of this package with `add_arguments` and `run`."""

import argparse
import importlib
import os
import signal
import sys

from ccc import __version__
from ccc.core import processes
from ccc.core.errors import CCCError, did_you_mean, write_line

VERBS = {
    "embedded": "write the photographs that scikit-image ships: crops to train on, pictures to benchmark",
    "index": "list the photographs of a source once, with the place of their bytes, for all shards",
    "shard": "photographs to training shards: gray pictures and 56x56 class maps, with their histogram",
    "codebook": "sum the shards' histograms and choose the colour classes",
    "train": "train the CCC network on shards",
    "export": "a trained model for other programs: ONNX or torch.export",
    "data": "list, fetch and check public photograph sets, the paper's benchmarks among them",
    "prepare": "pick benchmark pictures and write their truth and gray versions",
    "showcase": "gather named pictures of prepared benchmarks as a benchmark of their own",
    "segment": "compute the masks of gray pictures once, for all methods",
    "colorize": "colour gray pictures with any method",
    "harmonize": "object-selective colour harmonization (Algorithm 1) of coloured pictures",
    "compare": "draw what harmonization changed: before and after, masks outlined, edges magnified",
    "ablate": "measure Algorithm 1 under every delta and Psi, after nearest and bilinear upsampling",
    "features": "Inception features of true pictures, once for all methods",
    "evaluate": "measure a folder of pictures against the true ones",
    "tables": "the paper's Tables I to VII, and every figure with its statistics, from stored metrics",
    "previews": "thumbnails, class maps and error maps of a folder of pictures",
    "report": "tables, pictures and plots as pages that open from disk",
    "metrics": "list the metrics and what each of them means",
    "provenance": "what a run was made of: versions, seeds, checksums",
    "methods": "list the colorization methods",
    "weights": "list the weight files and where they lie",
}


def _parser(verb: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ccc",
        description="Color Classified Colorization: every stage of the benchmark as a command.",
        epilog="`ccc VERB --help` explains a verb. The whole workflow runs with `snakemake --cores all`.",
    )
    parser.add_argument("--version", action="version", version=f"ccc {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, text in VERBS.items():
        sub = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if name == verb:  # only the verb that runs is imported: `ccc --help` stays quick
            module = importlib.import_module(f"ccc.cli.{name}")
            module.add_arguments(sub)
            if module.__doc__ and "\n" in module.__doc__.strip():
                sub.epilog = module.__doc__.strip().split("\n", 1)[1].strip()
                sub.formatter_class = argparse.RawDescriptionHelpFormatter
            shown = [action.option_strings for action in sub._actions if action.help != argparse.SUPPRESS]
            sub.set_defaults(handler=module.run, known_options=[option for options in shown for option in options])
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0 done, 1 nothing usable came out, 2 wrong input, 75 try again."""
    program, arguments = arguments is None, sys.argv[1:] if arguments is None else arguments
    verb = next((word for word in arguments if not word.startswith("-")), None)
    if program and hasattr(signal, "SIGPIPE"):  # a caller's process is not to end with its reader
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, _stop)
    try:
        if os.environ.get("CCC_PARENT"):
            processes.watch(*map(int, os.environ["CCC_PARENT"].split()))
        parser = _parser(verb if verb in VERBS else None)
        if not arguments:
            parser.print_help(sys.stderr)
            return 2
        parsed, unknown = parser.parse_known_args(arguments)
        if unknown:
            hint = did_you_mean(unknown[0].split("=")[0], parsed.known_options)
            raise CCCError(f"{unknown[0]}: no such option or argument: {hint}`ccc {verb} --help` shows them")
        return parsed.handler(parsed) or 0
    except CCCError as error:
        write_line(f"ccc {verb}: error: {error}")
        return getattr(error, "status", 2)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        write_line(f"ccc {verb}: error: {where}{error.strerror or error}")
        return 2
    except KeyboardInterrupt:
        write_line(f"ccc {verb}: interrupted; the same command goes on where files are whole")
        return 130


def _stop(number: int, frame) -> None:
    raise SystemExit(128 + number)  # unlike the signal's own way, it lets half-written files be removed


def threads() -> int:
    """Cores this process may use: what the scheduler set as OMP_NUM_THREADS, else all that it is allowed to run on."""
    return int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))
