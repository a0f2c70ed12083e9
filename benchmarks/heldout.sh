#!/usr/bin/env bash
# How a model decodes best where photographs come from elsewhere than those it was trained on: trained without the
# sources bsds, caltech101, kodak and mcm of the scenes, and measured on fifty each of the first two and of the
# validation scenes, which hold all sources. On two cores about half an hour; the table is WORK/table.md.
#   bash benchmarks/heldout.sh DATA WORK ALEXNET [options of `ccc train`, such as --random-resized-crop 0]
# DATA holds scenes/; the encoder's ImageNet weights are found by `ccc weights`. Run from the root of the checkout.
set -euo pipefail
(($# >= 3)) || { sed -n '2,7s/^# //p' "$0" >&2; exit 2; }
data=$1 work=$2 alexnet=$3
shift 3
others='bsds caltech101 kodak mcm'
train=$data/scenes/train_256.tar
mkdir -p "$work"
classes=$(tar tf "$train" | awk -F/ 'NF > 3 {print $3}' | sort -u | grep -vxF "${others// /$'\n'}")
# shellcheck disable=SC2086  # lists of words
{
  ccc index "$train" -o "$work/train.parquet" --seed 0 --classes $classes
  ccc index "$train" -o "$work/others.parquet" --seed 0 --per-class 250 --classes $others
}
for shard in 0 1 2 3; do
  ccc shard "$train" --index "$work/train.parquet" -o "$work/train/$shard.tar" \
    --shard $shard --of 4 --size 160 --map-size 40
done
ccc shard "$train" --index "$work/others.parquet" -o "$work/others.tar" --size 160 --map-size 40
ccc codebook "$work"/train/*.tar --relative-threshold 4.55e-6 -o "$work/codebook.json"
ccc train "$work"/train/*.tar --validation "$work/others.tar" --codebook "$work/codebook.json" -o "$work/model" \
  --encoder mobilenet_v2 --pretrained --decoder skip --batch-size 32 --crop 128 --random-resized-crop 0.3 --gamma-jitter 0.8 \
  --encoder-rate 0.3 --schedule cooldown --warmup 100 --cooldown 0.4 --ema 0.998 --upsilon 0.1 \
  --validate-every 220 --save-every 220 --validation-batches 40 --steps 1320 "$@"
tar xf "$train" -C "$work" --wildcards '*/bsds/*' '*/caltech101/*'
ccc prepare "$work/data_256/b/bsds" -o "$work/bsds" --side keep
ccc prepare "$work/data_256/c/caltech101" -o "$work/caltech101" --side keep
ccc prepare "$data/scenes/val_256.tar" -o "$work/validation" --side keep
python benchmarks/decoding.py "$work/bsds" "$work/caltech101" "$work/validation" --grid \
  --model "$work/model/ccc.safetensors" --alexnet "$alexnet" -o "$work/table.md"
