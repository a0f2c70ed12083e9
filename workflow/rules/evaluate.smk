rule evaluate:
    input:
        prediction="results/colorized/{method}/{variant}/{dataset}",
        truth="results/benchmarks/{dataset}/truth",
        changes=branch(
            lambda wildcards: wildcards.variant == "sam",
            then="results/harmonized/{method}/{dataset}.csv",
            otherwise=[],
        ),
        codebook=CODEBOOK,
        weights=list(METRIC_WEIGHTS.values()),
        code=code("cli.evaluate"),
    output:
        csv="results/metrics/{method}/{variant}/{dataset}.csv",
        json="results/metrics/{method}/{variant}/{dataset}.json",
    log:
        "logs/evaluate/{method}/{variant}/{dataset}.log",
    conda:
        "../envs/ccc.yaml"
    params:
        title=lambda wildcards: title(wildcards.method),
        harmonized=lambda wildcards, input: (
            ["--segmenter", SEGMENTER, "--changes", input.changes]
            if wildcards.variant == "sam"
            else []
        ),
        options=assignments("--weights", METRIC_WEIGHTS)
        + (["--metrics", ",".join(config["metrics"])] if config["metrics"] else []),
        codebook=lambda wildcards, input: options({"codebook": input.codebook}),
        # Not an output: Snakemake deletes those before it runs a job, and what is here saves a later one its work.
        cache="results/cache/metrics",
    shell:
        "ccc evaluate {input.prediction:q} {input.truth:q} --csv {output.csv:q} --json {output.json:q}"
        " --method {wildcards.method:q} --variant {wildcards.variant} --dataset {wildcards.dataset:q}"
        " --title {params.title:q} --cache {params.cache} {params.harmonized:q} {params.options:q} {params.codebook:q}"
        " > {log:q} 2>&1"
