CODEBOOK_SHARDS = {"train": TRAINING_SHARDS, "validation": VALIDATION_SHARDS}[
    config["codebook"]["split"]
]


rule codebook:
    input:
        tars=CODEBOOK_SHARDS,
        histograms=beside(CODEBOOK_SHARDS, ".histogram.npy"),
        statistics=beside(CODEBOOK_SHARDS, ".json"),
        code=code("cli.codebook"),
    output:
        codebook="results/codebook.json",
        drawing=report(
            "results/codebook.svg",
            caption="../report/codebook.rst",
            category="Codebook",
        ),
    log:
        "logs/codebook.log",
    priority: 10  # the longest chain of jobs
    conda:
        "../envs/ccc.yaml"
    params:
        options=options(
            config["codebook"], only=("threshold", "relative_threshold", "mapping")
        ),
    shell:
        "ccc codebook {input.tars:q} -o {output.codebook:q} {params.options:q} 2>&1 | tee {log:q}"
