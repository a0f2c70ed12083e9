#!/usr/bin/env bash
# The photographs that a GPU machine without network trains on, as shards at 160 pixels, in parcels of 60 MiB or less.
#   bash benchmarks/gpu_bundle.sh DATA WORK
# DATA holds scenes/ and objects/, each with train_256.tar and val_256.tar. Sources that benchmarks/gpu_train.sh keeps
# out to choose the decoding have shards of their own (*-held-*). WORK/parcel.?? are to be copied to that machine and
# unpacked there: cat parcel.?? | tar xJ
set -euo pipefail
(($# == 2)) || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
data=$1 work=$2
held_scenes='bsds caltech101 kodak mcm'
held_objects='flickr8k imagenette'
mkdir -p "$work/shards"
for set in scenes objects; do
  train=$data/$set/train_256.tar
  held=held_$set
  others=$(tar tf "$train" | awk -F/ 'NF > 3 {print $3}' | sort -u | grep -vxF "${!held// /$'\n'}")
  # shellcheck disable=SC2086  # lists of words
  {
    ccc index "$train" -o "$work/$set-main.parquet" --seed 0 --classes $others
    ccc index "$train" -o "$work/$set-held.parquet" --seed 0 --classes ${!held}
  }
  for part in main:12 held:2; do
    name=$set-${part%:*} of=${part#*:}
    for ((shard = 0; shard < of; shard++)); do
      ccc shard "$train" --index "$work/$name.parquet" -o "$work/shards/$name-$shard.tar" --shard $shard --of "$of" \
        --size 160 --map-size 40
    done
  done
  ccc shard "$data/$set/val_256.tar" -o "$work/shards/$set-val.tar" --size 160 --map-size 40
done
rm -f "$work"/parcel.*
tar c -C "$work" shards | xz -2 -T2 | split -b 60M - "$work/parcel."
ls -l "$work"/parcel.*
