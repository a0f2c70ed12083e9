# Which benchmark pictures are among the photographs that this run trains CCC on.
LEAKAGE = (
    expand("results/leakage/{dataset}.json", dataset=BENCHMARKS)
    if MODEL and not config["model"]
    else []
)


rule leakage:
    input:
        manifest="results/benchmarks/{dataset}/manifest.csv",
        shards=TRAINING_SHARDS + VALIDATION_SHARDS,
        pictures=beside(TRAINING_SHARDS + VALIDATION_SHARDS, ".pictures.parquet"),
        statistics=STATISTICS,
        code=code("cli.leakage"),
    output:
        "results/leakage/{dataset}.json",
    log:
        "logs/leakage/{dataset}.log",
    conda:
        "../envs/ccc.yaml"
    shell:
        "ccc leakage {input.manifest:q} {input.shards:q} -o {output:q} 2>&1 | tee {log:q}"
