# The same model, decoded by the settings `colorize` for plausible photographs.
if method_files.same_decoding(config):
    COLORIZERS.not_run["ccc_photo"] = (
        "colorize, or else the model's file, names the paper's decoding: it would be ccc again"
    )


use rule colorize as colorize_ccc_photo with:
    input:
        pictures="results/benchmarks/{dataset}/gray",
        weights=model_path(),
        code=code("cli.colorize", "colorizers.ccc"),
    output:
        directory("results/colorized/ccc_photo/plain/{dataset}"),
    log:
        "logs/colorize/ccc_photo/{dataset}.log",
    benchmark:
        "results/timings/ccc_photo/{dataset}.tsv"
    params:
        method=lambda wildcards: "ccc",
        options=[
            *assignments("--option", method_files.photo_decoding(config)),
            "--keep-ab",
        ],
