# The training state is in results/train/<run>/state, outside the declared output: Snakemake deletes the outputs of a
# failed job. The code is `ancient`: a changed comment must not repeat a week of training. Each GPU
# (`--set-resources train:gpu=4`) has a process; another number of GPUs does not retrain a finished model. `tee` ignores
# the signals that save the state, which a scheduler or a terminal sends to the whole job.
rule train:
    input:
        shards=TRAINING_SHARDS,
        validation=VALIDATION_SHARDS,
        statistics=STATISTICS,
        codebook="results/codebook.json",
        weights=starting_weights(config["training"]),
        code=ancient(code("cli.train")),
    output:
        model=f"results/train/{RUN}/ccc.safetensors",
        history=f"results/train/{RUN}/history.csv",
        preview=report(
            f"results/train/{RUN}/preview.png",
            caption="../report/preview.rst",
            category="Previews",
        ),
    log:
        f"logs/train/{RUN}.log",
    priority: 10  # the longest chain of jobs
    conda:
        "../envs/ccc.yaml"
    threads: 32
    resources:
        gpu=1,
        workers=config["training"]["workers"],  # no parameter: another number does not retrain a finished model
    params:
        folder=subpath(output.model, parent=True),
        options=lambda wildcards: (
            recipe_options(config["training"])
            + options({"name": config["data"]["name"] or None})
        ),
    shell:
        "ccc train {input.shards:q} --validation {input.validation:q} --codebook {input.codebook:q}"
        " -o {params.folder:q} --processes {resources.gpu} --workers {resources.workers} {params.options:q} 2>&1"
        " | (trap '' TERM INT HUP USR1; exec tee {log:q})"
