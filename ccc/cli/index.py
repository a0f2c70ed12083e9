"""List the photographs of a source, with the positions of their bytes, once for all shards.

examples:
  ccc index train_256_places365standard.tar -o train.parquet --seed 0
  ccc shard train_256_places365standard.tar --index train.parquet -o shards/00007.tar --shard 7 --of 180
  ccc index photos/ -o few.parquet --classes beach valley --per-class 100
A source is a folder of any depth, a tar, tar.gz or zip read in place, or a .txt list of files, one per line. The index
(Parquet) lists the chosen pictures in order, with offset and size of their bytes; the manifest beside it (.json) tells
what was found, refused and chosen, and how. The class of a picture is its folder, after Places365's single letter:
data_256/a/abbey/00000001.jpg has the class abbey. `ccc shard` refuses the index if the source has changed.
Every shard job reads a compressed tar from its start: decompress large ones first.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ccc.cli.options import add_allow_skipped, skipped_status
from ccc.cli.progress import bar
from ccc.settings.data import Data
from ccc.settings.options import Options

if TYPE_CHECKING:
    from ccc.data.index import Choice

CHOICE = Options(Data, only=("classes", "per_class", "limit", "seed"), defaults={"seed": None})


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source", help="folder (any depth), tar, tar.gz, zip, or a .txt list of pictures")
    parser.add_argument("-o", "--output", type=Path, required=True, help="index to write, a .parquet file")
    CHOICE.add(parser)
    add_allow_skipped(parser)


def choice_of(args: Namespace) -> "Choice":
    """The `Choice` given by the options of CHOICE."""
    from ccc.data.index import Choice

    chosen = CHOICE.read(args)
    return Choice(tuple(chosen.classes), chosen.per_class, chosen.limit, chosen.seed)


def run(args: Namespace) -> int:
    from ccc.core.errors import CCCError
    from ccc.data.index import Index
    from ccc.data.sources import Source

    if args.output.suffix != ".parquet":
        raise CCCError(
            f"{args.output}: the name of an index must end in .parquet; its manifest gets the same name with .json"
        )
    source = Source(args.source)
    index = Index.of(source, choice_of(args), lambda items: bar(items, "index"))
    index.save(args.output)
    facts = index.facts
    print(f"{args.output}: {facts['words']}; {len(facts['classes']):,} classes")
    for line in source.report():
        print(f"  {line}")
    return skipped_status(args, sum(facts["refused_by_reason"].values()))
