# The project with all that it needs, for engines that run containers (docs/cluster.md). Not built by the tests; by hand with
# buildah, on a plain Debian 12 with its Python 3.11 in place of the image below: the demo ran in it, torch being a CPU build.
#   docker build -t ccc:cuda .       torch as Linux wheels ship it, with CUDA; runs without a GPU too
#   docker build -t ccc:cpu --build-arg TORCH=torch==2.13.0+cpu --build-arg PIP_EXTRA_INDEX_URL=<PyTorch's CPU index> .
#   docker run --rm -v "$PWD:/work" ccc:cuda snakemake --cores all --directory /work
FROM python:3.11-slim-bookworm

# The wheels bring what they need; numba's cache looks for a home.
RUN apt-get update \
 && apt-get install -y --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/*
ENV HOME=/tmp PYTHONDONTWRITEBYTECODE=1

ARG PIP_EXTRA_INDEX_URL=
ARG TORCH=torch
WORKDIR /ccc
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY ccc ccc
# pyiqa brings opencv-python too, which overwrites the files of opencv-python-headless and looks for libGL.so.1.
RUN pip install --no-cache-dir -c constraints.txt "${TORCH}" -e . \
 && pip install --no-cache-dir --force-reinstall --no-deps -c constraints.txt opencv-python-headless
COPY Snakefile ./
COPY workflow workflow
COPY config config
COPY profiles profiles

CMD ["snakemake", "--cores", "all"]
