import os

from snakemake.utils import min_version

min_version("9.1.0")


# The embedded default, unless another file is given with --configfile: the two are not to be merged. A folder given
# with --directory may hold a default of its own.
if not workflow.overwrite_configfiles:

    DEFAULT = "config/config.yaml"

    configfile: DEFAULT if os.path.exists(DEFAULT) else f"{workflow.basedir}/{DEFAULT}"


include: "workflow/rules/common.smk"
include: "workflow/rules/methods.smk"
include: "workflow/rules/shards.smk"
include: "workflow/rules/codebook.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/benchmarks.smk"
include: "workflow/rules/leakage.smk"
include: "workflow/rules/segments.smk"
include: "workflow/rules/harmonize.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/provenance.smk"


onstart:
    hold_folder()
    check_jobs()


onsuccess:
    report_ending()


rule all:
    default_target: True
    input:
        # Snakemake makes again what is deleted of its targets, not of what they are made of; and a run that failed and
        # was repaired can keep stale tables. So what the tables and pages show stands here beside them.
        expand(
            "results/benchmarks/{dataset}/{part}",
            dataset=DATASETS,
            part=["gray", "truth", "manifest.csv"],
        ),
        expand(
            "results/colorized/{method}/{variant}/{dataset}",
            method=METHODS,
            variant=VARIANTS,
            dataset=DATASETS,
        ),
        incomplete_folders,
        cells(".json"),
        cells(".csv"),
        rules.tables.output,
        rules.report.output,
        LISTED_FOLDERS,
        rules.provenance.output,
