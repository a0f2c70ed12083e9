"""Write a training shard: gray pictures and 56x56 class maps, with their histogram.

examples, the first of four shards, from a scan of the source or from an index for all four:
  ccc shard photos/ -o shards/00000.tar --shard 0 --of 4
  ccc index train_256.tar -o train.parquet --seed 0
  ccc shard train_256.tar --index train.parquet -o shards/00000.tar --shard 0 --of 4
The tar holds WebDataset samples: key.gray.jpg, lightness as gray levels, and key.classes.npy, the grid class of each
cell. Its histogram (.histogram.npy) and its statistics with every skipped picture (.json) are beside it; the .json is
written last, so that a tar without it is unfinished. Any number of jobs can write shards in any order; equal inputs
give equal bytes.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.cli.index import CHOICE, choice_of
from ccc.cli.options import add_allow_skipped, skipped_status
from ccc.cli.progress import bar
from ccc.settings.data import Data
from ccc.settings.options import Options

SHAPE = Options(Data, only=("size", "fit", "min_chroma"))


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source", help="folder (any depth), tar, tar.gz, zip, or a .txt list of pictures")
    parser.add_argument("-o", "--output", type=Path, required=True, help="tar to write")
    parser.add_argument("--shard", type=int, default=0, help="number of the shard, from 0 (default: %(default)s)")
    parser.add_argument("--of", type=int, default=1, help="number of shards in all (default: %(default)s)")
    SHAPE.add(parser)
    parser.add_argument(
        "--map-size", type=int, metavar="N", help="side of the class map (default: a quarter of --size)"
    )
    parser.add_argument("--index", type=Path, help="index of this source, by `ccc index` (default: scan the source)")
    CHOICE.add(parser)
    add_allow_skipped(parser)


def run(args: Namespace) -> int:
    from ccc.core.errors import CCCError
    from ccc.data.index import Choice
    from ccc.data.shards import NEARLY_GRAY, write_shard
    from ccc.data.sources import Source

    if args.of < 1 or not 0 <= args.shard < args.of:
        raise CCCError(f"--shard must be from 0 to {args.of - 1} (--of {args.of}), got {args.shard}")
    if args.output.suffix == ".json":
        raise CCCError(f"{args.output}: the statistics beside the tar get this name; let its own end in .tar")
    shape = SHAPE.read(args)
    if args.map_size not in (None, shape.size // 4):
        raise CCCError(f"--map-size must be a quarter of --size, got {args.map_size} and {shape.size}")
    choice = choice_of(args)
    if args.index and choice != Choice():
        raise CCCError(
            "--index already holds a choice: give --classes, --per-class, --limit and --seed to `ccc index` instead"
        )
    source = Source(args.source)
    statistics = write_shard(
        source, args.output, args.shard, args.of, shape.size, shape.size // 4, shape.fit, shape.min_chroma, choice,
        args.index,
        progress=lambda items, total: bar(items, f"shard {args.shard}", total),
    )  # fmt: skip
    skipped = statistics["skipped_by_reason"]
    print(
        f"{args.output}: {statistics['samples']} samples"
        + "".join(f", {count} skipped ({reason})" for reason, count in skipped.items())
    )
    for item in statistics["skipped"]:
        print(f"  skipped {item['name']}: {item['reason']}")
    for line in source.report():  # of a scan; `ccc index` reports its own
        print(f"  {line}")
    unread = sum(count for reason, count in skipped.items() if reason != NEARLY_GRAY)
    return skipped_status(args, unread + source.refused_by_reason.total())
