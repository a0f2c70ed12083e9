"""A benchmark set from any folder or archive of photographs."""

from pathlib import Path

from ccc.cli.progress import bar


def add_arguments(parser):
    parser.add_argument("source", help="folder (any depth), tar, tar.gz, zip, or a .txt list of pictures")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for manifest.csv, truth/ and gray/")
    parser.add_argument("-n", "--count", default="50", help="how many pictures, or `all` (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the random choice (default: %(default)s)")
    parser.add_argument(
        "--side", default="256", help="short side in pixels at which all is evaluated, or `keep` (default: %(default)s)"
    )


def run(args):
    from ccc.benchmark import prepare
    from ccc.errors import CCCError

    try:
        count = None if args.count == "all" else int(args.count)
        side = None if args.side == "keep" else int(args.side)
    except ValueError as error:
        raise CCCError(f"--count takes a number or `all`, --side a number or `keep` ({error})") from None
    if (count is not None and count < 1) or (side is not None and side < 8):
        raise CCCError(f"--count must be at least 1 and --side at least 8, got {args.count} and {args.side}")
    written, skipped = prepare(args.source, args.output, count, args.seed, side, lambda items: bar(items, "prepare"))
    print(f"{args.output}: {written} pictures, {len(skipped)} skipped")
    for error in skipped:
        print(f"  skipped {error}")
    if count is not None and written < count:
        print(f"  {args.source} holds fewer than the {count} asked for")
