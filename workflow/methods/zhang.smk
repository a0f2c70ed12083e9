use rule colorize as colorize_zhang with:
    input:
        pictures="results/benchmarks/{dataset}/gray",
        weights=method_weights("zhang", "zhang"),
        code=code("cli.colorize", "colorizers.zhang"),
    output:
        directory("results/colorized/zhang/plain/{dataset}"),
    log:
        "logs/colorize/zhang/{dataset}.log",
    benchmark:
        "results/timings/zhang/{dataset}.tsv"
