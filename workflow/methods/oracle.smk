# The ceiling of every method of 400 classes: it looks at the truth.
rule colorize_oracle:
    input:
        truth="results/benchmarks/{dataset}/truth",
        code=code("cli.colorize", "colorizers.oracle"),
    output:
        directory("results/colorized/oracle/plain/{dataset}"),
    log:
        "logs/colorize/oracle/{dataset}.log",
    benchmark:
        "results/timings/oracle/{dataset}.tsv"
    conda:
        "../envs/ccc.yaml"
    shell:
        "ccc colorize {input.truth:q} --method oracle -o {output:q} 2>&1 | tee {log:q}"
