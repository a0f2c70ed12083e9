use rule colorize as colorize_gray with:
    input:
        pictures="results/benchmarks/{dataset}/gray",
        code=code("cli.colorize", "colorizers.gray"),
    output:
        directory("results/colorized/gray/plain/{dataset}"),
    log:
        "logs/colorize/gray/{dataset}.log",
    benchmark:
        "results/timings/gray/{dataset}.tsv"
    resources:
        gpu=0,
