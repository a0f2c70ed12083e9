"""Weight files: which are known, which are here, and how to get them.

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
    parser.add_argument(
        "action", nargs="?", choices=("list", "fetch", "path", "verify"), default="list", help="default: %(default)s"
    )
    parser.add_argument("name", nargs="*", help="of weight files; for list and verify, none means all")
    parser.add_argument("--from", dest="source", metavar="FILE", help="with fetch and one name: a file that you have")


def run(args):
    from ccc.assets import weights
    from ccc.core.errors import CCCError

    if args.action in ("fetch", "path") and not args.name:
        raise CCCError(f"{args.action} takes names: there are {', '.join(weights.known())}")
    if args.source and (args.action != "fetch" or len(args.name) != 1):
        raise CCCError("--from goes with fetch and one name")
    return {"list": _list, "fetch": _fetch, "path": _path, "verify": _verify}[args.action](args)


def _list(args):
    from ccc.assets import weights

    print("files lie in", weights.folders()[0])
    for name in args.name or weights.known():
        facts = weights.facts(name)
        there = weights.find(name)
        print(f"{name}: {facts['file']}, {there or 'not here'}")
        print(f"  {facts['used_by']}; {facts['source']}; {facts['licence']}")
        if facts.get("note"):
            print(f"  {facts['note']}")


def _fetch(args):
    from ccc.assets import weights

    for name in args.name:
        weights.facts(name)  # a wrong name stops before any download
    for name in args.name:
        with transfer() as report:
            path = weights.fetch(name, args.source, progress=functools.partial(report, name))
        print(f"{path}: {weights.verify(name, path)}")


def _path(args):
    from ccc.assets import weights

    for name in args.name:
        print(weights.locate(name))


def _verify(args):
    from ccc.assets import weights
    from ccc.core.errors import CCCError

    wrong = 0
    for name in args.name or [name for name in weights.known() if weights.find(name)]:
        try:
            path = weights.locate(name)
            print(f"{name}: {path}: {weights.verify(name, path)}")
        except CCCError as error:
            print(f"{name}: {error}")
            wrong += 1
    return 2 if wrong else 0
