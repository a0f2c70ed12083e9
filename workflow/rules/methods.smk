# One file a method, each with one rule that colours; dropped into workflow/methods, it is part of the benchmark.
for path in method_files():

    include: path


METHODS = methods()
