# The project with all that it needs, for engines that run containers (docs/cluster.md).
#   docker build -t ccc:cuda .       torch as Linux wheels ship it, with CUDA; runs without a GPU too
#   docker build -t ccc:cpu --build-arg TORCH=torch==2.13.0+cpu --build-arg PIP_EXTRA_INDEX_URL=<PyTorch's CPU index> .
#   docker run --rm -v "$PWD:/work" ccc:cuda snakemake --cores all --directory /work
FROM python:3.11-slim-bookworm

# git at the version of the base image: Debian keeps no older one.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/*
# numba's cache needs a home that every user can write.
ENV HOME=/tmp PYTHONDONTWRITEBYTECODE=1
SHELL ["/bin/bash", "-o", "pipefail", "-c"]

ARG PIP_EXTRA_INDEX_URL=
ARG TORCH=torch
WORKDIR /ccc
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY ccc ccc
# pyiqa without its dependencies: its FSIM, VSI and other classic metrics import none of transformers, bitsandbytes and
# what else it asks for (tests/metrics/test_foreign.py); a metric that needs one is n/a with that reason. `pip check`
# may complain of pyiqa alone.
RUN python -c "import tomllib; print(*(r for r in tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'] if r != 'pyiqa'), sep='\n')" > /tmp/requirements.txt \
 && pip install --no-cache-dir -c constraints.txt "${TORCH}" -r /tmp/requirements.txt \
 && pip install --no-cache-dir --no-deps -c constraints.txt pyiqa -e . \
 && rm /tmp/requirements.txt \
 && { pip check || true; } | { ! grep -vE '^(pyiqa |No broken)'; }
COPY Snakefile ./
COPY workflow workflow
COPY config config
COPY profiles profiles

CMD ["snakemake", "--cores", "all"]
