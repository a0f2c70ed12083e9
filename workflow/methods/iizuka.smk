rule colorize_iizuka:
    input:
        gray="results/benchmarks/{dataset}/gray",
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
    conda:
        "../envs/ccc.yaml"
    resources:
        gpu=1,
    params:
        options=assignments("--option", config["baselines"]["iizuka"]),
    shell:
        "ccc colorize {input.gray:q} --method iizuka --weights {input.weights:q} -o {output:q}"
        " {params.options:q} 2>&1 | tee {log:q}"
