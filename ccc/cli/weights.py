"""List the weight files and where they lie.

examples:
  ccc weights                              every file, and whether it is here
  ccc weights fetch cic deoldify_artistic  download, resumed and checked
  ccc weights fetch su --from FILE         check and copy a file that you have
  ccc weights path cic                     where it lies
  ccc weights fetch --all --from-mirror https://example.org/weights   all of them, from a copy of your own first
  ccc weights verify                       check all that are here against what is known of them
  ccc weights inspect FILE                 what it holds and why it is refused, to paste into an issue; the status
                                           is 2 where all files are refused, 3 where some are
Files lie in $CCC_WEIGHTS or the cache folder ($XDG_CACHE_HOME/ccc/weights, else ~/.cache/ccc/weights); those that
torch.hub has fetched are found too. Nothing is fetched by itself.
"""

import functools
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.cli.options import add_allow_skipped, skipped_status
from ccc.cli.progress import transfer


def add_arguments(parser: ArgumentParser) -> None:
    actions = ("list", "fetch", "path", "verify", "inspect")
    parser.add_argument("action", nargs="?", choices=actions, default="list", help="default: %(default)s")
    parser.add_argument(
        "name", nargs="*", help="of weight files; for list and verify, none means all; for inspect files"
    )
    parser.add_argument("--from", dest="source", metavar="FILE", help="with fetch and one name: a file that you have")
    parser.add_argument("--all", action="store_true", help="with fetch: every file, some 12 GB")
    add_allow_skipped(parser)
    parser.add_argument(
        "--from-mirror", metavar="URL", help="with fetch: try URL/FILE, FILE as published, before the known addresses"
    )


def run(args: Namespace) -> int:
    from ccc.assets import weights
    from ccc.core.errors import CCCError

    if args.action == "inspect":
        return _inspect(args)
    if args.all and (args.action != "fetch" or args.name or args.source):
        raise CCCError("--all goes with fetch, without names")
    if args.action in ("fetch", "path") and not (args.name or args.all):
        raise CCCError(f"{args.action} takes names: there are {', '.join(weights.known())}")
    if args.source and (args.action != "fetch" or len(args.name) != 1 or args.from_mirror):
        raise CCCError("--from goes with fetch and one name")
    if args.from_mirror and args.action != "fetch":
        raise CCCError("--from-mirror goes with fetch")
    for name in args.name:
        weights.facts(name)  # a wrong name stops before any download
    if args.action == "list":
        print("files lie in", next(iter(weights.folders()), "no folder yet: set CCC_WEIGHTS or XDG_CACHE_HOME"))
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
    from ccc.assets import weights
    from ccc.cli.inspection import inspect, refused
    from ccc.core.errors import CCCError

    files = []  # each with the name that follows it, or None
    for word in args.name:
        if files and files[-1][1] is None and word in weights.known() and files[-1][0] not in weights.known():
            files[-1] = files[-1][0], word
        else:
            files.append((word, None))
    if not files:
        raise CCCError("inspect takes files, and after each, where it is called otherwise, its name in the list")
    paths = [(weights.locate(file) if file in weights.known() else Path(file), name) for file, name in files]
    for path, _ in paths:
        if not path.is_file():
            raise CCCError(
                f"{path}: no file; of a folder name one of its files" if path.exists() else f"{path}: no such file"
            )
    wrong = 0
    for path, name in paths:
        lines = list(inspect(path, name))
        print("\n".join(lines))
        wrong += any(map(refused, lines))
    return 2 if wrong == len(paths) else skipped_status(args, wrong)


def _list(name: str) -> str:
    from ccc.assets import weights

    facts = weights.facts(name)
    lines = [f"{name}: {facts['file']}, {weights.find(name) or 'not here'}"]
    lines += [f"{facts['used_by']}; {facts['source']}; {facts['licence']}", *filter(None, [facts.get("note")])]
    return "\n  ".join(lines)


def _fetch(name: str, source: str | None, mirror: str | None) -> str:
    from ccc.assets import weights

    if mirror:
        source = f"{mirror.rstrip('/')}/{weights.facts(name)['file']}"
    with transfer() as report:
        path = weights.fetch(name, source, progress=functools.partial(report, name))
    return f"{path}: {weights.verify(name, path)}"


def _verify(name: str) -> str:
    from ccc.assets import weights

    return f"{name}: {weights.locate(name)}: {weights.verify(name)}"
