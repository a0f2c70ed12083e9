use rule colorize as colorize_deoldify with:
    input:
        pictures="results/benchmarks/{dataset}/gray",
        weights=method_weights(
            "deoldify", f"deoldify_{config['baselines']['deoldify']['model']}"
        ),
        code=code("cli.colorize", "colorizers.deoldify"),
    output:
        directory("results/colorized/deoldify/plain/{dataset}"),
    log:
        "logs/colorize/deoldify/{dataset}.log",
    benchmark:
        "results/timings/deoldify/{dataset}.tsv"
    params:
        options=assignments("--option", config["baselines"]["deoldify"]),
