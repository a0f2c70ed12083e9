rule colorize_zhang:
    input:
        gray="results/benchmarks/{dataset}/gray",
        weights=method_weights("zhang", "zhang"),
        code=code("cli.colorize", "colorizers.zhang"),
    output:
        directory("results/colorized/zhang/plain/{dataset}"),
    log:
        "logs/colorize/zhang/{dataset}.log",
    benchmark:
        "results/timings/zhang/{dataset}.tsv"
    conda:
        "../envs/ccc.yaml"
    resources:
        gpu=1,
    shell:
        "ccc colorize {input.gray:q} --method zhang --weights {input.weights:q} -o {output:q}"
        " 2>&1 | tee {log:q}"
