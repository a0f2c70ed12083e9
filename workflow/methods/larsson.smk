use rule colorize as colorize_larsson with:
    input:
        pictures="results/benchmarks/{dataset}/gray",
        weights=method_weights("larsson", "larsson"),
        code=code("cli.colorize", "colorizers.larsson"),
    output:
        directory("results/colorized/larsson/plain/{dataset}"),
    log:
        "logs/colorize/larsson/{dataset}.log",
    benchmark:
        "results/timings/larsson/{dataset}.tsv"
