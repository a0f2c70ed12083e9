rule segment:
    input:
        gray="results/benchmarks/{dataset}/gray",
        checkpoint=config["segmenter"]["checkpoint"] or [],
        code=code("cli.segment"),
    output:
        directory(f"results/segments/{SEGMENTER}/{{dataset}}"),
    log:
        f"logs/segment/{SEGMENTER}/{{dataset}}.log",
    conda:
        "../envs/ccc.yaml"
    resources:
        gpu=1,
    params:
        options=["--segmenter", SEGMENTER]
        + options({"checkpoint": config["segmenter"]["checkpoint"]})
        + assignments("--option", config["segmenter"]["parameters"]),
    shell:
        "ccc segment {input.gray:q} -o {output:q} {params.options:q} 2>&1 | tee {log:q}"
