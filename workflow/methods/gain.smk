# Neither code nor weights are public: its pictures come from a folder. Copy this file for any precomputed method.
if not config["baselines"]["gain"]["folder"]:
    NOT_RUN["gain"] = (
        "nothing of it is public, name a folder of its pictures as baselines.gain.folder"
    )


rule colorize_gain:
    input:
        gray="results/benchmarks/{dataset}/gray",
        pictures=lambda wildcards: kept_files("gain.folder", wildcards.dataset),
        code=code("cli.colorize", "colorizers.gain"),
    output:
        directory("results/colorized/gain/plain/{dataset}"),
    log:
        "logs/colorize/gain/{dataset}.log",
    benchmark:
        "results/timings/gain/{dataset}.tsv"
    conda:
        "../envs/ccc.yaml"
    params:
        folder=lambda wildcards: kept_folder("gain.folder", wildcards.dataset),
    shell:
        "ccc colorize {input.gray:q} --method gain --option folder={params.folder:q} -o {output:q}"
        " 2>&1 | tee {log:q}"
