"""Search the training photographs for a benchmark's pictures, by file hash and perceptual hash.

example:
  ccc leakage results/benchmarks/coco/manifest.csv results/shards/*/*.tar -o results/leakage/coco.json
`ccc prepare` and `ccc shard` record both hashes. The perceptual hash survives resizing and JPEG compression, but not
cropping.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("manifest", type=Path, help="manifest.csv of `ccc prepare`")
    parser.add_argument(
        "shards", nargs="+", type=Path, help="tars of `ccc shard`; the name of their folder is the split"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="JSON file to write")


def run(args: Namespace) -> None:
    from ccc.core.files import write_json
    from ccc.data.leakage import compare, words
    from ccc.data.shards import read_statistics, refuse_twice

    statistics = read_statistics(args.shards)
    refuse_twice(args.shards, statistics)
    facts = compare(args.manifest, args.shards, statistics)
    write_json(args.output, facts)
    print(f"{facts['benchmark']}: {words(facts)}")
