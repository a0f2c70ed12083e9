use rule colorize as colorize_ddcolor with:
    input:
        pictures="results/benchmarks/{dataset}/gray",
        weights=method_weights(
            "ddcolor", f"ddcolor_{config['baselines']['ddcolor']['model']}"
        ),
        code=code("cli.colorize", "colorizers.ddcolor"),
    output:
        directory("results/colorized/ddcolor/plain/{dataset}"),
    log:
        "logs/colorize/ddcolor/{dataset}.log",
    benchmark:
        "results/timings/ddcolor/{dataset}.tsv"
    params:
        options=assignments("--option", config["baselines"]["ddcolor"]),
