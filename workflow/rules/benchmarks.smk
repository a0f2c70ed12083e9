# For each benchmark: its source, the folder of its photographs, and how to select from them.
BENCHMARK_SOURCES = {
    name: entry["source"] for name, entry in config["benchmarks"].items()
}
BENCHMARK_PHOTOGRAPHS = {
    name: photographs(source, "benchmark") for name, source in BENCHMARK_SOURCES.items()
}
BENCHMARK_OPTIONS = {
    name: options(
        {
            "count": entry["n"],
            "pick": entry["pick"],
            "seed": entry["seed"],
            "protocol": entry["protocol"],
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
        embedded=lambda wildcards: sources.embedded(
            BENCHMARK_SOURCES[wildcards.dataset], "benchmark"
        ),
        # A public set's official part and its photographs' places in the archive.
        catalogue=branch(
            lambda wildcards: BENCHMARK_SOURCES[wildcards.dataset] in datasets.known(),
            then=os.path.relpath(ROOT / "ccc/assets/photographs.yaml"),
            otherwise=[],
        ),
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
        photographs=lambda wildcards: BENCHMARK_PHOTOGRAPHS[wildcards.dataset],
        fingerprint=lambda wildcards: fingerprint(BENCHMARK_SOURCES[wildcards.dataset]),
        folder=subpath(output.manifest, parent=True),
        options=lookup(dpath="{dataset}", within=BENCHMARK_OPTIONS),
    shell:
        "ccc prepare {params.photographs:q} -o {params.folder:q} {params.options:q} --allow-skipped 2>&1 | tee {log:q}"


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
