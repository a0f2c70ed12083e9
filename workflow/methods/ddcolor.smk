rule colorize_ddcolor:
    input:
        gray="results/benchmarks/{dataset}/gray",
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
    conda:
        "../envs/ccc.yaml"
    resources:
        gpu=1,
    params:
        options=assignments("--option", config["baselines"]["ddcolor"]),
    shell:
        "ccc colorize {input.gray:q} --method ddcolor --weights {input.weights:q} -o {output:q}"
        " {params.options:q} 2>&1 | tee {log:q}"
