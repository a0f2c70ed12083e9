use rule colorize as colorize_iizuka with:
    input:
        pictures="results/benchmarks/{dataset}/gray",
        weights=method_weights(
            "iizuka",
            {"places": "iizuka", "imagenet": "iizuka_imagenet"}[
                config["baselines"]["iizuka"]["model"]
            ],
        ),
        code=code("cli.colorize", "colorizers.iizuka"),
    output:
        directory("results/colorized/iizuka/plain/{dataset}"),
    log:
        "logs/colorize/iizuka/{dataset}.log",
    benchmark:
        "results/timings/iizuka/{dataset}.tsv"
    params:
        options=assignments("--option", config["baselines"]["iizuka"]),
