SU = config["baselines"]["su"]


use rule colorize as colorize_su with:
    input:
        pictures="results/benchmarks/{dataset}/gray",
        weights=method_weights("su", "su", "su_mmagic"),
        detector=method_weights("su", "maskrcnn_r50") if SU["detector"] else [],
        code=code("cli.colorize", "colorizers.su"),
    output:
        directory("results/colorized/su/plain/{dataset}"),
    log:
        "logs/colorize/su/{dataset}.log",
    benchmark:
        "results/timings/su/{dataset}.tsv"
    params:
        fingerprint=lambda wildcards: (
            sources.content(
                SU["boxes"] and kept_folder(SU["boxes"], wildcards.dataset),
                suffixes={".npz", ".json"},
            )
        ),
        options=lambda wildcards: assignments(
            "--option",
            SU
            | {"boxes": SU["boxes"] and kept_folder(SU["boxes"], wildcards.dataset)},
        ),
