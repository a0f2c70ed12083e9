"""Sum the shards' histograms and choose the colour classes.

Of the 400 bins of the ab plane, those with enough cells are kept and every other goes to its nearest kept one (Eq. 12
of the paper). Beside the codebook a drawing is written, its name ending in .svg: the colours of the kept classes and
how often every class occurs, as the paper's Fig. 6 and 7 show them. What the paper did, over the shards of any
photographs:

  ccc codebook results/shards/train/*.tar --relative-threshold 4.55e-6 -o results/codebook.json
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.settings.data import PAPERS_THRESHOLD, CodebookChoice
from ccc.settings.options import Options

CHOICE = Options(CodebookChoice, only=("threshold", "relative_threshold", "mapping"))


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "shards", nargs="+", type=Path, help="shard tars; their histograms and statistics lie beside them"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="the codebook to write (JSON)")
    CHOICE.add(parser)


def run(args: Namespace) -> None:
    import math

    from ccc.codebook import Codebook
    from ccc.core.errors import CCCError
    from ccc.data.shards import NEAR_GRAY, read_statistics, refuse_twice, sum_histograms
    from ccc.report.codebook import describe, draw

    choice = CHOICE.read(args)
    statistics = read_statistics(args.shards)
    refuse_twice(args.shards, statistics)
    counts = sum_histograms([path.with_suffix(".histogram.npy") for path in args.shards])
    threshold = choice.threshold or PAPERS_THRESHOLD
    if choice.relative_threshold is not None:
        threshold = max(math.ceil(choice.relative_threshold * counts.sum()), 1)
    codebook = Codebook.fit(
        counts, threshold, choice.mapping, clamped=sum(item["clamped_cells"] for item in statistics)
    )
    photographs = sum(item["samples"] for item in statistics)
    known = [item["near_gray"] for item in statistics if "near_gray" in item]
    gray = "not counted: the shards are of an earlier release"
    if len(known) == len(statistics):
        share = f"{sum(known):,} of {photographs:,} photographs ({sum(known) / photographs:.1%})"
        gray = f"{share} have a mean chroma below {NEAR_GRAY}"
    if codebook.size < 2:
        raise CCCError(
            f"codebook: one class alone is kept, so nothing can be learned; nearly gray: {gray}; shard photographs "
            "in colour, or lower the threshold"
        )
    drawing = args.output.with_suffix(".svg")
    codebook.save(args.output)
    draw(codebook, drawing)
    print(f"{args.output}, drawn in {drawing}:")
    for name, text in [*describe(codebook), ("nearly gray", gray)]:
        print(f"  {name}: {text}")
