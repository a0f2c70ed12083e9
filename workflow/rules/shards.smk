DATA = config["data"]
SOURCES = {"train": DATA["source"], "validation": DATA["validation"]}
PHOTOGRAPHS = {split: photographs(source, split) for split, source in SOURCES.items()}
CHOICES = {
    "train": options(DATA, only=("classes", "per_class", "limit", "seed")),
    "validation": options(
        {"limit": DATA["validation_limit"], "seed": DATA["seed"]}
        if DATA["validation_limit"]
        else {}
    ),
}
SHAPE = options(
    {
        "size": DATA["size"],
        "map_size": DATA["size"] // 4,
        "fit": DATA["fit"],
        "min_chroma": DATA["min_chroma"],
    }
)


rule embedded:
    input:
        code=code("cli.embedded"),
    output:
        train=directory("results/embedded/train"),
        validation=directory("results/embedded/validation"),
        benchmark=directory("results/embedded/benchmark"),
    log:
        "logs/embedded.log",
    conda:
        "../envs/ccc.yaml"
    shell:
        "ccc embedded results/embedded 2>&1 | tee {log:q}"


rule index:
    input:
        embedded=lambda wildcards: sources.embedded(
            SOURCES[wildcards.split], wildcards.split
        ),
        code=code("cli.index"),
    output:
        index="results/index/{split}.parquet",
        manifest="results/index/{split}.json",
    log:
        "logs/index/{split}.log",
    priority: 10  # the longest chain of jobs
    conda:
        "../envs/ccc.yaml"
    params:
        photographs=lambda wildcards: PHOTOGRAPHS[wildcards.split],
        fingerprint=lambda wildcards: fingerprint(SOURCES[wildcards.split]),
        choice=lookup(dpath="{split}", within=CHOICES),
    shell:
        "ccc index {params.photographs:q} -o {output.index:q} {params.choice:q} --allow-skipped 2>&1 | tee {log:q}"


rule shard:
    input:
        embedded=lambda wildcards: sources.embedded(
            SOURCES[wildcards.split], wildcards.split
        ),
        index="results/index/{split}.parquet",
        code=code("cli.shard"),
    output:
        tar="results/shards/{split}/{number}.tar",
        histogram="results/shards/{split}/{number}.histogram.npy",
        pictures="results/shards/{split}/{number}.pictures.parquet",
        statistics="results/shards/{split}/{number}.json",
    log:
        "logs/shard/{split}/{number}.log",
    priority: 10  # the longest chain of jobs
    conda:
        "../envs/ccc.yaml"
    params:
        photographs=lambda wildcards: PHOTOGRAPHS[wildcards.split],
        of=lookup(dpath="{split}", within=SHARD_COUNTS),
        shape=SHAPE,
    shell:
        "ccc shard {params.photographs:q} --index {input.index:q} -o {output.tar:q}"
        " --shard {wildcards.number} --of {params.of} {params.shape:q} --allow-skipped 2>&1 | tee {log:q}"
