rule tables:
    input:
        json=cells(".json"),
        csv=cells(".csv"),
        model=model_path() if "ccc" in METHODS else [],
        code=code("cli.tables"),
    output:
        directory(f"{REPORT}/tables"),
    log:
        f"logs/tables/{RUN}.log",
    conda:
        "../envs/ccc.yaml"
    params:
        options=assignments(
            "--column",
            {name: config["benchmarks"][name]["column"] for name in BENCHMARKS},
        )
        + assignments("--not-run", not_run())
        + assignments(
            "--harmonize",
            {
                name: value
                for name, value in config["harmonize"].items()
                if name != "enabled" and "sam" in VARIANTS
            },
        )
        + (["--model", model_path()] if "ccc" in METHODS else []),
    shell:
        "ccc tables {input.json:q} -o {output:q} {params.options:q} 2>&1 | tee {log:q}"


rule report:
    input:
        json=cells(".json"),
        csv=cells(".csv"),
        tables=rules.tables.output,
        benchmarks=expand("results/benchmarks/{dataset}/manifest.csv", dataset=DATASETS),
        colorized=expand(
            "results/colorized/{method}/{variant}/{dataset}",
            method=METHODS,
            variant=VARIANTS,
            dataset=DATASETS,
        ),
        codebook=[] if config["model"] else "results/codebook.json",
        training=[] if config["model"] else rules.train.output,
        statistics=(
            []
            if config["model"]
            else beside(TRAINING_SHARDS + VALIDATION_SHARDS, ".json")
        ),
        manifests=(
            []
            if config["model"]
            else expand("results/index/{split}.json", split=SHARD_COUNTS)
        ),
        code=code("cli.report"),
    output:
        page=f"{REPORT}/index.html",
        pictures=directory(f"{REPORT}/pictures"),
    log:
        f"logs/report/{RUN}.log",
    conda:
        "../envs/ccc.yaml"
    params:
        folder=subpath(output.page, parent=True),
        run=RUN,
        pictures=config["report"]["pictures"],
        training=(
            []
            if config["model"]
            else [
                "--codebook",
                "results/codebook.json",
                "--training",
                f"results/train/{RUN}",
                "--shards",
                *TRAINING_SHARDS,
                *VALIDATION_SHARDS,
            ]
        ),
        options=assignments(
            "--column",
            {name: config["benchmarks"][name]["column"] for name in BENCHMARKS},
        )
        + assignments("--not-run", not_run()),
    shell:
        "ccc report {input.json:q} -o {params.folder:q} --run {params.run:q} --results results"
        " --pictures {params.pictures} {params.training:q} {params.options:q} 2>&1 | tee {log:q}"
