rule colorize_larsson:
    input:
        gray="results/benchmarks/{dataset}/gray",
        weights=method_weights("larsson", "larsson"),
        code=code("cli.colorize", "colorizers.larsson"),
    output:
        directory("results/colorized/larsson/plain/{dataset}"),
    log:
        "logs/colorize/larsson/{dataset}.log",
    benchmark:
        "results/timings/larsson/{dataset}.tsv"
    conda:
        "../envs/ccc.yaml"
    resources:
        gpu=1,
    shell:
        "ccc colorize {input.gray:q} --method larsson --weights {input.weights:q} -o {output:q}"
        " 2>&1 | tee {log:q}"
