#!/usr/bin/env bash
# The model that comes with ccc, from photographs to file: shards, codebook, training, the choice of its vividness on
# sources that were kept out of training, and its tables on the benchmarks. Two cores: three hours, of which the training
# takes two and goes on where it was stopped when the same command is given again.
#   bash benchmarks/ship.sh DATA WORK ALEXNET [options of `ccc train`, such as --steps 20000]
# DATA holds scenes/, objects/ and benchmarks/; the encoder's ImageNet weights are found by `ccc weights`; ALEXNET is the
# trunk of LPIPS. Run from the root of the checkout. WORK/chosen.safetensors is the file.
set -euo pipefail
(($# >= 3)) || { sed -n '2,8s/^# //p' "$0" >&2; exit 2; }
data=$1 work=$2 alexnet=$3
shift 3
mkdir -p "$work"

make_shards() { # kind, sources kept out
  local tar=$data/$1/train_256.tar index=$work/$1 classes
  classes=$(tar tf "$tar" | awk -F/ 'NF > 3 {print $3}' | sort -u | grep -vxF "${2// /$'\n'}")
  # shellcheck disable=SC2086  # a list of words
  ccc index "$tar" -o "$index.parquet" --seed 0 --classes $classes
  ccc index "$data/$1/val_256.tar" -o "$index-val.parquet" --seed 0
  for shard in 0 1 2 3; do
    ccc shard "$tar" --index "$index.parquet" -o "$work/train/$1-$shard.tar" --shard $shard --of 4 --size 160 --map-size 40
  done
  ccc shard "$data/$1/val_256.tar" --index "$index-val.parquet" -o "$work/validation/$1.tar" --size 160 --map-size 40
  for source in $2; do
    local count=60
    [ "$source" = kodak ] && count=all # 23
    tar xf "$tar" -C "$work" --wildcards "*/$source/*"
    ccc prepare "$work/data_256/${source:0:1}/$source" -o "$work/held/$source" --side keep -n "$count"
  done
}

if [ ! -e "$work/codebook.json" ]; then
  make_shards scenes 'bsds kodak'
  make_shards objects 'flickr8k camera'
  for name in ade20k celeba coco flowers102 imagenet; do
    ccc prepare "$data/benchmarks/$name" -o "$work/benchmarks/$name" -n all
  done
  ccc codebook "$work"/train/*.tar --relative-threshold 4.55e-6 -o "$work/codebook.json"
fi
for name in ade20k celeba coco flowers102 imagenet; do
  ccc leakage "$work/benchmarks/$name/manifest.csv" "$work"/train/*.tar "$work"/validation/*.tar -o "$work/leakage-$name.json"
done
ccc train "$work"/train/*.tar --validation "$work"/validation/*.tar --codebook "$work/codebook.json" -o "$work/model" \
  --name scenes+objects --encoder mobilenet_v2 --pretrained --decoder skip --batch-size 32 --crop 128 \
  --random-resized-crop 0.3 --gamma-jitter 0.8 --encoder-rate 0.3 --schedule cooldown --warmup 100 --cooldown 0.4 \
  --ema 0.998 --upsilon 0.1 --validate-every 500 --save-every 250 --validation-batches 64 --select best --steps 7000 "$@"
chosen=$(python benchmarks/decoding.py "$work"/held/* --curve --model "$work/model/ccc.safetensors" --alexnet "$alexnet" \
  -o "$work/held.md" | tee >(cat >&2) | sed -n 's/^chosen: vividness //p')
photographs=$(python -c 'import json, sys; print(format(sum(json.load(open(path))["samples"] for path in sys.argv[1:]), ","))' \
  "$work"/train/*.json)
ccc export "$work/model/ccc.safetensors" -o "$work/chosen.safetensors" --vividness "$chosen" \
  --note "$photographs photographs of scenes and objects, not the data of the paper"
python benchmarks/decoding.py "$work"/benchmarks/* --model "$work/chosen.safetensors" --alexnet "$alexnet" \
  -o "$work/benchmarks.md"
