PUBLISHED = os.path.relpath(ROOT / "ccc/report/published.yaml")

# What the pages are made of besides Python.
TEMPLATES = sorted(
    os.path.relpath(path)
    for part in ("templates", "static")
    for path in (ROOT / "ccc/report" / part).iterdir()
)

# Tables and pages read the facts about every metric: its title, which way is better.
METRIC_CODE = [family.module for family in FAMILIES.values()]


rule tables:
    input:
        json=cells(".json"),
        csv=cells(".csv"),
        model=model_path() if "ccc" in METHODS else [],
        published=PUBLISHED,
        code=code("cli.tables", *METRIC_CODE),
    output:
        report(
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
        model=lambda wildcards, input: options({"model": input.model}),
        # Functions, because in a text Snakemake would take the braces of a name for wildcards.
        options=lambda wildcards: TABLE_OPTIONS,
    shell:
        "ccc tables {input.json:q} -o {output:q} {params.model:q} {params.options:q} 2>&1 | tee {log:q}"
        " && {params.list_files} {output:q}"


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


# One job a method: a new one gives no other one new thumbnails and maps.
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


rule report:
    input:
        json=cells(".json"),
        csv=cells(".csv"),
        tables=rules.tables.output,
        harmonization=HARMONIZATION,
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
        model=model_path() if "ccc" in METHODS else [],
        weights=list(METRIC_WEIGHTS.values()),
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
        run=RUN,
        pictures=config["report"]["pictures"],
        rerun=rerun_command(workflow),
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
        model=lambda wildcards, input: (
            ["--model", input.model, "--weights", f"ccc={input.model}"]
            if input.model
            else []
        ),
        options=lambda wildcards: (
            TABLE_OPTIONS + assignments("--weights", METRIC_WEIGHTS)
        ),
    shell:
        "ccc report {input.json:q} -o {params.folder:q} --run {params.run:q} --results results"
        " --timings results/timings --pictures {params.pictures} --rerun {params.rerun:q}"
        " {params.training:q} {params.options:q} {params.model:q} 2>&1 | tee {log:q}"
        " && {params.list_files} {output:q}"


# What a user may delete in part and gets back; coloured pictures are looked through as well.
LISTED_FOLDERS = [
    *rules.tables.output,
    rules.report.output.pictures,
    rules.report.output.data,
    *expand(PREVIEWS, method=METHODS),
    *BENCHMARK_PREVIEWS,
    *FIGURES,
]
