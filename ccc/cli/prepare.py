"""A benchmark set from any folder or archive of photographs, or of the official part of a public set.

The choice depends on the seed and on the pictures alone. manifest.csv says which were taken: their place in the
source, the sha256 of the file there, and of the truth that is measured against.

  ccc prepare photos/ -o results/benchmarks/mine -n all
  ccc prepare flowers102 -o results/benchmarks/flowers102

The second takes 50 of the official test part of a set that `ccc data fetch` has brought.
"""

from pathlib import Path

from ccc.cli.progress import bar


def add_arguments(parser):
    parser.add_argument(
        "source", help="folder (any depth), tar, tar.gz, zip, .txt list of pictures, or a set of `ccc data list`"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for manifest.csv, truth/ and gray/")
    parser.add_argument("-n", "--count", default="50", help="how many pictures, or `all` (default: %(default)s)")
    parser.add_argument(
        "--dataset", metavar="NAME", help="take SOURCE, a path, as this set's archive, and only its official part"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random choice (default: %(default)s)")
    parser.add_argument(
        "--side", default="256", help="short side in pixels at which all is evaluated, or `keep` (default: %(default)s)"
    )


def run(args):
    from ccc.assets.photographs import named, resolve
    from ccc.core.errors import CCCError
    from ccc.data.benchmark import prepare

    try:
        count = None if args.count == "all" else int(args.count)
        side = None if args.side == "keep" else int(args.side)
    except ValueError as error:
        raise CCCError(f"--count takes a number or `all`, --side a number or `keep` ({error})") from None
    if (count is not None and count < 1) or (side is not None and side < 8):
        raise CCCError(f"--count must be at least 1 and --side at least 8, got {args.count} and {args.side}")
    source, dataset = resolve(args.source)
    if args.dataset:
        dataset = named(args.dataset)
    written, skipped = prepare(
        source, args.output, count, args.seed, side, dataset, lambda items: bar(items, "prepare")
    )
    print(f"{args.output}: {written} pictures, {len(skipped)} skipped")
    for error in skipped:
        print(f"  skipped {error}")
    if count is not None and written < count:
        print(f"  {args.source} holds fewer than the {count} asked for")
