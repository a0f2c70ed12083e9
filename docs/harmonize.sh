#!/usr/bin/env bash
# Makes docs/harmonize.jpg from a photograph that scikit-image ships: run it from the root of the checkout, with `ccc`
# on the path. The colours are the true ones through a 56x56 class map, the masks those of felzenszwalb.
set -euo pipefail
work=${1:-results/figure}
ccc embedded "$work" --crops 1
mkdir -p "$work/one"
cp "$work/benchmark/astronaut_1.png" "$work/one"
ccc prepare "$work/one" -o "$work/set" -n all --side 256
ccc segment "$work/set/gray" -o "$work/masks" --coco "$work/masks.json" --segmenter felzenszwalb
ccc colorize "$work/set/truth" --method oracle -o "$work/oracle" --overwrite
ccc harmonize "$work/set/gray" "$work/oracle" --masks "$work/masks.json" -o "$work/sam"
ccc compare "$work/set/gray" "$work/oracle" "$work/sam" --masks "$work/masks.json" --truth "$work/set/truth" \
  -o "$work/comparison"
cp "$work/comparison/000.jpg" docs/harmonize.jpg
