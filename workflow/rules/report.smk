# Published figures, and the checksums and sizes that identify the paper's methods.
PUBLISHED = [
    os.path.relpath(path)
    for path in (
        *sorted((ROOT / "ccc/report/published").glob("*.yaml")),
        ROOT / "ccc/assets/weights.yaml",
        ROOT / "ccc/assets/photographs.yaml",
    )
]

# Sources of the pages other than Python.
TEMPLATES = sorted(
    os.path.relpath(path)
    for part in ("templates", "static")
    for path in (ROOT / "ccc/report" / part).iterdir()
)

# Whether a benchmark is compared with the table of another paper, which adds a page.
OTHER_TABLES = [
    yaml.safe_load(path.read_text())
    for path in sorted((ROOT / "ccc/report/published").glob("*.yaml"))
    if path.stem != "paper"
]
FIELD = bool(
    {entry["column"] for entry in config["benchmarks"].values()}
    & {dataset for table in OTHER_TABLES for dataset in table["pictures"]}
)

# Tables and pages need every metric's title, direction and other facts.
METRIC_CODE = sorted({family.module for family in FAMILIES.values()} | families.every())


# Only this rule reads the metric files; tables and pages render its summary.
rule tables:
    input:
        json=cells(".json"),
        csv=cells(".csv"),
        leakage=LEAKAGE,
        model=MODEL,
        weights=list(METRIC_WEIGHTS.values()),
        published=PUBLISHED,
        code=code("cli.tables", *METRIC_CODE),
    output:
        json=f"results/summary/{RUN}.json",
        parquet=f"results/summary/{RUN}.parquet",
        tables=report(
            directory(f"{REPORT}/tables"),
            patterns=["{table}.csv"],
            caption="../report/tables.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
    log:
        f"logs/tables/{RUN}.log",
    conda:
        "../envs/ccc.yaml"
    params:
        list_files=LIST_FILES,
        run=RUN,
        model=lambda wildcards, input: (
            ["--model", input.model, "--weights", f"ccc={input.model}"]
            if input.model
            else []
        ),
        leakage=lambda wildcards, input: options({"leakage": list(input.leakage)}),
        interval=options(config["report"], only=["interval"]),
        metrics=lambda wildcards: CELL.format(
            **{part: braces(names) for part, names in cell_parts().items()}
        ),
        # Functions, because Snakemake would read braces in a string as wildcards.
        options=lambda wildcards: (
            TABLE_OPTIONS + assignments("--weights", METRIC_WEIGHTS)
        ),
    shell:
        "ccc tables {params.metrics}.json -o {output.tables:q} --summary {output.json:q} --run {params.run:q}"
        " {params.model:q} {params.leakage:q} {params.interval:q}"
        " {params.options:q} 2>&1 | tee {log:q} && {params.list_files} {output.tables:q}"


PREVIEWS = expand(
    "results/previews/{{method}}/{variant}/{dataset}",
    variant=VARIANTS,
    dataset=DATASETS,
)
BENCHMARK_PREVIEWS = expand(
    "results/previews/benchmark/{part}/{dataset}",
    part=["truth", "gray"],
    dataset=DATASETS,
)


# One job per method: adding a method does not redraw the thumbnails and maps of the others.
rule previews:
    input:
        pictures=expand(
            "results/colorized/{{method}}/{variant}/{dataset}",
            variant=VARIANTS,
            dataset=DATASETS,
        ),
        truth=[
            f"results/benchmarks/{dataset}/truth"
            for variant in VARIANTS
            for dataset in DATASETS
        ],
        code=code("cli.previews"),
    output:
        directory(PREVIEWS),
    log:
        "logs/previews/{method}.log",
    conda:
        "../envs/ccc.yaml"
    params:
        list_files=LIST_FILES,
        pictures=config["report"]["pictures"],
    shell:
        "ccc previews {input.pictures:q} --truth {input.truth:q} -o {output:q}"
        " --count {params.pictures} > {log:q} 2>&1 && {params.list_files} {output:q}"


use rule previews as benchmark_previews with:
    input:
        pictures=expand(
            "results/benchmarks/{dataset}/{part}",
            part=["truth", "gray"],
            dataset=DATASETS,
        ),
        truth=expand("results/benchmarks/{dataset}/truth", dataset=DATASETS) * 2,
        code=code("cli.previews"),
    output:
        directory(BENCHMARK_PREVIEWS),
    log:
        "logs/previews/benchmark.log",


RERUN = rerun_command(workflow)


rule report:
    input:
        summary=rules.tables.output.json,
        values=rules.tables.output.parquet,
        comparisons=COMPARISONS,
        ablations=ABLATIONS,
        benchmarks=expand(
            "results/benchmarks/{dataset}/{part}",
            dataset=DATASETS,
            part=["gray", "truth"],
        ),
        colorized=expand(
            "results/colorized/{method}/{variant}/{dataset}",
            method=METHODS,
            variant=VARIANTS,
            dataset=DATASETS,
        ),
        previews=expand(PREVIEWS, method=METHODS),
        benchmark_previews=BENCHMARK_PREVIEWS,
        codebook=[] if config["model"] else "results/codebook.json",
        training=[] if config["model"] else rules.train.output,
        statistics=[] if config["model"] else STATISTICS,
        manifests=(
            []
            if config["model"]
            else expand("results/index/{split}.json", split=SHARD_COUNTS)
        ),
        templates=TEMPLATES,
        published=PUBLISHED,
        code=code("cli.report", *METRIC_CODE),
    output:
        page=report(
            f"{REPORT}/index.html",
            caption="../report/page.rst",
            category="Page",
            labels={"page": "overview"},
        ),
        plots=report(
            f"{REPORT}/plots.html",
            caption="../report/plots.rst",
            category="Page",
            labels={"page": "plots"},
        ),
        pages=[
            f"{REPORT}/tables.html",
            f"{REPORT}/classes.html",
            *([f"{REPORT}/field.html"] if FIELD else []),
            *([f"{REPORT}/harmonization.html"] if "sam" in VARIANTS else []),
            *expand(f"{REPORT}/pictures-{{dataset}}.html", dataset=DATASETS),
        ],
        pictures=directory(f"{REPORT}/pictures"),
        data=directory(f"{REPORT}/data"),
    log:
        f"logs/report/{RUN}.log",
    conda:
        "../envs/ccc.yaml"
    params:
        list_files=LIST_FILES,
        folder=subpath(output.page, parent=True),
        pictures=config["report"]["pictures"],
        rerun=lambda wildcards: RERUN,
        training=lambda wildcards, input: (
            []
            if config["model"]
            else options(
                {
                    "codebook": input.codebook,
                    "training": Path(input.training[0]).parent,
                    "shards": beside(input.statistics, ".tar"),
                }
            )
        ),
        harmonization=lambda wildcards, input: options(
            {
                "comparisons": list(input.comparisons),
                "ablations": list(input.ablations),
            }
        ),
    shell:
        "ccc report {input.summary:q} -o {params.folder:q} --pictures {params.pictures} --rerun {params.rerun:q}"
        " {params.training:q} {params.harmonization:q} 2>&1 | tee {log:q}"
        " && {params.list_files} {output:q}"


# Folders whose deleted files are made again; coloured pictures are checked as well.
LISTED_FOLDERS = [
    rules.tables.output.tables,
    rules.report.output.pictures,
    rules.report.output.data,
    *expand(PREVIEWS, method=METHODS),
    *BENCHMARK_PREVIEWS,
    *COMPARISONS,
]
