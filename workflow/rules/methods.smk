# Shared by the built-in methods, which inherit it in their own files. Its constraint matches no name, so it never runs
# itself. A method from elsewhere is one complete rule (docs/add-methods.md).
rule colorize:
    input:
        pictures="results/benchmarks/{dataset}/gray",
        code=code("cli.colorize"),
    output:
        directory("results/colorized/{method}/plain/{dataset}"),
    log:
        "logs/colorize/{method}/{dataset}.log",
    benchmark:
        "results/timings/{method}/{dataset}.tsv"
    wildcard_constraints:
        method="(?!)",
    conda:
        "../envs/ccc.yaml"
    resources:
        gpu=1,
    params:
        method=lambda wildcards, output: Path(output[0]).parents[1].name,
        weights=lambda wildcards, input: options({"weights": input.get("weights")}),
        options=[],
    shell:
        "ccc colorize {input.pictures:q} --method {params.method:q} {params.weights:q} -o {output:q}"
        " {params.options:q} 2>&1 | tee {log:q}"


# One file per method with one colouring rule; every file in workflow/methods is part of the benchmark.
for path in COLORIZERS.files:

    include: path


METHODS = COLORIZERS.chosen(config["methods"])
method_files.check_rules(workflow.rules, METHODS, DATASETS[0])
# The codebook for CNR over its classes. Without CCC among the methods none is fitted.
MODEL = model_path() if {"ccc", "ccc_photo"} & set(METHODS) else []
CODEBOOK = (config["model"] or "results/codebook.json") if MODEL else []

# Information in the tables beside the metrics, in files and on pages.
TABLE_OPTIONS = (
    assignments(
        "--column", {name: config["benchmarks"][name]["column"] for name in BENCHMARKS}
    )
    + assignments("--title", {name: title(name) for name in METHODS})
    + assignments(
        "--not-run", COLORIZERS.not_run if config["methods"] == "auto" else {}
    )
    + assignments("--caution", method_files.cautions(config))
    + assignments(
        "--harmonize",
        {
            name: config["harmonize"][name]
            for name in (*Algorithm.model_fields, "upsample")
            if "sam" in VARIANTS
        },
    )
)
