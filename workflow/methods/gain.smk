# Neither code nor weights are public: its pictures come from a folder. Copy this file for any precomputed method.
GAIN = config["baselines"]["gain"]["folder"]
if not GAIN:
    COLORIZERS.not_run["gain"] = (
        "nothing of it is public, name a folder of its pictures as baselines.gain.folder"
    )


use rule colorize as colorize_gain with:
    input:
        pictures="results/benchmarks/{dataset}/gray",
        code=code("cli.colorize", "colorizers.gain"),
    output:
        directory("results/colorized/gain/plain/{dataset}"),
    log:
        "logs/colorize/gain/{dataset}.log",
    benchmark:
        "results/timings/gain/{dataset}.tsv"
    resources:
        gpu=0,
    params:
        fingerprint=lambda wildcards: sources.content(
            kept_folder(GAIN, wildcards.dataset)
        ),
        options=lambda wildcards: [
            "--option",
            f"folder={kept_folder(GAIN, wildcards.dataset)}",
        ],
