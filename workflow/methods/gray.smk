rule colorize_gray:
    input:
        gray="results/benchmarks/{dataset}/gray",
        code=code("cli.colorize", "colorizers.gray"),
    output:
        directory("results/colorized/gray/plain/{dataset}"),
    log:
        "logs/colorize/gray/{dataset}.log",
    benchmark:
        "results/timings/gray/{dataset}.tsv"
    conda:
        "../envs/ccc.yaml"
    shell:
        "ccc colorize {input.gray:q} --method gray -o {output:q} 2>&1 | tee {log:q}"
