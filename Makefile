# `make demo` and `make test` do everything on a fresh machine: environment, installation, run.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORES ?= all

.PHONY: demo test test-all test-slurm lint docs format settings clean

# The last installation because pyiqa brings opencv-python too, which overwrites the files of opencv-python-headless and
# looks for libGL.so.1.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps -c constraints.txt opencv-python-headless
	touch $@

demo: $(VENV)/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --cores $(CORES)
	@echo
	@echo "The report: $(CURDIR)/reports/demo/index.html"

# Two workers, each with whole files of tests, whose fixtures their tests share.
PYTEST := PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest -n 2 --dist loadfile

test: $(VENV)/installed
	$(PYTEST) -m "not slow"

# Whole runs of the workflow, kills in every stage, trainings and full-size networks too.
test-all: $(VENV)/installed
	$(PYTEST)

# The workflow through a Slurm of one node, which the test starts: as root, where slurm-wlm and munge are installed.
test-slurm: $(VENV)/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" CCC_TEST_SLURM=1 python -m pytest tests/workflow/test_slurm.py

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/lint-imports
	$(BIN)/ty check --python $(VENV) --quiet
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --lint
	$(BIN)/codespell
	$(BIN)/hadolint Dockerfile

docs: $(VENV)/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "The documentation: $(CURDIR)/site/index.html"

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

# The schema of the configuration and the table of its keys, from ccc/settings.
settings: $(VENV)/installed
	$(BIN)/python -m ccc.settings

clean:
	rm -rf results logs reports/demo site .snakemake .pytest_cache .ruff_cache .import_linter_cache
