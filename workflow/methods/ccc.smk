rule colorize_ccc:
    input:
        gray="results/benchmarks/{dataset}/gray",
        model=model_path(),
        code=code("cli.colorize", "colorizers.ccc"),
    output:
        directory("results/colorized/ccc/plain/{dataset}"),
    log:
        "logs/colorize/ccc/{dataset}.log",
    benchmark:
        "results/timings/ccc/{dataset}.tsv"
    conda:
        "../envs/ccc.yaml"
    resources:
        gpu=1,
    params:
        options=assignments("--option", config["colorize"]),
    shell:
        "ccc colorize {input.gray:q} --method ccc --weights {input.model:q} -o {output:q}"
        " {params.options:q} 2>&1 | tee {log:q}"
