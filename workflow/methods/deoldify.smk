rule colorize_deoldify:
    input:
        gray="results/benchmarks/{dataset}/gray",
        weights=method_weights(
            "deoldify", f"deoldify_{config['baselines']['deoldify']['model']}"
        ),
        code=code("cli.colorize", "colorizers.deoldify"),
    output:
        directory("results/colorized/deoldify/plain/{dataset}"),
    log:
        "logs/colorize/deoldify/{dataset}.log",
    benchmark:
        "results/timings/deoldify/{dataset}.tsv"
    conda:
        "../envs/ccc.yaml"
    resources:
        gpu=1,
    params:
        options=assignments("--option", config["baselines"]["deoldify"]),
    shell:
        "ccc colorize {input.gray:q} --method deoldify --weights {input.weights:q} -o {output:q}"
        " {params.options:q} 2>&1 | tee {log:q}"
