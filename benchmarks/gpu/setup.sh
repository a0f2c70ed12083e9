#!/usr/bin/env bash
# Install those wheels of a folder whose packages this Python lacks, without an index.
#   bash benchmarks/gpu/setup.sh WHEELS
set -euo pipefail
missing=()
for wheel in "$1"/*.whl; do
  name=$(basename "$wheel" | cut -d- -f1)
  python3 -c "import importlib.metadata, sys; importlib.metadata.version(sys.argv[1])" "$name" 2>/dev/null || missing+=("$wheel")
done
((${#missing[@]} == 0)) || python3 -m pip install --quiet --no-index --no-deps "${missing[@]}"
