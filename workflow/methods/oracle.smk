# The ceiling of bin centres of the 400 classes on a map of 56x56: it looks at the truth.
use rule colorize as colorize_oracle with:
    input:
        pictures="results/benchmarks/{dataset}/truth",
        code=code("cli.colorize", "colorizers.oracle"),
    output:
        directory("results/colorized/oracle/plain/{dataset}"),
    log:
        "logs/colorize/oracle/{dataset}.log",
    benchmark:
        "results/timings/oracle/{dataset}.tsv"
    resources:
        gpu=0,
