# The mean colour of CCC's training photographs; without CCC, of the packaged model's.
use rule colorize as colorize_constant with:
    input:
        pictures="results/benchmarks/{dataset}/gray",
        weights=lambda wildcards: CODEBOOK or os.path.relpath(PACKAGED),
        code=code("cli.colorize", "colorizers.constant"),
    output:
        directory("results/colorized/constant/plain/{dataset}"),
    log:
        "logs/colorize/constant/{dataset}.log",
    benchmark:
        "results/timings/constant/{dataset}.tsv"
    resources:
        gpu=0,
