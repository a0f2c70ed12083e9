# By benchmark: where its photographs lie, the file that says which are the official ones, and how to choose.
BENCHMARK_PHOTOGRAPHS = {
    name: photographs(entry["source"], "benchmark")
    for name, entry in config["benchmarks"].items()
}
BENCHMARK_SPLITS = {
    name: sources.split_file(entry["source"], config["photographs"])
    for name, entry in config["benchmarks"].items()
}
BENCHMARK_OPTIONS = {
    name: options(
        {
            "count": entry["n"],
            "seed": entry["seed"],
            "side": config["side"],
            "dataset": (
                entry["source"] if entry["source"] in datasets.known() else None
            ),
        }
    )
    for name, entry in config["benchmarks"].items()
}


rule prepare:
    input:
        photographs=lambda wildcards: BENCHMARK_PHOTOGRAPHS[wildcards.dataset],
        split=lambda wildcards: BENCHMARK_SPLITS[wildcards.dataset],
        code=code("cli.prepare"),
    output:
        manifest="results/benchmarks/{dataset}/manifest.csv",
        truth=directory("results/benchmarks/{dataset}/truth"),
        gray=directory("results/benchmarks/{dataset}/gray"),
    log:
        "logs/prepare/{dataset}.log",
    wildcard_constraints:
        dataset="|".join(map(re.escape, BENCHMARKS)),
    conda:
        "../envs/ccc.yaml"
    params:
        folder=subpath(output.manifest, parent=True),
        options=lookup(dpath="{dataset}", within=BENCHMARK_OPTIONS),
    shell:
        "ccc prepare {input.photographs:q} -o {params.folder:q} {params.options:q} 2>&1 | tee {log:q}"


rule showcase:
    input:
        manifests=expand(
            "results/benchmarks/{dataset}/manifest.csv", dataset=BENCHMARKS
        ),
        truth=expand("results/benchmarks/{dataset}/truth", dataset=BENCHMARKS),
        code=code("cli.showcase"),
    output:
        manifest="results/benchmarks/showcase/manifest.csv",
        truth=directory("results/benchmarks/showcase/truth"),
        gray=directory("results/benchmarks/showcase/gray"),
    log:
        "logs/showcase.log",
    conda:
        "../envs/ccc.yaml"
    params:
        folders=expand("results/benchmarks/{dataset}", dataset=BENCHMARKS),
        folder=subpath(output.manifest, parent=True),
        pictures=[
            word
            for name in config["showcase"]["pictures"]
            for word in ("--picture", name)
        ],
    shell:
        "ccc showcase {params.folders:q} -o {params.folder:q} {params.pictures:q} 2>&1 | tee {log:q}"
