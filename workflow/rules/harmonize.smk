ABLATION = options(
    {
        "count": config["harmonize"]["ablation"]["pictures"],
        "delta": config["harmonize"]["ablation"]["deltas"],
        "min_pixels": config["harmonize"]["ablation"]["min_pixels"],
    }
)


rule harmonize:
    input:
        gray="results/benchmarks/{dataset}/gray",
        color=lambda wildcards: before_harmonizing(wildcards.method, wildcards.dataset),
        masks=f"results/segments/{SEGMENTER}/{{dataset}}.json",
        code=code("cli.harmonize"),
    output:
        color=directory("results/colorized/{method}/sam/{dataset}"),
        changes="results/harmonized/{method}/{dataset}.csv",
    log:
        "logs/harmonize/{method}/{dataset}.log",
    conda:
        "../envs/ccc.yaml"
    params:
        options=options(
            config["harmonize"],
            only=Algorithm.model_fields,
        ),
    shell:
        "ccc harmonize {input.gray:q} {input.color:q} --masks {input.masks:q} -o {output.color:q}"
        " --changes {output.changes:q} {params.options:q} 2>&1 | tee {log:q}"


# The class maps of `ccc` at full size, by the upsampling that its plain variant does not use.
rule upsample:
    input:
        gray="results/benchmarks/{dataset}/gray",
        model=model_path(),
        code=code("cli.colorize", "colorizers.ccc"),
    output:
        directory("results/upsampled/nearest/{dataset}"),
    log:
        "logs/upsample/nearest/{dataset}.log",
    conda:
        "../envs/ccc.yaml"
    resources:
        gpu=1,
    params:
        options=[
            *assignments("--option", PAPERS_DECODING | {"upsample": "nearest"}),
            "--keep-ab",
        ],
    shell:
        "ccc colorize {input.gray:q} --method ccc --weights {input.model:q} -o {output:q}"
        " {params.options:q} 2>&1 | tee {log:q}"


rule ablate:
    input:
        gray="results/benchmarks/{dataset}/gray",
        truth="results/benchmarks/{dataset}/truth",
        nearest="results/upsampled/nearest/{dataset}",
        bilinear="results/colorized/ccc/plain/{dataset}",
        masks=f"results/segments/{SEGMENTER}/{{dataset}}.json",
        code=code("cli.ablate"),
    output:
        "results/ablation/{dataset}.csv",
    log:
        "logs/ablate/{dataset}.log",
    conda:
        "../envs/ccc.yaml"
    params:
        settings=ABLATION,
        options=options(
            config["harmonize"], only=Algorithm.model_fields.keys() - PRINTED
        ),
    shell:
        "ccc ablate {input.gray:q} {input.truth:q} --color nearest={input.nearest:q} --color bilinear={input.bilinear:q}"
        " --masks {input.masks:q} -o {output:q} {params.settings:q} {params.options:q} 2>&1 | tee {log:q}"


rule compare:
    input:
        gray="results/benchmarks/{dataset}/gray",
        truth="results/benchmarks/{dataset}/truth",
        before=lambda wildcards: before_harmonizing(wildcards.method, wildcards.dataset),
        after="results/colorized/{method}/sam/{dataset}",
        masks=f"results/segments/{SEGMENTER}/{{dataset}}.json",
        code=code("cli.compare"),
    output:
        directory(f"{REPORT}/harmonization/{{method}}/{{dataset}}"),
    log:
        "logs/compare/{method}/{dataset}.log",
    conda:
        "../envs/ccc.yaml"
    params:
        list_files=LIST_FILES,
        options=options({"min_pixels": config["harmonize"]["min_pixels"]}),
    shell:
        "ccc compare {input.gray:q} {input.before:q} {input.after:q} --masks {input.masks:q} --truth {input.truth:q}"
        " -o {output:q} {params.options:q} 2>&1 | tee {log:q}"
        " && {params.list_files} {output:q}"


COMPARISONS = (
    expand(
        f"{REPORT}/harmonization/{{method}}/{{dataset}}",
        method=METHODS,
        dataset=BENCHMARKS,
    )
    if "sam" in VARIANTS
    else []
)
ABLATIONS = (
    expand("results/ablation/{dataset}.csv", dataset=BENCHMARKS)
    if COMPARISONS and "ccc" in METHODS
    else []
)
