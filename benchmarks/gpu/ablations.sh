#!/usr/bin/env bash
# Trainings on one GPU, side by side: the model that ships, DenseNet-121, and on fewer sources what settings do.
#   bash benchmarks/gpu/ablations.sh SHARDS WORK MOBILENET_V2
# SHARDS: folder that benchmarks/gpu_bundle.sh made; MOBILENET_V2: torchvision's ImageNet weights. Every run is resumable:
# the same command goes on. STEPS and BATCH in the environment change the length of the long runs and the batch.
set -euo pipefail
(($# == 3)) || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
shards=$1 work=$2 mobilenet=$3
steps=${STEPS:-12000} batch=${BATCH:-64} short=${SHORT:-4000}
mkdir -p "$work"
ccc() { python3 -m ccc "$@"; }
ccc codebook "$shards"/*-main-*.tar "$shards"/*-held-*.tar --relative-threshold 4.55e-6 -o "$work/all.json"
ccc codebook "$shards"/*-main-*.tar --relative-threshold 4.55e-6 -o "$work/main.json"
common=(--batch-size "$batch" --crop 128 --schedule cooldown --warmup 200 --cooldown 0.35 --select best
  --precision bfloat16 --workers 3 --save-every 1000)
small=(--encoder mobilenet_v2 --pretrained "$mobilenet" --decoder skip --encoder-rate 0.3)
usual=(--random-resized-crop 0.3 --gamma-jitter 0.8 --ema 0.998 --upsilon 0.1)

all() { # name, options: all sources, validated on photographs of both kinds
  local name=$1
  shift
  ccc train "$shards"/*-main-*.tar "$shards"/*-held-*.tar --validation "$shards"/*-val.tar --codebook "$work/all.json" \
    -o "$work/$name" --name scenes+objects "${common[@]}" --validate-every 500 --validation-batches 64 "$@" \
    >>"$work/$name.log" 2>&1 || echo "$name: exit status $?" >>"$work/failed"
}
held() { # name, options: without the held-out sources, validated on them
  local name=$1
  shift
  ccc train "$shards"/*-main-*.tar --validation "$shards"/objects-held-0.tar "$shards"/scenes-held-0.tar \
    --codebook "$work/main.json" -o "$work/$name" --name "scenes+objects, held out" "${common[@]}" \
    --validate-every 500 --validation-batches 64 "$@" >>"$work/$name.log" 2>&1 ||
    echo "$name: exit status $?" >>"$work/failed"
}

all small "${small[@]}" "${usual[@]}" --steps "$steps" &
all dense "${usual[@]}" --steps "$steps" &
held held-long "${small[@]}" "${usual[@]}" --steps "$steps" &
{
  held held-usual "${small[@]}" "${usual[@]}" --steps "$short"
  held held-zoom-0.5 "${small[@]}" "${usual[@]}" --random-resized-crop 0.5 --steps "$short"
  held held-relight-0.4 "${small[@]}" "${usual[@]}" --gamma-jitter 0.4 --steps "$short"
} &
{
  held held-upsilon-0.5 "${small[@]}" "${usual[@]}" --upsilon 0.5 --steps "$short"
  held held-none "${small[@]}" "${usual[@]}" --balance none --steps "$short"
  held held-ema-0.9995 "${small[@]}" "${usual[@]}" --ema 0.9995 --steps "$short"
} &
wait
echo done >"$work/ended"
