"""List, fetch and check weight files.

examples:
  ccc weights                              list all files and where they are
  ccc weights fetch cic deoldify_artistic  download and check; resumes interrupted downloads
  ccc weights fetch su --from FILE         check and copy a file that you have
  ccc weights path cic                     print the path of a file
  ccc weights fetch --all --from-mirror https://example.org/weights   all files, from your mirror first
  ccc weights verify                       check every file that is here
  ccc weights inspect FILE                 report content and loading errors, to paste into an issue; exit status 2 if
                                           all files are refused, 3 if some are
Files are in $CCC_WEIGHTS or the cache ($XDG_CACHE_HOME/ccc/weights, else ~/.cache/ccc/weights); files that torch.hub
downloaded are found too. No other command downloads weights.
"""

import functools
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.assets import weights
from ccc.cli.options import add_allow_skipped, skipped_status
from ccc.cli.progress import transfer
from ccc.core.errors import CCCError


def add_arguments(parser: ArgumentParser) -> None:
    actions = ("list", "fetch", "path", "verify", "inspect")
    parser.add_argument("action", nargs="?", choices=actions, default="list", help="default: %(default)s")
    parser.add_argument(
        "name", nargs="*", help="weight files (default for list and verify: all); for inspect, paths of files"
    )
    parser.add_argument("--from", dest="source", metavar="FILE", help="with fetch and one name: use this file")
    parser.add_argument("--all", action="store_true", help="with fetch: all files, about 12 GB")
    add_allow_skipped(parser)
    parser.add_argument("--from-mirror", metavar="URL", help="with fetch: try URL/FILE before the published addresses")


def run(args: Namespace) -> int:
    if args.action == "inspect":
        return _inspect(args)
    if args.all and (args.action != "fetch" or args.name or args.source):
        raise CCCError("--all works only with fetch and without names")
    if args.action in ("fetch", "path") and not (args.name or args.all):
        raise CCCError(f"{args.action} needs names; known are {', '.join(weights.known())}")
    if args.source and (args.action != "fetch" or len(args.name) != 1 or args.from_mirror):
        raise CCCError("--from works only with fetch and one name")
    if args.from_mirror and args.action != "fetch":
        raise CCCError("--from-mirror works only with fetch")
    for name in args.name:
        weights.facts(name)  # refuse a wrong name before any download
    if args.action == "list":
        print("files are in", next(iter(weights.folders()), "no folder yet: set CCC_WEIGHTS or XDG_CACHE_HOME"))
    fetch = functools.partial(_fetch, source=args.source, mirror=args.from_mirror)
    act = {"list": _list, "fetch": fetch, "path": weights.locate, "verify": _verify}[args.action]
    everything = args.all or args.action == "list"
    names = args.name or [name for name in weights.known() if everything or weights.find(name)]
    wrong = 0
    for name in names:
        try:
            print(act(name))
        except CCCError as error:
            if args.action != "verify" and not args.all:
                raise
            print(f"{name}: {error}")
            wrong += 1
    return 2 if wrong else 0


def _inspect(args: Namespace) -> int:
    from ccc.cli.inspection import inspect, refused

    files = []  # each with the name that follows it, or None
    for word in args.name:
        if files and files[-1][1] is None and word in weights.known() and files[-1][0] not in weights.known():
            files[-1] = files[-1][0], word
        else:
            files.append((word, None))
    if not files:
        raise CCCError(
            "inspect needs files, each followed by its name in `ccc weights list` if the file is named differently"
        )
    paths = [(weights.locate(file) if file in weights.known() else Path(file), name) for file, name in files]
    for path, _ in paths:
        if not path.is_file():
            kind = "a folder; give one of its files" if path.is_dir() else "no file; give a file of weights"
            raise CCCError(f"{path}: {kind}" if path.exists() else f"{path}: no such file")
    wrong = 0
    for path, name in paths:
        lines = list(inspect(path, name))
        print("\n".join(lines))
        wrong += any(map(refused, lines))
    return 2 if wrong == len(paths) else skipped_status(args, wrong)


def _list(name: str) -> str:
    facts = weights.facts(name)
    size = facts.get("size") or facts.get("at_least")
    amount = f"{'' if facts.get('size') else 'at least '}{size / 1e6:,.0f} MB" if size else "size unknown"
    lines = [f"{name}: {facts['file']}, {amount}, {weights.find(name) or 'not here'}"]
    lines += [f"{facts['used_by']}; {facts['source']}; {facts['licence']}", *filter(None, [facts.get("note")])]
    return "\n  ".join(lines)


def _fetch(name: str, source: str | None, mirror: str | None) -> str:
    if mirror:
        source = f"{mirror.rstrip('/')}/{weights.facts(name)['file']}"
    with transfer() as report:
        path = weights.fetch(name, source, progress=functools.partial(report, name))
    return f"{path}: {weights.verify(name, path)}"


def _verify(name: str) -> str:
    return f"{name}: {weights.locate(name)}: {weights.verify(name)}"
