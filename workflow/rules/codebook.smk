rule codebook:
    input:
        tars=TRAINING_SHARDS,
        histograms=[Path(path).with_suffix(".histogram.npy").as_posix() for path in TRAINING_SHARDS],
        statistics=[Path(path).with_suffix(".json").as_posix() for path in TRAINING_SHARDS],
        code=code("cli.codebook"),
    output:
        "results/codebook.json",
    log:
        "logs/codebook.log",
    params:
        options=options(config["codebook"]),
    conda:
        "../envs/ccc.yaml"
    shell:
        "ccc codebook {input.tars:q} -o {output:q} {params.options:q} 2>&1 | tee {log:q}"
