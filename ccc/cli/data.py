"""List, fetch and check public photograph sets, the paper's benchmarks among them.

Each set has a folder of its name in --data, $CCC_DATA or the cache (~/.cache/ccc/data), with the official file names;
archives are read in place. In a configuration, `source: coco` means the official part of that set. The workflow never
downloads a set.

  ccc data list                        sets with size, licence and location
  ccc data fetch coco flowers102       download; resumes interrupted downloads
  ccc data fetch imagenet --from FILE  use a file that you have: downloading this set requires agreeing to its terms
  ccc data check coco                  verify checksums, number of pictures and split file; also of a file or folder

ccc/assets/photographs.yaml holds addresses, checksums and their sources.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.assets import photographs
from ccc.cli.options import aligned
from ccc.cli.progress import transfer
from ccc.core.errors import CCCError, write_line


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "fetch", "check"), help="see the examples")
    parser.add_argument(
        "name", nargs="*", metavar="NAME|PATH", help="names of sets; for check also archives or their folders"
    )
    place = "with fetch: a file or folder to link or copy, or the URL of a file or of a mirror's folder"
    parser.add_argument("--from", dest="given", metavar="PLACE", help=place)
    folder = "folder of sets (default: $CCC_DATA, else ~/.cache/ccc/data)"
    parser.add_argument("--data", type=Path, metavar="FOLDER", help=folder)


def run(args: Namespace) -> int | None:
    if args.action != "list" and not args.name:
        raise CCCError(f"{args.action} needs names; known are {', '.join(photographs.known())}")
    if args.given and args.action != "fetch":
        raise CCCError("--from works only with fetch")
    return {"list": _list, "fetch": _fetch, "check": _check}[args.action](args)


def _list(args: Namespace):
    rows = [("name", "title", "pictures", "size", "licence", "where")]
    for dataset in map(photographs.named, args.name or photographs.known()):
        where = photographs.find(dataset, args.data) or ("get it by hand" if dataset.by_hand else "not at hand")
        rows.append((dataset.name, dataset.title, f"{dataset.count:,}", dataset.gigabytes, dataset.licence, str(where)))
    print(aligned(rows, left=(0, 1, 4, 5)))


def _fetch(args: Namespace):
    datasets = [photographs.named(name) for name in args.name]
    if args.given and len(datasets) > 1 and "://" not in args.given and not Path(args.given).is_dir():
        raise CCCError("--from FILE takes one set at a time; for several sets give a folder that holds their files")
    for dataset in datasets:
        print(f"{dataset.title}, {dataset.gigabytes}; licence: {dataset.licence}; see {dataset.page}")
        with transfer() as progress:
            done = photographs.fetch(dataset, args.data, args.given, progress)
        for path, how in done:
            print(f"  {path}: {how}")


def _check(args: Namespace):
    from ccc.data.datasets import verify

    wrong = 0
    for word in args.name:
        name = ""
        try:
            for dataset, place in photographs.at_hand(word, args.data):
                name = f"{dataset.name}: "
                print(f"{name}{place}: {verify(dataset, place)}")
        except CCCError as error:
            write_line(f"wrong: {name}{error}")
            wrong += 1
    return 2 if wrong else 0
