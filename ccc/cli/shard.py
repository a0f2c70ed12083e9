"""One shard of training data.

example, the first of four shards of a tar in Places365's layout, read in place:
  ccc shard train_256.tar -o shards/00000.tar --shard 0 --of 4
Beside the tar lie its histogram (.histogram.npy) and its statistics with every skipped picture (.json).
"""

from pathlib import Path

from ccc.cli.progress import bar


def add_arguments(parser):
    parser.add_argument("source", help="folder (any depth), tar, tar.gz, zip, or a .txt list of pictures")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the tar to write")
    parser.add_argument("--shard", type=int, default=0, help="which shard, from 0 (default: %(default)s)")
    parser.add_argument("--of", type=int, default=1, help="how many shards in all (default: %(default)s)")
    parser.add_argument("--size", type=int, default=224, help="side of the gray picture (default: %(default)s)")
    parser.add_argument("--map-size", type=int, default=56, help="side of the class map (default: %(default)s)")
    parser.add_argument(
        "--fit", choices=("crop", "stretch"), default="crop", help="how a picture becomes square (default: %(default)s)"
    )
    parser.add_argument("--limit", type=int, help="use only this many pictures of the source")
    parser.add_argument("--seed", type=int, help="shuffle the pictures, always the same way, before slicing")


def run(args):
    from ccc.errors import CCCError
    from ccc.shards import write_shard

    if args.of < 1 or not 0 <= args.shard < args.of:
        raise CCCError(f"--shard must lie in 0 to {args.of - 1} (--of {args.of}), got {args.shard}")
    if args.size % 32 or args.map_size * 4 != args.size:
        raise CCCError(
            f"--size must be a multiple of 32 and --map-size a quarter of it, got {args.size} and {args.map_size}"
        )
    statistics = write_shard(
        args.source, args.output, args.shard, args.of, args.size, args.map_size, args.fit, args.limit, args.seed,
        progress=lambda items: bar(items, f"shard {args.shard}"),
    )  # fmt: skip
    skipped = statistics["skipped_by_reason"]
    print(
        f"{args.output}: {statistics['samples']} samples"
        + "".join(f", {count} skipped ({reason})" for reason, count in skipped.items())
    )
    for item in statistics["skipped"]:
        print(f"  skipped {item['name']}: {item['reason']}")
