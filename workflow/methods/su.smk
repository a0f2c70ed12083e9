rule colorize_su:
    input:
        gray="results/benchmarks/{dataset}/gray",
        weights=method_weights("su", "su", "su_mmagic"),
        boxes=lambda wildcards: kept_files("su.boxes", wildcards.dataset),
        detector=(
            method_weights("su", "maskrcnn_r50")
            if config["baselines"]["su"]["detector"]
            else []
        ),
        code=code("cli.colorize", "colorizers.su"),
    output:
        directory("results/colorized/su/plain/{dataset}"),
    log:
        "logs/colorize/su/{dataset}.log",
    benchmark:
        "results/timings/su/{dataset}.tsv"
    conda:
        "../envs/ccc.yaml"
    resources:
        gpu=1,
    params:
        options=lambda wildcards: assignments(
            "--option",
            config["baselines"]["su"]
            | (
                {"boxes": kept_folder("su.boxes", wildcards.dataset)}
                if config["baselines"]["su"]["boxes"]
                else {}
            ),
        ),
    shell:
        "ccc colorize {input.gray:q} --method su --weights {input.weights:q} -o {output:q}"
        " {params.options:q} 2>&1 | tee {log:q}"
