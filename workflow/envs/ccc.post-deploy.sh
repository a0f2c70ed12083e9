#!/usr/bin/env bash
# Install this checkout, in the tested versions, into the environment that Snakemake has just made of ccc.yaml.
#
# Snakemake (deployment/conda.py, Env.create) runs a copy of this file, in .snakemake/conda of the folder of the run, with
# that folder as the working directory and the environment activated: none of them leads to the checkout. CCC_CHECKOUT
# does, which workflow/rules/common.smk sets in the process that starts this.
set -euo pipefail
cd "${CCC_CHECKOUT:?is set by workflow/rules/common.smk and names the checkout to install}"
pip install --no-input -c constraints.txt -e .
# pyiqa brings opencv-python too, which overwrites this one's files and looks for libGL.so.1.
pip install --no-input --force-reinstall --no-deps -c constraints.txt opencv-python-headless
