"""One shard of training data.

examples, the first of four shards, from a scan of the source and from an index that serves all four:
  ccc shard photos/ -o shards/00000.tar --shard 0 --of 4
  ccc index train_256.tar -o train.parquet --seed 0
  ccc shard train_256.tar --index train.parquet -o shards/00000.tar --shard 0 --of 4
The tar holds samples for WebDataset: key.gray.jpg, lightness as gray levels, and key.classes.npy, the grid class of
each cell. Beside it lie its histogram (.histogram.npy) and its statistics with every skipped picture (.json), which
appear last: a tar without its .json is unfinished. Shards may be written in any order and by any number of jobs;
equal inputs give equal bytes.
"""

from pathlib import Path

from ccc.cli.index import add_choice, choice_of
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
    parser.add_argument("--index", type=Path, help="what `ccc index` wrote of this source; without it, scan the source")
    add_choice(parser)


def run(args):
    from ccc.core.errors import CCCError
    from ccc.data.index import Choice
    from ccc.data.shards import write_shard

    if args.of < 1 or not 0 <= args.shard < args.of:
        raise CCCError(f"--shard must lie in 0 to {args.of - 1} (--of {args.of}), got {args.shard}")
    if args.size % 32 or args.map_size * 4 != args.size:
        raise CCCError(
            f"--size must be a multiple of 32 and --map-size a quarter of it, got {args.size} and {args.map_size}"
        )
    choice = choice_of(args)
    if args.index and choice != Choice():
        raise CCCError(
            "with --index the choice was made by `ccc index`: give it --classes, --per-class, --limit, --seed"
        )
    statistics = write_shard(
        args.source, args.output, args.shard, args.of, args.size, args.map_size, args.fit, choice, args.index,
        progress=lambda items, total: bar(items, f"shard {args.shard}", total),
    )  # fmt: skip
    skipped = statistics["skipped_by_reason"]
    print(
        f"{args.output}: {statistics['samples']} samples"
        + "".join(f", {count} skipped ({reason})" for reason, count in skipped.items())
    )
    for item in statistics["skipped"]:
        print(f"  skipped {item['name']}: {item['reason']}")
