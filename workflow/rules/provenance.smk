# Files that identify a run. A shard's statistics hold the checksum of its tar, a manifest those of its pictures.
PROVENANCE = [
    *expand("results/benchmarks/{dataset}/manifest.csv", dataset=DATASETS),
    model_path(),
    *METRIC_WEIGHTS.values(),
    *([] if config["model"] else [*STATISTICS, "results/codebook.json"]),
]


# Runs after the tables, to record the environment that made them.
rule provenance:
    input:
        files=PROVENANCE,
        tables=rules.tables.output,
        code=code("cli.provenance"),
    output:
        f"{REPORT}/provenance.json",
    log:
        f"logs/provenance/{RUN}.log",
    conda:
        "../envs/ccc.yaml"
    params:
        configuration=lambda wildcards: json.dumps(config, sort_keys=True),
    shell:
        "ccc provenance {input.files:q} -o {output:q} --configuration {params.configuration:q} 2>&1 | tee {log:q}"
