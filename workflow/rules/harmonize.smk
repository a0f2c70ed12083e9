rule harmonize:
    input:
        gray="results/benchmarks/{dataset}/gray",
        color="results/colorized/{method}/plain/{dataset}",
        masks=f"results/segments/{SEGMENTER}/{{dataset}}",
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
            {
                name: value
                for name, value in config["harmonize"].items()
                if name != "enabled"
            }
        ),
    shell:
        "ccc harmonize {input.gray:q} {input.color:q} --masks {input.masks:q} -o {output.color:q}"
        " --changes {output.changes:q} {params.options:q} 2>&1 | tee {log:q}"
