# One file a method, each with one rule that colours; dropped into workflow/methods, it is part of the benchmark.
for path in method_files():

    include: path


METHODS = methods()
# What CNR over the codebook's classes reads. Without CCC among the methods there is no need to fit one.
CODEBOOK = (config["model"] or "results/codebook.json") if "ccc" in METHODS else []
