# Upper bound for the bin centres of the 400 classes on a 56x56 map: it uses the truth.
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
