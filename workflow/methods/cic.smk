rule colorize_cic:
    input:
        gray="results/benchmarks/{dataset}/gray",
        weights=method_weights("cic", "cic"),
        code=code("cli.colorize", "colorizers.cic"),
    output:
        directory("results/colorized/cic/plain/{dataset}"),
    log:
        "logs/colorize/cic/{dataset}.log",
    benchmark:
        "results/timings/cic/{dataset}.tsv"
    conda:
        "../envs/ccc.yaml"
    resources:
        gpu=1,
    shell:
        "ccc colorize {input.gray:q} --method cic --weights {input.weights:q} -o {output:q}"
        " 2>&1 | tee {log:q}"
