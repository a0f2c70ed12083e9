# What the built-in methods share. Each inherits it in its own file; no name fits the constraint, so that it is no rule
# of its own. A method from elsewhere is one whole rule (docs/add-methods.md).
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


# One file a method, each with one rule that colours; dropped into workflow/methods, it is part of the benchmark.
for path in COLORIZERS.files:

    include: path


METHODS = COLORIZERS.chosen(config["methods"])
method_files.check_rules(workflow.rules, METHODS, DATASETS[0])
# What CNR over the codebook's classes reads. Without CCC among the methods there is no need to fit one.
MODEL = model_path() if {"ccc", "ccc_photo"} & set(METHODS) else []
CODEBOOK = (config["model"] or "results/codebook.json") if MODEL else []

# What the tables say beside the metrics, in their files and on the pages.
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
