# The paper's decoding regardless of `colorize`: argmax, class centres, bilinear.
use rule colorize as colorize_ccc with:
    input:
        pictures="results/benchmarks/{dataset}/gray",
        weights=model_path(),
        code=code("cli.colorize", "colorizers.ccc"),
    output:
        directory("results/colorized/ccc/plain/{dataset}"),
    log:
        "logs/colorize/ccc/{dataset}.log",
    benchmark:
        "results/timings/ccc/{dataset}.tsv"
    params:
        options=[*assignments("--option", PAPERS_DECODING), "--keep-ab"],
