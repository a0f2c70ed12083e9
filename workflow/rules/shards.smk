DATA = config["data"]
PHOTOGRAPHS = {
    "train": photographs(DATA["source"], "train"),
    "validation": photographs(DATA["validation"], "validation"),
}
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
        photographs=lookup(dpath="{split}", within=PHOTOGRAPHS),
        code=code("cli.index"),
    output:
        index="results/index/{split}.parquet",
        manifest="results/index/{split}.json",
    log:
        "logs/index/{split}.log",
    conda:
        "../envs/ccc.yaml"
    params:
        choice=lookup(dpath="{split}", within=CHOICES),
    shell:
        "ccc index {input.photographs:q} -o {output.index:q} {params.choice:q} 2>&1 | tee {log:q}"


rule shard:
    input:
        photographs=lookup(dpath="{split}", within=PHOTOGRAPHS),
        index="results/index/{split}.parquet",
        code=code("cli.shard"),
    output:
        tar="results/shards/{split}/{number}.tar",
        histogram="results/shards/{split}/{number}.histogram.npy",
        statistics="results/shards/{split}/{number}.json",
    log:
        "logs/shard/{split}/{number}.log",
    conda:
        "../envs/ccc.yaml"
    params:
        of=lookup(dpath="{split}", within=SHARD_COUNTS),
        shape=SHAPE,
    shell:
        "ccc shard {input.photographs:q} --index {input.index:q} -o {output.tar:q}"
        " --shard {wildcards.number} --of {params.of} {params.shape:q} 2>&1 | tee {log:q}"
