"""List the weight files and where they lie.

examples:
  ccc weights                              every file, and whether it is here
  ccc weights fetch cic deoldify_artistic  download, resumed and checked
  ccc weights fetch su --from FILE         check and copy a file that you have
  ccc weights path cic                     where it lies
  ccc weights verify                       check all that are here against what is known of them
Files lie in $CCC_WEIGHTS or the cache folder ($XDG_CACHE_HOME/ccc/weights, else ~/.cache/ccc/weights); those that
torch.hub has fetched are found too. Nothing is fetched by itself.
"""

import functools

from ccc.cli.progress import transfer


def add_arguments(parser):
    actions = ("list", "fetch", "path", "verify")
    parser.add_argument("action", nargs="?", choices=actions, default="list", help="default: %(default)s")
    parser.add_argument("name", nargs="*", help="of weight files; for list and verify, none means all")
    parser.add_argument("--from", dest="source", metavar="FILE", help="with fetch and one name: a file that you have")


def run(args):
    from ccc.assets import weights
    from ccc.core.errors import CCCError

    if args.action in ("fetch", "path") and not args.name:
        raise CCCError(f"{args.action} takes names: there are {', '.join(weights.known())}")
    if args.source and (args.action != "fetch" or len(args.name) != 1):
        raise CCCError("--from goes with fetch and one name")
    for name in args.name:
        weights.facts(name)  # a wrong name stops before any download
    if args.action == "list":
        print("files lie in", weights.folders()[0])
    fetch = functools.partial(_fetch, source=args.source)
    act = {"list": _list, "fetch": fetch, "path": weights.locate, "verify": _verify}[args.action]
    names = args.name or [name for name in weights.known() if args.action == "list" or weights.find(name)]
    wrong = 0
    for name in names:
        try:
            print(act(name))
        except CCCError as error:
            if args.action != "verify":
                raise
            print(f"{name}: {error}")
            wrong += 1
    return 2 if wrong else 0


def _list(name: str) -> str:
    from ccc.assets import weights

    facts = weights.facts(name)
    lines = [f"{name}: {facts['file']}, {weights.find(name) or 'not here'}"]
    lines += [f"{facts['used_by']}; {facts['source']}; {facts['licence']}", *filter(None, [facts.get("note")])]
    return "\n  ".join(lines)


def _fetch(name: str, source: str | None) -> str:
    from ccc.assets import weights

    with transfer() as report:
        path = weights.fetch(name, source, progress=functools.partial(report, name))
    return f"{path}: {weights.verify(name, path)}"


def _verify(name: str) -> str:
    from ccc.assets import weights

    return f"{name}: {weights.locate(name)}: {weights.verify(name)}"
