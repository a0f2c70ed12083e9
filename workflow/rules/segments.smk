CHECKPOINTS = {
    name: segmenter_checkpoint(config["segmenter"], name) for name in DATASETS
}


# The masks of single pictures are in a folder beside the declared output: Snakemake deletes the outputs of a failed
# job, and a killed job resumes after its last finished picture.
rule segment:
    input:
        gray="results/benchmarks/{dataset}/gray",
        code=code("cli.segment"),
    output:
        f"results/segments/{SEGMENTER}/{{dataset}}.json",
    log:
        f"logs/segment/{SEGMENTER}/{{dataset}}.log",
    conda:
        "../envs/ccc.yaml"
    resources:
        gpu=1,
    params:
        folder=f"results/segments/{SEGMENTER}/{{dataset}}",
        checkpoint=lambda wildcards: options(
            {"checkpoint": CHECKPOINTS[wildcards.dataset]}
        ),
        fingerprint=lambda wildcards: sources.content(
            segmenter_weights(config["segmenter"], wildcards.dataset),
            suffixes={".json", ".npz", ".npy", ".png", ".csv"},
        ),
        options=["--segmenter", SEGMENTER]
        + assignments("--option", config["segmenter"]["parameters"]),
    shell:
        "ccc segment {input.gray:q} -o {params.folder:q} --coco {output:q} {params.checkpoint:q} {params.options:q}"
        " 2>&1 | tee {log:q}"
