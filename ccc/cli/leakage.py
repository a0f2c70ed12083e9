"""Look for a benchmark's pictures among training photographs, by their bytes and by how they look.

example:
  ccc leakage results/benchmarks/coco/manifest.csv results/shards/*/*.tar -o results/leakage/coco.json
Photographs are compared by the SHA-256 of their files and by a perceptual hash, which survives another size and JPEG
quality, and no crop: `ccc prepare` and `ccc shard` note both.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("manifest", type=Path, help="manifest.csv of `ccc prepare`")
    parser.add_argument("shards", nargs="+", type=Path, help="tars of `ccc shard`; the folder of each names its split")
    parser.add_argument("-o", "--output", type=Path, required=True, help="JSON file of what was found")


def run(args: Namespace) -> None:
    from ccc.core.files import write_json
    from ccc.data.leakage import compare, words
    from ccc.data.shards import read_statistics, refuse_twice

    statistics = read_statistics(args.shards)
    refuse_twice(args.shards, statistics)
    facts = compare(args.manifest, args.shards, statistics)
    write_json(args.output, facts)
    print(f"{facts['benchmark']}: {words(facts)}")
