use rule colorize as colorize_cic with:
    input:
        pictures="results/benchmarks/{dataset}/gray",
        weights=method_weights("cic", "cic"),
        code=code("cli.colorize", "colorizers.cic"),
    output:
        directory("results/colorized/cic/plain/{dataset}"),
    log:
        "logs/colorize/cic/{dataset}.log",
    benchmark:
        "results/timings/cic/{dataset}.tsv"
