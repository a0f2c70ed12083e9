rule codebook:
    input:
        tars=TRAINING_SHARDS,
        histograms=beside(TRAINING_SHARDS, ".histogram.npy"),
        statistics=beside(TRAINING_SHARDS, ".json"),
        code=code("cli.codebook"),
    output:
        codebook="results/codebook.json",
        drawing="results/codebook.svg",
    log:
        "logs/codebook.log",
    conda:
        "../envs/ccc.yaml"
    params:
        options=options(config["codebook"]),
    shell:
        "ccc codebook {input.tars:q} -o {output.codebook:q} {params.options:q} 2>&1 | tee {log:q}"
