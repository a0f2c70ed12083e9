# A job measures one family of metrics of one cell, with that family's inputs and code only.
FAMILIES = families.chosen(
    config["metrics"], METRIC_WEIGHTS, bool(CODEBOOK), config["allow_missing"]
)
# The network of each file of the truth's features.
NETWORKS = {name: network for network, name in families.FEATURES.items()}


# Runs once for all methods; not at all without the network's weights, since its metrics are then missing.
rule features:
    input:
        truth="results/benchmarks/{dataset}/truth",
        weights=lambda wildcards: METRIC_WEIGHTS.get(NETWORKS[wildcards.features], []),
        code=code("cli.features"),
    output:
        "results/benchmarks/{dataset}/{features}.npz",
    log:
        "logs/{features}/{dataset}.log",
    wildcard_constraints:
        features="|".join(NETWORKS),
    conda:
        "../envs/ccc.yaml"
    params:
        network=lookup(dpath="{features}", within=NETWORKS),
    shell:
        "ccc features {input.truth:q} -o {output:q} --network {params.network} --weights {input.weights:q}"
        " > {log:q} 2>&1"


rule evaluate:
    input:
        prediction="results/colorized/{method}/{variant}/{dataset}",
        truth="results/benchmarks/{dataset}/truth",
        changes=branch(
            lambda wildcards: wildcards.variant == "sam",
            then="results/harmonized/{method}/{dataset}.csv",
            otherwise=[],
        ),
        codebook=lambda wildcards: (
            CODEBOOK if FAMILIES[wildcards.family].codebook else []
        ),
        features=branch(
            lambda wildcards: FAMILIES[wildcards.family].features,
            then=lambda wildcards: (
                f"results/benchmarks/{wildcards.dataset}/{FAMILIES[wildcards.family].features}.npz"
            ),
            otherwise=[],
        ),
        weights=lambda wildcards: list(FAMILIES[wildcards.family].weights.values()),
        # The ImageNet class of each picture, given by the user.
        labels=lambda wildcards: [
            path
            for path in [f"results/benchmarks/{wildcards.dataset}/labels.csv"]
            if wildcards.family == "semantic" and os.path.exists(path)
        ],
        code=lambda wildcards: code("cli.evaluate", FAMILIES[wildcards.family].module),
    output:
        csv="results/metrics/{method}/{variant}/{dataset}/{family}.csv",
        json="results/metrics/{method}/{variant}/{dataset}/{family}.json",
    log:
        "logs/evaluate/{method}/{variant}/{dataset}/{family}.log",
    wildcard_constraints:
        family="|".join(map(re.escape, FAMILIES)),
    conda:
        "../envs/ccc.yaml"
    params:
        harmonized=lambda wildcards, input: (
            ["--segmenter", SEGMENTER, "--changes", input.changes]
            if wildcards.variant == "sam"
            else []
        ),
        metrics=lambda wildcards: options(
            {"metrics": ",".join(FAMILIES[wildcards.family].metrics) or None}
        ),
        weights=lambda wildcards: assignments(
            "--weights", FAMILIES[wildcards.family].weights
        ),
        files=lambda wildcards, input: options(
            {"codebook": input.codebook, "features": input.features}
        ),
    shell:
        "ccc evaluate {input.prediction:q} {input.truth:q} --csv {output.csv:q} --json {output.json:q}"
        " --method {wildcards.method:q} --variant {wildcards.variant} --dataset {wildcards.dataset:q}"
        " --family {wildcards.family:q} {params.metrics:q} {params.harmonized:q} {params.weights:q} {params.files:q}"
        " --allow-skipped > {log:q} 2>&1"
