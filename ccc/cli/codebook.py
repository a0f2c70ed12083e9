"""Sum the shards' histograms and choose the colour classes.

Keeps those of the 400 bins of the ab plane that have enough cells, and maps every other bin to the nearest kept one
(Eq. 12 of the paper). Also draws the colours and frequencies of the classes, as in the paper's Fig. 6 and 7, in an .svg
beside the codebook. The paper's choice, for the shards of any photographs:

  ccc codebook results/shards/train/*.tar --relative-threshold 4.55e-6 -o results/codebook.json
"""

import math
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.settings.data import PAPERS_THRESHOLD, CodebookChoice
from ccc.settings.options import Options

CHOICE = Options(CodebookChoice, only=("threshold", "relative_threshold", "mapping"))


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "shards", nargs="+", type=Path, help="shard tars, with their histograms and statistics beside them"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="codebook to write (JSON)")
    CHOICE.add(parser)


def run(args: Namespace) -> None:
    from ccc.codebook import Codebook
    from ccc.core.errors import CCCError
    from ccc.data.shards import AGAIN, NEAR_GRAY, read_statistics, refuse_twice, sum_histograms
    from ccc.report.codebook import describe, draw

    choice = CHOICE.read(args)
    drawing = args.output.with_suffix(".svg")
    if args.output == drawing:
        raise CCCError(f"{args.output}: the drawing beside the codebook gets this name; let its own end in .json")
    statistics = read_statistics(args.shards)
    refuse_twice(args.shards, statistics)
    histograms = {path: sum_histograms([path]) for path in (tar.with_suffix(".histogram.npy") for tar in args.shards)}
    for (path, own), facts in zip(histograms.items(), statistics, strict=True):
        if own.sum() != facts["samples"] * facts["map_size"] ** 2:
            raise CCCError(f"{path}: does not count the cells of the shard's {facts['samples']:,} photographs; {AGAIN}")
    first, *others = histograms.values()
    counts = sum(others, first)
    threshold = choice.threshold or PAPERS_THRESHOLD
    if choice.relative_threshold is not None:
        threshold = max(math.ceil(choice.relative_threshold * counts.sum()), 1)
    codebook = Codebook.fit(
        counts, threshold, choice.mapping, clamped=sum(item["clamped_cells"] for item in statistics)
    )
    photographs = sum(item["samples"] for item in statistics)
    near = sum(item["near_gray"] for item in statistics)
    share = f"{near:,} of {photographs:,} photographs ({near / photographs:.1%})"
    gray = f"{share} have a mean chroma below {NEAR_GRAY}"
    if codebook.size < 2:
        raise CCCError(
            f"codebook: only one class is kept, so there is nothing to learn; nearly gray: {gray}; use photographs "
            "in colour, or lower the threshold"
        )
    codebook.save(args.output)
    draw(codebook, drawing)
    print(f"{args.output}, drawing in {drawing}:")
    for name, text in [*describe(codebook), ("nearly gray", gray)]:
        print(f"  {name}: {text}")
