"""List, fetch and check public photograph sets, the paper's benchmarks among them.

Sets lie in folders of their names beneath the first of --data, $CCC_DATA and the cache (~/.cache/ccc/data), under
their official file names, and are read in place. In a configuration `source: coco` means the official part of that
set; a run of the workflow fetches nothing by itself.

  ccc data list                        what there is, how large, under which licence, and where it lies
  ccc data fetch coco flowers102       get them; a transfer that broke off is taken up where it stopped
  ccc data fetch imagenet --from FILE  take a file at hand: this set needs a person who agrees to its terms
  ccc data check coco                  checksums, number of pictures, split file; a file or a folder will do too

Addresses, checksums and where each is from stand in ccc/assets/photographs.yaml.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.cli.options import aligned
from ccc.cli.progress import transfer


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "fetch", "check"), help="as the examples show")
    parser.add_argument("name", nargs="*", metavar="NAME|PATH", help="sets; for check also archives or their folders")
    place = "with fetch: a file or folder at hand, linked or copied, or the address of a file or of a mirror's folder"
    parser.add_argument("--from", dest="given", metavar="PLACE", help=place)
    folder = "folder of sets (default: $CCC_DATA, else ~/.cache/ccc/data)"
    parser.add_argument("--data", type=Path, metavar="FOLDER", help=folder)


def run(args: Namespace) -> int | None:
    from ccc.assets.photographs import known
    from ccc.core.errors import CCCError

    if args.action != "list" and not args.name:
        raise CCCError(f"{args.action} takes names: there are {', '.join(known())}")
    if args.given and args.action != "fetch":
        raise CCCError("--from goes with fetch")
    return {"list": _list, "fetch": _fetch, "check": _check}[args.action](args)


def _list(args: Namespace):
    from ccc.assets.photographs import find, known, named

    rows = [("name", "what", "pictures", "size", "licence", "where")]
    for dataset in map(named, args.name or known()):
        where = find(dataset, args.data) or ("needs a person" if dataset.by_hand else "not at hand")
        rows.append((dataset.name, dataset.title, f"{dataset.count:,}", dataset.gigabytes, dataset.licence, str(where)))
    print(aligned(rows, left=(0, 1, 4, 5)))


def _fetch(args: Namespace):
    from ccc.assets.photographs import fetch, named
    from ccc.core.errors import CCCError

    datasets = [named(name) for name in args.name]
    if args.given and len(datasets) > 1 and "://" not in args.given and not Path(args.given).is_dir():
        raise CCCError("--from takes a file for one set at a time; give a folder that holds the files of several")
    for dataset in datasets:
        print(f"{dataset.title}, {dataset.gigabytes}; licence: {dataset.licence}; see {dataset.page}")
        with transfer() as progress:
            done = fetch(dataset, args.data, args.given, progress)
        for path, how in done:
            print(f"  {path}: {how}")


def _check(args: Namespace):
    from ccc.assets.photographs import at_hand
    from ccc.core.errors import CCCError, write_line
    from ccc.data.datasets import verify

    wrong = 0
    for word in args.name:
        name = ""
        try:
            for dataset, place in at_hand(word, args.data):
                name = f"{dataset.name}: "
                print(f"{name}{place}: {verify(dataset, place)}")
        except CCCError as error:
            write_line(f"wrong: {name}{error}")
            wrong += 1
    return 2 if wrong else 0
