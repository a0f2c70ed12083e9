# One file a method, each with one rule that colours; dropped into workflow/methods, it is part of the benchmark.
for path in method_files():

    include: path


METHODS = methods()
# What CNR over the codebook's classes reads. Without CCC among the methods there is no need to fit one.
CODEBOOK = (config["model"] or "results/codebook.json") if "ccc" in METHODS else []

# What the tables say beside the metrics, in their files and on the pages.
TABLE_OPTIONS = (
    assignments(
        "--column", {name: config["benchmarks"][name]["column"] for name in BENCHMARKS}
    )
    + assignments("--not-run", not_run())
    + assignments(
        "--harmonize",
        {
            name: config["harmonize"][name]
            for name in ("min_pixels", "delta_a", "delta_b")
            if "sam" in VARIANTS
        },
    )
)
