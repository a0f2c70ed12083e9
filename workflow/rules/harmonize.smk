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
        options=options(config["harmonize"], only=ALGORITHM),
    shell:
        "ccc harmonize {input.gray:q} {input.color:q} --masks {input.masks:q} -o {output.color:q}"
        " --changes {output.changes:q} {params.options:q} 2>&1 | tee {log:q}"


# CCC's class maps, brought to full size in the way that the plain variant was not.
rule upsample:
    input:
        gray="results/benchmarks/{dataset}/gray",
        model=model_path(),
        code=code("cli.colorize", "colorizers.ccc"),
    output:
        directory("results/upsampled/{upsample}/{dataset}"),
    log:
        "logs/upsample/{upsample}/{dataset}.log",
    conda:
        "../envs/ccc.yaml"
    resources:
        gpu=1,
    params:
        options=lambda wildcards: assignments(
            "--option", config["colorize"] | {"upsample": wildcards.upsample}
        ),
    shell:
        "ccc colorize {input.gray:q} --method ccc --weights {input.model:q} -o {output:q}"
        " {params.options:q} 2>&1 | tee {log:q}"
